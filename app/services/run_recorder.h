// Takes the events of one run into the answer that it makes: text, thinking, tokens and timings; and hands
// the store what is new of it.
#pragma once

#include "app/services/run_service.h"
#include "app/services/thinking_splitter.h"
#include "app/services/token_log.h"

#include <QElapsedTimer>

#include <memory>

namespace switchyard {

class ConversationStore;

/// A run that is under way in a chat.
struct RunStatus {
    enum class Phase { Queued, Prefill, Decoding };
    RunId run = 0;
    ConversationId conversation = 0;
    MessageId message = 0; ///< the answer that grows
    ModelKey model;        ///< that was asked
    Phase phase = Phase::Queued;
    int prefill_done = 0, prefill_total = 0; ///< tokens
};

class RunRecorder {
  public:
    /// Before the request is submitted. Where it goes on with `answer`, that has its tokens; its parts are
    /// then as these tell them.
    RunRecorder(Message& answer, const GenerationRequest& request);

    const RunStatus& status() const { return status_; }
    void setRun(RunId run) { status_.run = run; }

    /// In order; the last event of a run ends its answer's state Streaming. True where status() changed.
    bool take(Message& answer, const std::vector<RunEvent>& events);
    /// There will be no more events: what is there is the answer, stopped.
    void stop(Message& answer);

    /// Something came since save(), and a while ago.
    bool isSaveDue() const;
    bool isUnsaved() const { return unsaved_; }
    void save(Message& answer, ConversationStore& store);

  private:
    void takeToken(Message& answer, const RunEvent& event);
    void finish(Message& answer, const RunEvent& event);

    RunStatus status_;
    std::shared_ptr<TokenLog> log_; ///< all tokens of the message, for the store
    ThinkingSplitter splitter_;
    QElapsedTimer saved_;
    bool unsaved_ = false, status_changed_ = false;
    bool reads_ = false;  ///< the splitter knows how to read what comes
    int first_token_ = 0; ///< where this run's tokens begin in the message's record
    RunTimings earlier_;  ///< of the runs this one continues
};

} // namespace switchyard
