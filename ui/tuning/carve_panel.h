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

    /// Why the model that is loaded (its path) wants it; what a job said of another one goes.
    void setReason(const QString& model, const QString& why);
    void show(const Job& job);

  Q_SIGNALS:
    void carveRequested();
    void cancelRequested();
    void openRequested(const QString& path);

  private:
    void setRunning(bool running);
    void showReason();

    bool running_ = false;
    bool told_ = false; ///< what became of a job stands there in place of the reason
    QString model_, why_, result_;
    QLabel* text_;
    QPushButton *carve_, *cancel_, *open_;
    QProgressBar* bar_;
};

} // namespace switchyard
