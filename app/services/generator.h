// What answers: the engine on this machine, a remote server later, or a scripted one in tests. Every event
// carries its run's id; nothing here waits.
#pragma once

#include "app/services/conversation.h"
#include "app/services/speed_history.h"

#include <QObject>
#include <QString>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace switchyard {

struct ChatTurn {
    Author author = Author::User;
    QString text;
    // Of an answer that goes on:
    QString thinking{};              ///< what it had thought before its text
    std::vector<std::int32_t> ids{}; ///< its tokens by the same model, where its text is still theirs
};

struct GenerationRequest {
    ConversationId conversation = 0; ///< chats keep their KV cache by this
    std::vector<ChatTurn> turns;
    Tuning tuning;
    bool continue_last = false;      ///< go on with the last turn, an unfinished answer
    DrawVersion draw = kDrawVersion; ///< an answer that goes on is drawn as it began
    std::optional<RunRecord> replay; ///< run again exactly: this record's settings, seed and dial moves
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
    QString error;               ///< Finished with Failed: a sentence with cause and way on
    std::uint64_t used_seed = 0; ///< Finished and the first Token
    std::string tail;            ///< Finished: text that was held back until now, often ""
    /// Finished: the whole record where the generator keeps one (the local one does), nullptr otherwise.
    std::shared_ptr<const RunRecord> record;
    /// First Token: how to tell thinking and text apart; nullptr: by the known marks.
    std::shared_ptr<const AnswerReading> reading;
    ComputedBy computed_by;           ///< Token, the first at least: what the answer is made by
    std::vector<ContextSpan> context; ///< the first Token: how its prompt was computed
};

/// A guarded buffer between the worker and the UI thread: append() returns true when it was empty, so that
/// the UI is woken once; the UI drains it on a timer.
class TokenStream {
  public:
    bool append(RunEvent event);
    std::vector<RunEvent> drain();

  private:
    std::mutex mutex_;
    std::vector<RunEvent> events_;
};

/// How one choice of a stepped control would turn out, known before it is chosen.
struct ChoiceForecast {
    QString name;         ///< "Q4_K"
    quint64 bytes = 0;    ///< of memory of our own: weights, or the cache as `note` says
    TokenCost token;      ///< of an answer
    SpeedRange speed;     ///< expected at decode
    bool no_gain = false; ///< larger than the file, and no nearer to the authors' weights
    QString note;         ///< "Q5_0 where rows are not divisible by 256"
};

/// What the loaded model allows. The Tune column is built from controls() and this.
struct Capabilities {
    bool ready = false;
    QString model_path, model_name, architecture, device; ///< device: "CPU, 2 threads"
    QString model_fingerprint;                            ///< the same for the same file, wherever it lies
    QString file_precision;                               ///< "Q4_1"
    int threads = 1;                                      ///< of the device
    double bandwidth = 0;                ///< bytes a second read from memory; 0: not measured
    int context = 0;                     ///< tokens
    int experts = 0, experts_active = 0; ///< 0: dense, the expert dial is off
    bool can_carve = false;
    QStringList notes;       ///< what a user should know of how the file was understood
    QStringList unavailable; ///< names of controls that do not exist here
    std::vector<ChoiceForecast> weights, kv;
    Tuning defaults;                                   ///< the model's own
    quint64 weights_bytes = 0, kv_bytes_per_token = 0; ///< weights: measured, in memory of our own
    quint64 memory_total = 0, memory_available = 0;    ///< bytes of RAM
};

enum class ModelState { None, Loading, Ready, Failed };

class Generator : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;
    ~Generator() override = default;

    /// Begins to load; state and progress come by signal. Runs in progress end first. While another model
    /// works, the file is looked at before: one that cannot be used changes nothing, which loadRefused()
    /// says.
    virtual void loadModel(const QString& path) = 0;
    virtual void unloadModel() = 0;
    virtual ModelState modelState() const = 0;
    virtual const Capabilities& capabilities() const = 0;

    /// Queues a run; a chat may have one at a time.
    virtual RunId submit(GenerationRequest request) = 0;
    /// Takes effect within 50 ms; the run ends with FinishReason::Stopped. An unknown id is ignored.
    virtual void cancel(RunId run) = 0;
    /// Moves a dial of a run that is under way (chat scope): the next token obeys. A seed of 0 keeps the
    /// run's own.
    virtual void setTuning(RunId run, const SequenceTuning& tuning) = 0;
    /// Moves a dial of the model (precision of the weights).
    virtual void setModelTuning(const ModelTuning& tuning) = 0;
    /// Tokens a text costs, by the loaded model; -1 where none is loaded. The answer comes on this thread,
    /// later.
    virtual void countTokens(const QString& text, std::function<void(int)> answer) = 0;

    /// The conversation was deleted: what is cached of it goes.
    virtual void forget(ConversationId) {}

    /// Carves a dense model into `output`; progress and result by signal.
    virtual void carve(const QString& output) = 0;
    virtual void cancelCarve() = 0;

    /// What has happened since the last call; called by the UI timer.
    virtual std::vector<RunEvent> drain() = 0;

  Q_SIGNALS:
    void eventsWaiting(); ///< the stream is no longer empty
    void modelStateChanged(switchyard::ModelState state, const QString& error);
    void loadRefused(const QString& path, const QString& error); ///< the model that works stays
    void capabilitiesChanged(); ///< of the loaded model: expected speeds were corrected by measured ones
    void loadProgress(double share);
    void recodeProgress(quint32 done, quint32 total); ///< weights being re-encoded; equal: finished
    void recodeFailed(const QString& error);          ///< a sentence; the weights stay as far as they came
    void carveProgress(double share, const QString& stage);
    void carveFinished(const QString& path, const QString& error); ///< error empty: done
};

} // namespace switchyard
