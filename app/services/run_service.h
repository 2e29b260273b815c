// What answers: the engine on this machine, a server later, or a script in tests. Nothing here waits.
#pragma once

#include "app/services/conversation.h"
#include "app/services/model_host.h"
#include "engine/run/run_priority.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace switchyard {

struct ChatTurn {
    Author author = Author::User;
    QString text;
    // Of an answer that goes on:
    QString thinking{};              ///< what it had thought before its text
    std::vector<std::int32_t> ids{}; ///< its tokens by the same model, where its text is still theirs
    int place = -1;                  ///< its message's in the branch, from 0; -1: it is none
};

struct GenerationRequest {
    ModelKey model;
    RunPriority priority = RunPriority::Chat;
    quint64 client = 0;              ///< who asks: of equal priority, who was served least is next
    ConversationId conversation = 0; ///< chats keep their KV cache by this; 0: none
    std::vector<ChatTurn> turns;
    Tuning tuning;
    bool continue_last = false;      ///< go on with the last turn, an unfinished answer
    DrawVersion draw = kDrawVersion; ///< an answer that goes on is drawn as it began
    /// Beside what the user asked: nothing of it is kept for later prompts, and it does not count among the
    /// measured speeds.
    bool aside = false;
    std::optional<RunRecord> replay; ///< run again exactly: this record's settings, seed and dial moves
    /// So many of the branch's oldest messages are left out already, and stay so.
    int left_out = 0;
    bool left_out_exactly = false; ///< not one more, as with a replay and an answer that goes on
};

/// The prompt of a request, to be looked at.
struct ShownPrompt {
    QString text; ///< all of it, special tokens spelled out
    struct Span {
        qsizetype begin = 0, end = 0; ///< UTF-16 units
        bool operator==(const Span&) const = default;
    };
    std::vector<Span> special; ///< where special tokens stand; what is only spelled like one is none
    int tokens = 0;
    int room = 0;           ///< tokens of the context that are kept for the answer
    quint64 hash = 0;       ///< as ComputedBy's
    int left_out = 0;       ///< messages that are not in it
    int left_out_pairs = 0; ///< questions among those that the request did not leave out already
    QString error;          ///< a sentence, where there is none
};

/// One thing that happened in a run. Tokens arrive in order; the last event of a run is Finished.
struct RunEvent {
    enum class Kind { Queued, Prefill /* progress */, Token, Move, Finished } kind = Kind::Token;
    RunId run = 0;
    TokenRecord token;                       ///< Token
    DialMove move;                           ///< Move: came into force before move.token
    int prefill_done = 0, prefill_total = 0; ///< Prefill, in tokens
    RunTimings timings;                      ///< Finished
    FinishReason finish = FinishReason::EndOfTurn;
    /// Finished with Failed: a sentence with cause and way on, as the engine has it (engineSentence() says
    /// it).
    QString error;
    std::uint64_t used_seed = 0; ///< Finished and the first Token
    std::string tail;            ///< Finished: text that was held back until now, often ""
    /// Finished: the whole record where the service keeps one (the local one does), nullptr otherwise.
    std::shared_ptr<const RunRecord> record;
    /// First Token: how to tell thinking and text apart; nullptr: by the known marks.
    std::shared_ptr<const AnswerReading> reading;
    std::optional<Tuning> settings;   ///< the first Token: what the run began with
    ComputedBy computed_by;           ///< Token, the first at least: what the answer is made by
    std::vector<ContextSpan> context; ///< the first Token: how its prompt was computed
    int left_out = 0;                 ///< the first Token: messages that are not in the prompt
};

/// Hears what happened in one run since the last time, in order, on the thread of the service.
using RunSink = std::function<void(RunId run, const std::vector<RunEvent>& events)>;

class RunService {
  public:
    virtual ~RunService() = default;

    /// Queues a run; a conversation may have one at a time. `sink` hears all of it, from the next turn of the
    /// event loop on and at most every 16 ms. The run ends where `consumer` is destroyed, which is told no
    /// more. A run of a model that loads waits for it.
    virtual RunId submit(GenerationRequest request, QObject* consumer, RunSink sink) = 0;
    /// Takes effect within 50 ms; the run ends with FinishReason::Stopped. An unknown id is ignored.
    virtual void cancel(RunId run) = 0;
    /// Moves a dial of a run that is under way (chat scope): the next token obeys. A seed of 0 keeps the
    /// run's own.
    virtual void setTuning(RunId run, const SequenceTuning& tuning) = 0;
    /// Whether it can say what the prompt of a request is.
    virtual bool knowsPrompts() const { return false; }
    /// Makes the prompt of a request and runs nothing. The answer comes on this thread, later, and not any
    /// more once `context` is gone; a service that does not know its prompts gives none.
    virtual void showPrompt(GenerationRequest, QObject*, std::function<void(const ShownPrompt&)>) {}
    /// The same without its text, for who asks again with each change: the latest request takes the place of
    /// those before, which get no answer then.
    virtual void measurePrompt(GenerationRequest request, QObject* context,
                               std::function<void(const ShownPrompt&)> answer) {
        showPrompt(std::move(request), context, std::move(answer));
    }
    /// The conversation was deleted: what is cached of it goes.
    virtual void forget(ConversationId) {}
};

} // namespace switchyard
