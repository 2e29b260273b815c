// The scheduler's inside: the queue, the thread and the step.
#pragma once

#include "engine/run/active_run.h"
#include "engine/run/recode_pace.h"

namespace switchyard {

class Scheduler::Worker {
  public:
    Worker(EngineParts parts, SchedulerOptions options);
    ~Worker();

    RunHandle submit(RunRequest request);
    void cancel(RunHandle run);
    void set_tuning(RunHandle run, const SequenceTuning& tuning);
    void set_model_tuning(const ModelTuning& tuning);
    ModelTuning model_tuning() const;
    RecodeProgress recode_progress() const { return recoder_.progress(); }
    void forget(std::uint64_t conversation);
    void wait_recoded();

  private:
    using Clock = ActiveRun::Clock;
    using RunPtr = std::shared_ptr<ActiveRun>;
    /// Rows of a run in the batch under way.
    struct Share {
        RunPtr run;
        std::span<const std::int32_t> tokens;
        CacheDials dials;
        bool logits; ///< the last row gives the next token
    };

    struct StepEnd;
    struct Outcome;

    // On the worker thread.
    void loop(std::stop_token stop);
    void turn(std::stop_token stop);
    RunPtr any_run() const noexcept;
    void fail_all(const std::string& reason) noexcept;
    void wait_for_work(std::stop_token stop);
    void forget_asked();
    void end_cancelled();
    void admit();
    bool may_start(const ActiveRun& run) const; ///< with the lock held
    void begin(const RunPtr& run);
    void apply_slices();
    void report_precision();
    void leave_room(Clock::duration step, std::stop_token stop);
    int recode_threads() const; ///< while answers are computed
    void step(std::stop_token worker_stop);
    std::vector<RunPtr> choose(std::stop_token worker_stop);
    /// Dials and weights as the run's next rows want them. False: it was stopped or has ended.
    bool settle(const RunPtr& run, std::stop_token stop);
    void follow_record(ActiveRun& run, std::stop_token stop);
    std::vector<Share> share_out(const std::vector<RunPtr>& runs);
    Batch make_batch(const std::vector<Share>& shares) const;
    void wish(BatchRow& row, const ActiveRun& run, Batch& batch) const;
    void take_results(const std::vector<Share>& shares, const Batch& batch, PendingStep& step,
                      const StepResult& result);
    std::optional<FinishReason> take_result(const Share& share, const Outcome& outcome);
    void end(RunPtr run, FinishReason reason, std::string error = {}) noexcept;

    EngineParts parts_;
    SchedulerOptions options_;
    KvCache cache_;
    Sampler sampler_;
    PrecisionInForce precision_; ///< at this step
    std::string reported_error_;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_, recoded_;
    std::vector<RunPtr> waiting_, active_;
    std::vector<std::uint64_t> to_forget_;
    std::stop_source step_stop_;
    ModelTuning wanted_;
    bool replaying_ = false; ///< the weights follow a record; wanted_ waits
    RunHandle next_handle_ = 1;

    Recoder recoder_;
    RecodePace pace_;     ///< of the worker's thread
    std::jthread thread_; ///< last: it uses everything above
};

} // namespace switchyard
