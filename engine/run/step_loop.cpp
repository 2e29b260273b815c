// The queue and the thread: what is asked from outside, and the order in which it is done.
#include "engine/run/step_loop.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/base/threads.h"
#include "engine/run/failure.h"

#include <algorithm>
#include <numeric>

namespace switchyard {
namespace {

constexpr std::chrono::milliseconds kPause{10};
constexpr int kAttempts = 3;

KvCacheOptions cache_options(const EngineParts& parts, const SchedulerOptions& options) {
    KvCacheOptions cache;
    cache.budget = options.kv_budget_bytes > 0 ? options.kv_budget_bytes : parts.executor->kv_capacity();
    cache.save_budget = options.save_budget_bytes > 0
                            ? options.save_budget_bytes
                            : static_cast<std::size_t>(system_memory().available / 2);
    cache.root = chain_root(parts.backend->name(), parts.backend->arithmetic_version());
    cache.invariant = parts.backend->batch_invariant();
    return cache;
}

} // namespace

Scheduler::StepLoop::StepLoop(EngineParts parts, SchedulerOptions options)
    : parts_(std::move(parts)), options_(std::move(options)),
      cache_(*parts_.executor, cache_options(parts_, options_)),
      recoder_(*parts_.sources, parts_.file, *parts_.backend, parts_.weights, [this] {
          std::lock_guard lock(mutex_);
          something_happened();
          recoded_.notify_all(); // it may have failed
      }) {
    parts_.weights.reset(); // the recoder holds what is in force
    recoder_.set_threads(parts_.backend->threads());
    precision_ = {recoder_.progress(), recoder_.weights()->version, recoder_.weights()->own_bytes(),
                  recoder_.state()};
    if (options_.turns)
        member_ = options_.turns->join([this] {
            const std::lock_guard lock(mutex_);
            something_happened();
        });
    thread_ = start_thread([this](std::stop_token stop) { loop(stop); });
}

Scheduler::StepLoop::~StepLoop() {
    thread_.request_stop();
    {
        std::lock_guard lock(mutex_);
        step_stop_.request_stop();
    }
    thread_.join();
    if (options_.turns)
        options_.turns->leave(member_);
}

// From outside.

/// With the lock held.
void Scheduler::StepLoop::something_happened() {
    ++events_;
    wake_.notify_all();
}

RunHandle Scheduler::StepLoop::submit(RunRequest request) {
    std::lock_guard lock(mutex_);
    const RunHandle handle = next_handle_++;
    auto run = std::make_shared<ActiveRun>(handle, std::move(request));
    run->refused = run->request().priority != RunPriority::Chat &&
                   waiting_.size() >= static_cast<std::size_t>(std::max(options_.max_waiting, 0));
    const auto least =
        std::ranges::min_element(served_, {}, [](const auto& client) { return client.second; });
    served_.try_emplace(run->request().client, least == served_.end() ? 0 : least->second);
    waiting_.push_back(std::move(run));
    something_happened();
    return handle;
}

void Scheduler::StepLoop::cancel(RunHandle handle) {
    std::lock_guard lock(mutex_);
    for (const auto* runs : {&waiting_, &active_})
        for (const RunPtr& run : *runs)
            if (run->handle() == handle)
                run->cancelled = true;
    something_happened();
}

void Scheduler::StepLoop::set_tuning(RunHandle handle, const SequenceTuning& tuning) {
    const SequenceTuning checked = checked_tuning({tuning, {}}).sequence;
    std::lock_guard lock(mutex_);
    for (const auto* runs : {&waiting_, &active_})
        for (const RunPtr& run : *runs)
            if (run->handle() == handle)
                run->inbox = checked;
}

void Scheduler::StepLoop::set_model_tuning(const ModelTuning& tuning) {
    checked_tuning({{}, tuning});
    std::lock_guard lock(mutex_);
    wanted_ = tuning;
    if (!in_place_) {
        recoder_.retarget(tuning.weights);
        reported_error_.clear(); // the same failure again is another one
    }
    something_happened();
}

ModelTuning Scheduler::StepLoop::model_tuning() const {
    std::lock_guard lock(mutex_);
    return wanted_;
}

void Scheduler::StepLoop::forget(std::uint64_t conversation) {
    std::lock_guard lock(mutex_);
    to_forget_.push_back(conversation);
    something_happened();
}

void Scheduler::StepLoop::wait_recoded() {
    std::unique_lock lock(mutex_);
    RecodeProgress progress;
    recoded_.wait(lock, [&] {
        progress = recoder_.progress();
        return !in_place_ && (progress.finished() || !progress.error.empty());
    });
    if (!progress.finished())
        throw Error(progress.error);
}

SchedulerCounters Scheduler::StepLoop::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

// On its own thread.

void Scheduler::StepLoop::loop(std::stop_token stop) {
    for (int failed = 0; !stop.stop_requested();) {
        const auto failure = failure_of([&] { turn(stop); });
        failed = failure ? failed + 1 : 0;
        if (!failure)
            continue;
        {
            const std::lock_guard lock(mutex_);
            ++events_; // what was not done is looked at again
        }
        // What failed may have been another run's, which has ended; who waits is not to pay for it.
        if (active_.empty() && failed < kAttempts)
            std::this_thread::sleep_for(kPause);
        else
            fail_all(*failure);
    }
    while (const RunPtr run = any_run())
        end(run, FinishReason::Stopped);
}

void Scheduler::StepLoop::turn(std::stop_token stop) {
    wait_for_work(stop);
    pauses_ = false;
    forget_asked();
    end_cancelled();
    resume_parked();
    admit();
    if (!in_place_)
        apply_slices();
    publish_counters();
    if (!stop.stop_requested())
        take_turn(stop);
}

/// A step, and a window for re-encoding, if no other model's is under way.
void Scheduler::StepLoop::take_turn(std::stop_token stop) {
    struct Turn {
        StepTurns* turns;
        StepTurns::Member member;
        std::optional<RunPriority> wants;
        ~Turn() {
            if (!turns)
                return;
            turns->wants(member, wants);
            turns->release(member);
        }
    };
    std::optional<RunPriority> urgent;
    for (const RunPtr& run : active_)
        urgent = std::min(urgent.value_or(RunPriority::Lab), run->request().priority);
    if (options_.turns)
        options_.turns->wants(member_, urgent);
    others_turn_ = false;
    if (!urgent)
        return;
    each_recoder([&](Recoder& recoder) { // nothing computes beside a step
        recoder.set_threads(recode_threads());
        recoder.set_background(true);
    });
    if (options_.turns && !options_.turns->take(member_)) {
        stuck_ = others_turn_ = true; // until it is called
        return;
    }
    Turn turn{options_.turns.get(), member_, urgent};
    stuck_ = !step(stop);
    if (!stuck_)
        leave_room(last_step_, stop);
    if (stuck_ || active_.empty())
        turn.wants.reset();
}

void Scheduler::StepLoop::publish_counters() {
    const std::lock_guard lock(mutex_);
    counters_ = {cache_.counters(), steps_, parked_, longest_unserved_, cache_.bytes(), cache_.saved_bytes()};
}

Scheduler::StepLoop::RunPtr Scheduler::StepLoop::any_run() const noexcept {
    const std::lock_guard lock(mutex_);
    return !active_.empty() ? active_.back() : !waiting_.empty() ? waiting_.back() : nullptr;
}

/// Ends what is computed; where nothing is, what waits: it would fail in the same way.
void Scheduler::StepLoop::fail_all(const std::string& reason) noexcept {
    const bool computing = !active_.empty();
    while (const RunPtr run = any_run()) {
        if (computing && active_.empty())
            return;
        std::string sentence;
        failure_of([&] { sentence = reason; });
        end(run, FinishReason::Failed, std::move(sentence));
    }
}

void Scheduler::StepLoop::wait_for_work(std::stop_token stop) {
    const bool computing = !active_.empty() && !stuck_;
    if (!computing && !others_turn_)
        each_recoder([&](Recoder& recoder) {
            recoder.set_threads(parts_.backend->threads());
            recoder.set_background(false);
        });
    std::unique_lock lock(mutex_);
    const auto awake = [&] { return computing || events_ != seen_events_; };
    if (pauses_ && !computing)
        wake_.wait_for(lock, stop, kPause, awake); // then who did not listen is asked again
    else
        wake_.wait(lock, stop, awake);
    seen_events_ = events_;
    stuck_ = false;
}

void Scheduler::StepLoop::forget_asked() {
    std::vector<std::uint64_t> conversations;
    {
        std::lock_guard lock(mutex_);
        conversations.swap(to_forget_);
    }
    for (std::uint64_t conversation : conversations)
        cache_.forget(conversation);
}

void Scheduler::StepLoop::end_cancelled() {
    std::vector<RunPtr> cancelled, refused;
    {
        std::lock_guard lock(mutex_);
        for (const auto* runs : {&waiting_, &active_})
            for (const RunPtr& run : *runs)
                if (run->cancelled)
                    cancelled.push_back(run);
                else if (run->refused)
                    refused.push_back(run);
    }
    for (const RunPtr& run : cancelled)
        end(run, FinishReason::Stopped);
    for (const RunPtr& run : refused)
        end(run, FinishReason::Failed,
            std::to_string(options_.max_waiting) + " requests are waiting already: try again later");
}

void Scheduler::StepLoop::end(const RunPtr run, FinishReason reason, std::string error) noexcept {
    run->ended = true;
    if (run->sequence)
        cache_.close(run->sequence, run->request().keep_cache);
    run->own_weights.reset();
    run->rewrite_weights.reset();
    {
        std::lock_guard lock(mutex_);
        std::erase(active_, run);
        std::erase(waiting_, run);
        const auto same = [&](const RunPtr& other) {
            return other->request().client == run->request().client;
        };
        if (std::ranges::none_of(active_, same) && std::ranges::none_of(waiting_, same))
            served_.erase(run->request().client);
        if (run->in_place) {
            in_place_ = false;
            recoder_.retarget(wanted_.weights);
            recoded_.notify_all(); // who waits for the model's own precision looks again
        }
        ++events_; // who waits may have room now
    }
    room_changed_ = true;
    if (reason != FinishReason::Failed && run->decoding())
        usual_answer_ += (run->answered() - usual_answer_) / 8;
    run->finish(reason, std::move(error));
}

// The public face.

Scheduler::Scheduler(EngineParts parts, SchedulerOptions options)
    : loop_(std::make_unique<StepLoop>(std::move(parts), std::move(options))) {}
Scheduler::~Scheduler() = default;

RunHandle Scheduler::submit(RunRequest request) { return loop_->submit(std::move(request)); }
void Scheduler::cancel(RunHandle run) { loop_->cancel(run); }
void Scheduler::set_tuning(RunHandle run, const SequenceTuning& tuning) { loop_->set_tuning(run, tuning); }
void Scheduler::set_model_tuning(const ModelTuning& tuning) { loop_->set_model_tuning(tuning); }
ModelTuning Scheduler::model_tuning() const { return loop_->model_tuning(); }
RecodeProgress Scheduler::recode_progress() const { return loop_->recode_progress(); }
void Scheduler::forget(std::uint64_t conversation) { loop_->forget(conversation); }
SchedulerCounters Scheduler::counters() const { return loop_->counters(); }
void Scheduler::wait_recoded() { loop_->wait_recoded(); }

} // namespace switchyard
