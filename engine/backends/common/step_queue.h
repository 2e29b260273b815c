// The thread that computes a backend's steps, in the order in which they were started.
#pragma once

#include "engine/run/backend.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

namespace switchyard {

/// Whether a step is still wanted.
struct StepStop {
    std::stop_token asked;     ///< by who started it
    std::stop_token abandoned; ///< nobody waits any more

    bool requested() const { return asked.stop_requested() || abandoned.stop_requested(); }
};

/// Used from one thread at a time, as an executor is; pending steps must be let go before it is destroyed.
class StepQueue {
  public:
    /// What a step gives; called on the queue's thread, one step after another. What it throws, who waits for
    /// the step gets.
    using Compute = std::function<StepResult(Batch& batch, const WeightSet& weights, const StepStop& stop)>;

    /// `let_go`: called when who started a step lets go of it, once it has ended, on the thread that does so.
    explicit StepQueue(Compute compute, std::function<void()> let_go = nullptr)
        : compute_(std::move(compute)), let_go_(std::move(let_go)) {}
    StepQueue(const StepQueue&) = delete;

    /// As Executor::start(). The thread begins with the first step; throws Error where the system gives none.
    std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                       std::stop_token stop, std::function<void()> on_done);
    std::uint64_t started() const { return started_; }
    /// The step behind the one that is being computed, which stays until that has ended; nullopt: none was
    /// started yet. From within `compute`.
    struct Behind {
        const Batch& batch;
        const WeightSet& weights;
        StepStop stop;
    };
    std::optional<Behind> behind();
    /// Steps that write nothing any more, those that failed among them.
    std::uint64_t ended() const { return ended_.load(std::memory_order_acquire); }
    /// Waits until no step is under way.
    void drain() const;

  private:
    struct Step;
    class Pending;
    void work(const std::stop_token& stop);
    void compute(Step& step);

    Compute compute_;
    std::function<void()> let_go_;
    std::uint64_t started_ = 0;
    std::atomic<std::uint64_t> ended_{0};

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<std::shared_ptr<Step>> queue_;
    std::jthread thread_; ///< from the first step on; last: it uses everything above
};

} // namespace switchyard
