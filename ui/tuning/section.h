// A part of a column with a heading that folds it.
#pragma once

#include <QToolButton>
#include <QVBoxLayout>
#include <QWidget>

namespace switchyard {

class Section : public QWidget {
    Q_OBJECT
  public:
    /// `name` becomes part of the object names: "section.NAME".
    Section(const QString& name, const QString& title, QWidget* parent = nullptr);

    QVBoxLayout* body() { return body_layout_; }
    bool hasContent() const; ///< anything in it that is not hidden itself
    void setTitle(const QString& title);
    void setFolded(bool folded);
    bool isFolded() const;

  Q_SIGNALS:
    void foldedChanged(bool folded);

  private:
    QToolButton* header_;
    QWidget* body_;
    QVBoxLayout* body_layout_;
};

} // namespace switchyard
