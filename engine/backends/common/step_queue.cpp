#include "engine/backends/common/step_queue.h"

#include "engine/base/threads.h"

#include <exception>
#include <utility>

namespace switchyard {

/// What one step works on, and how it ended. Shared by who waits for it and the thread that computes it.
struct StepQueue::Step {
    Batch batch;
    std::shared_ptr<const WeightSet> weights;
    std::stop_token stop;
    std::stop_source abandoned;
    StepResult result;
    std::exception_ptr failure;
    std::function<void()> on_done;
    std::atomic<bool> done{false};

    void wait_done() const { done.wait(false, std::memory_order_acquire); }
};

class StepQueue::Pending : public PendingStep {
  public:
    Pending(std::shared_ptr<Step> step, const StepQueue& queue) : step_(std::move(step)), queue_(queue) {}
    ~Pending() override {
        step_->abandoned.request_stop();
        step_->wait_done();
        if (queue_.let_go_)
            queue_.let_go_();
    }
    StepResult wait() override {
        step_->wait_done();
        if (step_->failure)
            std::rethrow_exception(std::exchange(step_->failure, nullptr));
        return std::move(step_->result);
    }

  private:
    std::shared_ptr<Step> step_;
    const StepQueue& queue_;
};

std::unique_ptr<PendingStep> StepQueue::start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                              std::stop_token stop, std::function<void()> on_done) {
    auto step = std::make_shared<Step>();
    step->batch = std::move(batch);
    step->weights = std::move(weights);
    step->stop = std::move(stop);
    step->on_done = std::move(on_done);
    auto pending = std::make_unique<Pending>(step, *this);
    try {
        if (!thread_.joinable())
            thread_ = start_thread([this](const std::stop_token& end) { work(end); });
        const std::lock_guard lock(mutex_);
        queue_.push_back(step);
    } catch (...) {
        step->done = true; // nobody computes it: its end is not waited for
        throw;
    }
    ++started_;
    wake_.notify_one();
    return pending;
}

std::optional<StepQueue::Behind> StepQueue::behind() {
    const std::lock_guard lock(mutex_);
    if (queue_.empty())
        return std::nullopt;
    const Step& step = *queue_.front(); // only the thread that computes takes it away
    return Behind{step.batch, *step.weights, {step.stop, step.abandoned.get_token()}};
}

void StepQueue::drain() const {
    for (std::uint64_t now = ended(); now != started_; now = ended())
        ended_.wait(now, std::memory_order_acquire);
}

void StepQueue::work(const std::stop_token& stop) {
    for (;;) {
        std::shared_ptr<Step> step;
        {
            std::unique_lock lock(mutex_);
            if (!wake_.wait(lock, stop, [&] { return !queue_.empty(); }))
                return;
            step = std::move(queue_.front());
            queue_.pop_front();
        }
        compute(*step);
    }
}

void StepQueue::compute(Step& step) {
    try {
        step.result = compute_(step.batch, *step.weights, {step.stop, step.abandoned.get_token()});
    } catch (...) {
        step.failure = std::current_exception();
    }
    step.weights.reset();
    ended_.fetch_add(1, std::memory_order_release);
    ended_.notify_all();
    if (step.on_done) // before the end is seen: who waits for that may take along what is called here
        step.on_done();
    step.done.store(true, std::memory_order_release);
    step.done.notify_all();
}

} // namespace switchyard
