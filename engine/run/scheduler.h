// The worker thread that computes answers: many runs at once in one batch, dials read once a token.
#pragma once

#include "engine/run/kv_cache.h"
#include "engine/run/loaded_model.h"
#include "engine/run/recoder.h"
#include "engine/run/step_turns.h"

#include <chrono>

namespace switchyard {

using RunHandle = std::uint64_t; ///< 0: none

/// One of the likeliest tokens at a place.
struct TokenAlternative {
    std::int32_t id = 0;
    double logprob = 0; ///< natural logarithm of its probability, before the samplers
};

/// How likely a token of the prompt was after those before it.
struct PromptToken {
    std::int32_t id = 0;
    double logprob = 0;
    std::vector<TokenAlternative> alternatives; ///< as many as were asked for, the likeliest first
};

struct SchedulerEvent {
    enum class Kind { Prefill, Token, Move, Finished } kind = Kind::Token;
    RunHandle run = 0;
    int prefill_done = 0, prefill_total = 0;    ///< Prefill: tokens in the cache, of the prompt
    std::vector<PromptToken> prompt;            ///< Prefill, where asked for: the tokens since the last one's
    TokenRecord token;                          ///< Token
    std::vector<TokenAlternative> alternatives; ///< Token, where asked for
    DialMove move;                              ///< Move: in force before token move.token
    Tuning settings;                            ///< the first Token: what the answer began with
    ComputedBy computed_by;                     ///< the first Token: what the answer is made by
    std::vector<ContextSpan> context;           ///< the first Token: how its prompt was computed
    std::shared_ptr<const RunRecord> record;    ///< Finished: the whole of it
    std::string tail; ///< Finished: text held back until now (what may have become a role), often ""
};

struct RunRequest {
    std::vector<std::int32_t> prompt;
    /// So many tokens at the end of the prompt are the answer that goes on: an unfinished character at their
    /// end is finished by what follows.
    std::size_t continues = 0;
    AnswerReading reading;           ///< for the record
    DrawVersion draw = kDrawVersion; ///< an answer that goes on is drawn as it began
    std::uint64_t conversation = 0;  ///< chats keep their KV cache by this; 0: none
    RunPriority priority = RunPriority::Chat;
    std::uint64_t client = 0; ///< who asks: of equal priority, who was served least is next
    SequenceTuning tuning;
    /// Dials to be moved before a token of the answer; before token 0: before the prompt. A change of
    /// precision is waited for there. In order of their tokens.
    std::vector<DialMove> moves;
    /// Run again exactly: this record's settings, seed, moves, context spans and swaps of slices, with
    /// weights of its own; alone with the model's, put back afterwards, where there is no memory for them.
    /// `tuning` and `moves` are not used.
    std::shared_ptr<const RunRecord> replay;
    /// Lines that begin with one of these end the answer, in front of them; empty: none do.
    std::vector<std::string> roles;
    /// End the answer in front of them, wherever its tokens part.
    std::vector<std::string> stops;
    /// So many of the likeliest tokens are told with each token of the answer.
    int alternatives = 0;
    /// Also tells how likely the prompt's tokens were, from its second on; all of it is computed then.
    bool prompt_logprobs = false;
    /// Which ids may follow the answer so far; null: all. Called on the worker thread, must be quick. A
    /// record does not hold it: a replay needs the same.
    std::function<std::shared_ptr<const AllowedIds>(std::span<const std::int32_t> answer)> allowed;
    /// Whether who listens takes more events. While not, the run pauses; after `patience` it ends. Called on
    /// the worker thread, must be quick.
    std::function<bool()> has_room;
    std::chrono::milliseconds patience{30000};
    bool alone = false;      ///< no other run beside it: benchmarks
    bool ignore_end = false; ///< go on after an end token
    bool reuse_cache = true; ///< false: compute the whole prompt
    bool keep_cache = true;  ///< for later prompts; false: drop it at the end
    /// Called on the worker thread, in order; Finished is the last. Where it throws, the run ends with that
    /// reason; where it throws at Finished, it is called again a moment later.
    std::function<void(const SchedulerEvent&)> on_event;
};

/// What the scheduler needs of a model.
struct EngineParts {
    std::shared_ptr<void> owner; ///< keeps alive what the pointers point at
    Executor* executor = nullptr;
    const Backend* backend = nullptr;
    const Plan* plan = nullptr;
    const Tokenizer* tokenizer = nullptr; ///< nullptr: no text and no end tokens
    const std::vector<WeightSource>* sources = nullptr;
    std::shared_ptr<const ModelFile> file; ///< keeps the sources' tensors mapped; may be null
    int context = 0;                       ///< tokens
    std::shared_ptr<const WeightSet> weights;
    std::function<void(std::shared_ptr<const WeightSet>)> publish; ///< may be empty
};

EngineParts engine_parts(const std::shared_ptr<LoadedModel>& model);

struct SchedulerOptions {
    std::size_t kv_budget_bytes = 0; ///< 0: as the backend's memory allows now
    /// Of KV blocks saved for runs that make room for others; 0: half of the memory that is free now.
    std::size_t save_budget_bytes = 0;
    std::shared_ptr<StepTurns> turns; ///< shared with the schedulers of other models; null: there are none
    int max_runs = 16;                ///< of a priority or a higher one, computed at once
    int max_waiting = 256;            ///< API and lab runs that wait; more are refused
    int steps_in_flight = 0;          ///< at a time; 0: as the executor likes
    /// Of drafted tokens beside an answer's own; nullopt: as the executor likes.
    std::optional<int> draft_rows;
    /// Of re-encoding while answers are computed, between their steps; 0: as the backend has.
    int recode_threads = 0;
    /// Called on the worker thread when slices were swapped, and when re-encoding failed.
    std::function<void(const RecodeProgress&)> on_recode;
};

/// What a scheduler did so far, for tests and for who tunes it.
struct SchedulerCounters {
    KvCounters kv;
    std::uint64_t steps = 0;
    std::uint64_t parked = 0; ///< times that a run made room for another
    std::uint64_t longest_unserved =
        0; ///< steps that a run waited between two of its own, while it could run
    std::size_t kv_bytes = 0, saved_bytes = 0;
};

class Scheduler {
  public:
    /// Throws Error where the system gives no thread.
    explicit Scheduler(EngineParts parts, SchedulerOptions options = {});
    /// Ends all runs (they get their Finished event), then the thread.
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // From any thread; none of them waits for the model.
    /// A request that cannot be served ends with a Finished event that says why. Throws bad_alloc where there
    /// is no memory for the request itself.
    RunHandle submit(RunRequest request);
    /// The run ends with FinishReason::Stopped within 50 ms. An unknown handle is ignored.
    void cancel(RunHandle run);
    /// The next token obeys. Throws Error where a dial is out of range. An unknown handle is ignored.
    void set_tuning(RunHandle run, const SequenceTuning& tuning);
    /// Re-encodes the weights in the background.
    void set_model_tuning(const ModelTuning& tuning);
    ModelTuning model_tuning() const;
    RecodeProgress recode_progress() const;
    /// Drops what is cached of a conversation (it was deleted).
    void forget(std::uint64_t conversation);

    /// Waits until the precision asked for is in force everywhere. Throws Error where re-encoding failed.
    void wait_recoded();
    SchedulerCounters counters() const;

  private:
    class StepLoop;
    std::unique_ptr<StepLoop> loop_;
};

/// Submits a run and waits for its record; `on_event` of the request is called as well. A stop cancels it.
RunRecord run_to_end(Scheduler& scheduler, RunRequest request, std::stop_token stop = {});

} // namespace switchyard
