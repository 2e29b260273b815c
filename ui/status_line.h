// The status bar: the model, how full its context is, memory, and what is going on now.
#pragma once

#include "app/services/chat_controller.h"

#include <QElapsedTimer>
#include <QStatusBar>
#include <QTimer>

class QLabel;

namespace switchyard {

class StatusLine : public QStatusBar {
    Q_OBJECT
  public:
    explicit StatusLine(QWidget* parent = nullptr);

    void setModel(ModelState state, const Capabilities& capabilities);
    void setLoading(double share);
    void setRecoding(quint32 done, quint32 total);
    void setCarving(bool running, double share);
    /// The run of the shown chat; nullptr: none. `elsewhere` runs go on in other chats.
    void setRun(const RunStatus* run, int elsewhere);
    void addEvents(const std::vector<RunEvent>& events);
    /// Tokens of the shown chat so far, from its stored answers.
    void setContextUsed(int tokens);
    QString activity() const;

  private:
    void showContext();
    void showActivity();
    void sampleMemory();

    QLabel *model_, *context_, *memory_, *activity_;
    QTimer memory_timer_;
    ModelState state_ = ModelState::None;
    int context_total_ = 0, context_used_ = 0, elsewhere_ = 0;
    double load_share_ = 0, carve_share_ = 0, rate_ = 0;
    quint32 recode_done_ = 0, recode_total_ = 0;
    bool carving_ = false, running_ = false;
    RunStatus run_;
};

} // namespace switchyard
