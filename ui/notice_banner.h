// Over the pages: what the user has to know, until it was read. Each notice stands until it is dismissed.
#pragma once

#include <QStringList>
#include <QWidget>

class QLabel;

namespace switchyard {

class NoticeBanner : public QWidget {
    Q_OBJECT
  public:
    explicit NoticeBanner(QWidget* parent = nullptr);

    /// Shows the sentence below those that were not read yet; one that stands there already is not repeated.
    void add(const QString& sentence);
    const QStringList& sentences() const { return sentences_; }

  private:
    void dismiss();
    QStringList sentences_;
    QLabel* text_;
};

} // namespace switchyard
