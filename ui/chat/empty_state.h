// What an empty chat shows: a greeting and three prompts to try.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QWidget>

namespace switchyard {

class EmptyState : public QWidget {
    Q_OBJECT
  public:
    explicit EmptyState(QWidget* parent = nullptr);
    /// A line about the model: that it is small, that it is loading.
    void setHint(const QString& hint);
    /// Where there is little room, there are fewer prompts.
    QSize minimumSizeHint() const override { return {0, 0}; }

  Q_SIGNALS:
    void promptChosen(const QString& prompt);

  protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void restyle();
    void fit();
    QLabel *heading_, *hint_;
    QList<QPushButton*> prompts_;
};

} // namespace switchyard
