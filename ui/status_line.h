// The status bar: the model, what the shown page has to say, memory, and what is going on now.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/devices.h"
#include "app/services/hub/downloads.h"
#include "app/services/job_queue.h"

#include <QPointer>
#include <QStatusBar>
#include <QTimer>

class QLabel;

namespace switchyard {

class StatusLine : public QStatusBar {
    Q_OBJECT
  public:
    /// All must outlive it.
    StatusLine(CurrentModel& current, Devices& devices, ChatController& controller, JobQueue& jobs,
               Downloads& downloads, QWidget* parent = nullptr);

    /// Of the page that is shown; nullptr: none. The one before is hidden.
    void setPart(QWidget* part);

  protected:
    bool event(QEvent* event) override;

  private:
    void fit();
    void connectServices();
    void showModel();
    void showRun();
    void addEvents(const std::vector<RunEvent>& events);
    void showActivity();
    QString runText(const RunStatus& run) const;
    void sampleMemory();
    void showCard();

    CurrentModel& current_;
    Devices& devices_;
    ChatController& controller_;
    QLabel *model_, *memory_, *card_, *activity_;
    QWidget* place_; ///< of the page's part
    QWidget* jobs_ = nullptr;
    QPointer<QWidget> part_;
    QTimer memory_timer_;
    double load_share_ = 0, rate_ = 0;
    quint32 recode_done_ = 0, recode_total_ = 0;
    RunId run_ = 0; ///< of the shown chat, whose speed rate_ is
};

} // namespace switchyard
