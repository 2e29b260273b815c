// Offers to carve a dense model into experts, shows how far it is, and opens the result.
#pragma once

#include "app/services/job_queue.h"

#include <QWidget>

class QLabel;
class QProgressBar;
class QPushButton;

namespace switchyard {

class CarvePanel : public QWidget {
    Q_OBJECT
  public:
    explicit CarvePanel(QWidget* parent = nullptr);

    /// Why the model that is loaded wants it; what was said of another one goes.
    void setReason(const QString& why);
    void show(const Job& job);

  Q_SIGNALS:
    void carveRequested();
    void cancelRequested();
    void openRequested(const QString& path);

  private:
    void setRunning(bool running);

    bool running_ = false;
    QString why_, result_;
    QLabel* text_;
    QPushButton *carve_, *cancel_, *open_;
    QProgressBar* bar_;
};

} // namespace switchyard
