// The scheduler's inside: the queue, the thread and the step.
#pragma once

#include "engine/run/active_run.h"
#include "engine/run/recode_pace.h"
#include "engine/run/recoder.h"
#include "engine/run/step_clock.h"

#include <list>
#include <map>

namespace switchyard {

class Scheduler::StepLoop {
  public:
    StepLoop(EngineParts parts, SchedulerOptions options);
    ~StepLoop();

    RunHandle submit(RunRequest request);
    void cancel(RunHandle run);
    void set_tuning(RunHandle run, const SequenceTuning& tuning);
    void set_model_tuning(const ModelTuning& tuning);
    ModelTuning model_tuning() const;
    RecodeProgress recode_progress() const { return recoder_.progress(); }
    void forget(std::uint64_t conversation);
    void wait_recoded();
    SchedulerCounters counters() const;

  private:
    using Clock = ActiveRun::Clock;
    using RunPtr = std::shared_ptr<ActiveRun>;
    /// Rows of a run in a step.
    struct Share {
        RunPtr run;
        int first, rows; ///< positions [first, first + rows) of its sequence
        CacheDials dials;
        bool logits;       ///< the last row gives the next token
        bool reading;      ///< rows of a prompt, or of what is computed again
        int drawn_by = -1; ///< from 0 on: its token is what this row of the step before draws
        std::shared_ptr<const AllowedIds> allowed = nullptr; ///< as the next token; null: all
        std::vector<std::int32_t> drafts =
            {}; ///< tokens of the last rows, if what is drawn before them is them
        int ahead() const { return first - run->position(); }
    };
    struct Flight;

    struct FlightsEnd;
    struct ResultRow;

    // On the scheduler's thread. The loop:
    void loop(std::stop_token stop);
    void turn(std::stop_token stop);
    RunPtr any_run() const noexcept;
    void fail_all(const std::string& reason) noexcept;
    void wait_for_work(std::stop_token stop);
    void forget_asked();
    void end_cancelled();
    void end(RunPtr run, FinishReason reason, std::string error = {}) noexcept;
    void publish_counters();
    void take_turn(std::stop_token stop);
    void something_happened();

    // Precision:
    Recoder& recoder_of(const ActiveRun& run);
    std::shared_ptr<const WeightSet> weights_of(const ActiveRun& run);
    std::shared_ptr<const WeightsState> state_of(const ActiveRun& run);
    CacheDials dials_of(const ActiveRun& run); ///< of its next rows
    bool is_long(std::size_t prompt_tokens) const;
    PrecisionInForce precision_of(const ActiveRun& run);
    void take_weights_along(ActiveRun& run);
    bool weights_ready(ActiveRun& run);
    bool own_weights_fit(const ActiveRun& run) const;
    void apply_slices();
    void report_precision();
    void leave_room(Clock::duration step, std::stop_token stop);
    int recode_threads() const; ///< while answers are computed
    /// All recoders: the model's and those of runs with weights of their own. Needs no memory.
    template <typename Use>
    void each_recoder(const Use& use) {
        use(recoder_);
        for (const RunPtr& run : active_)
            if (run->own_weights)
                use(*run->own_weights);
    }

    // Who runs:
    void admit();
    RunPtr next_waiting() const;                ///< with the lock held
    bool may_start(const ActiveRun& run) const; ///< with the lock held
    bool begin(const RunPtr& run);
    bool make_room_to_begin(const ActiveRun& run);
    bool waits_behind_parked(const ActiveRun& run) const;
    std::size_t expected_bytes_of_all() const;
    bool fits(std::size_t more) const { return expected_bytes_of_all() + more <= cache_.budget(); }
    std::size_t expected_bytes(const ActiveRun& run) const;
    void recompute_grown(ActiveRun& run);
    void resume_parked();
    bool park(const RunPtr& run);
    std::vector<RunPtr> victims_for(const ActiveRun& asking, bool only_below) const;
    bool park_someone(const ActiveRun& asking, bool only_below);
    bool make_room_for(const RunPtr& run, int rows);
    void end_for_room(const std::vector<RunPtr>& runs);

    // A step:
    bool step(std::stop_token loop_stop);
    std::vector<RunPtr> choose(std::stop_token loop_stop);
    std::vector<RunPtr> with_equal_weights(const std::vector<RunPtr>& ready);
    /// Dials and weights as the run's next rows want them. False: it was stopped, has ended or waits for its
    /// weights.
    bool settle(const RunPtr& run);
    bool listens(ActiveRun& run);
    bool waits_for_prefix(ActiveRun& run, const std::vector<RunPtr>& runs);
    std::vector<Share> share_out(std::vector<RunPtr> runs);
    Batch make_batch(const std::vector<Share>& shares) const;
    void wish_prompt(const Share& share, Batch& batch) const;
    void wish(const Share& share, std::span<const std::int32_t> known, BatchRow& row, Batch& batch) const;
    std::vector<std::int32_t> drafts_of(const RunPtr& run);
    std::optional<std::string> launch(std::vector<Share> shares);
    bool may_look_ahead(std::stop_token loop_stop);
    std::vector<Share> shares_behind(const Flight& last);
    std::optional<Share> share_behind(const Share& share, int drawn_by);
    void land();
    void wait_for(Flight& flight);
    void take_results(const Flight& flight, const StepResult& result);
    std::optional<FinishReason> take_result(const Share& share, std::span<const ResultRow> rows);
    std::optional<FinishReason> take_token(ActiveRun& run, const ResultRow& row);
    std::optional<FinishReason> take_drafted(const Share& share, std::span<const ResultRow> rows);
    static std::vector<PromptToken> prompt_tokens(const ActiveRun& run, std::span<const ResultRow> rows);
    void note_served(const std::vector<Share>& shares);
    /// A row knows one token late what the step before drew, and no more.
    static constexpr int kMostInFlight = 2;

    EngineParts parts_;
    SchedulerOptions options_;
    KvCache cache_;
    StepClock clock_;
    PrecisionInForce precision_; ///< at this step
    std::string reported_error_;
    int usual_answer_ = 256;       ///< tokens, from the last answers
    StepTurns::Member member_ = 0; ///< of options_.turns
    bool room_changed_ = true;
    bool stuck_ = false;          ///< nobody could be served
    bool pauses_ = false;         ///< for somebody who does not listen
    bool others_turn_ = false;    ///< another model's step is under way
    bool parked_any_ = false;     ///< in the step that is shared out
    std::string no_room_;         ///< why somebody got no room in it
    std::list<Flight> flights_;   ///< the first ends first
    Clock::time_point landed_;    ///< when the last one ended
    Clock::duration last_step_{}; ///< what it took
    std::uint64_t seen_events_ = 0;
    std::uint64_t steps_ = 0, parked_ = 0, longest_unserved_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_, recoded_;
    std::vector<RunPtr> waiting_, active_;
    std::map<std::uint64_t, std::uint64_t> served_; ///< rows computed for each client that has runs
    std::vector<std::uint64_t> to_forget_;
    std::stop_source step_stop_;
    std::uint64_t events_ = 0; ///< things that the thread has to look at
    ModelTuning wanted_;
    bool in_place_ = false; ///< the weights follow a run; wanted_ waits
    RunHandle next_handle_ = 1;
    SchedulerCounters counters_;

    Recoder recoder_;
    RecodePace pace_;     ///< of the scheduler's thread
    std::jthread thread_; ///< last: it uses everything above
};

/// A step under way.
struct Scheduler::StepLoop::Flight {
    std::vector<Share> shares;
    std::vector<BatchRow> rows; ///< as they were started
    Clock::time_point begin;
    bool done = false;                    ///< guarded by the mutex
    std::unique_ptr<PendingStep> pending; ///< last: its end sets `done`
};

} // namespace switchyard
