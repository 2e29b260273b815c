// The quiet line over the composer of a chat that was answered by another model than the one in use.
#pragma once

#include <QLabel>
#include <QToolButton>
#include <QWidget>

namespace switchyard {

class ModelOffer : public QWidget {
    Q_OBJECT
  public:
    explicit ModelOffer(QWidget* parent = nullptr);

    /// A sentence, and what can be done about it; empty: nothing. Without a sentence nothing is shown.
    void set(const QString& sentence, const QString& action);
    QString sentence() const { return text_->text(); }

  Q_SIGNALS:
    void taken();

  private:
    QLabel* text_;
    QToolButton* action_;
};

} // namespace switchyard
