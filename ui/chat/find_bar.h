// Finds text in the chat that is shown.
#pragma once

#include "ui/chat/calm_button.h"

#include <QLabel>
#include <QLineEdit>
#include <QTimer>
#include <QWidget>

namespace switchyard {

class FindBar : public QWidget {
    Q_OBJECT
  public:
    explicit FindBar(QWidget* parent = nullptr);
    /// Shows the bar and looks for `text`, or for what was looked for last.
    void open(const QString& text);
    void close();
    void setFound(int current, int total);

  Q_SIGNALS:
    void queryChanged(const QString& query);
    void stepRequested(int step);
    void closed();

  protected:
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    QLineEdit* edit_;
    QLabel* count_;
    QTimer delay_;
};

} // namespace switchyard
