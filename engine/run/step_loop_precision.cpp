// Which weights a run's rows are computed with, and when these move.
#include "engine/base/memory.h"
#include "engine/run/failure.h"
#include "engine/run/step_loop.h"

#include <algorithm>

namespace switchyard {

Recoder& Scheduler::StepLoop::recoder_of(const ActiveRun& run) {
    return run.own_weights ? *run.own_weights : recoder_;
}

std::shared_ptr<const WeightSet> Scheduler::StepLoop::weights_of(const ActiveRun& run) {
    return run.rewriting() ? run.rewrite_weights : recoder_of(run).weights();
}

CacheDials Scheduler::StepLoop::dials_of(const ActiveRun& run) {
    return {run.experts(),
            state_of(run),
            run.decompressed(),
            run.on_prompt_path(),
            run.on_prompt_path() && run.takes_library() && !parts_.executor->prompt_library().empty(),
            run.activation_bits(),
            run.long_text()};
}

std::shared_ptr<const WeightsState> Scheduler::StepLoop::state_of(const ActiveRun& run) {
    return run.rewriting() ? run.rewrite_state : recoder_of(run).state();
}

PrecisionInForce Scheduler::StepLoop::precision_of(const ActiveRun& run) {
    if (!run.own_weights && !run.in_place)
        return precision_;
    const Recoder& recoder = recoder_of(run);
    return {recoder.progress(), recoder.weights()->version, recoder.weights()->own_bytes(), recoder.state()};
}

/// Whether there is memory for what a run re-encodes for itself, beside the model's own.
bool Scheduler::StepLoop::own_weights_fit(const ActiveRun& run) const {
    const std::uint64_t free = system_memory().available;
    std::size_t needed = run.most_bytes(*parts_.sources, *parts_.backend);
    for (const RunPtr& other : active_) // which may not have taken it yet
        if (other->own_weights)
            needed += other->most_bytes(*parts_.sources, *parts_.backend);
    return free == 0 || needed < free / 2;
}

/// A run whose weights move by themselves gets a set of its own, which shares what does not change; where
/// there is no room for that it has the model's, alone.
void Scheduler::StepLoop::take_weights_along(ActiveRun& run) {
    if (run.in_place || !run.moves_weights())
        return;
    run.own_weights = std::make_unique<Recoder>(recoder_, [this] {
        const std::lock_guard lock(mutex_);
        something_happened();
    });
    run.own_weights->set_background(true);
}

/// Whether the weights stand as the run's next rows want them. Throws Error where re-encoding failed.
bool Scheduler::StepLoop::weights_ready(ActiveRun& run) {
    if (!run.moves_weights()) {
        run.note_quant(precision_.progress.target);
        return true;
    }
    if (run.rewriting())
        return true;
    Recoder& recoder = recoder_of(run);
    bool ready = true;
    if (const ContextSpan* span = run.span_now()) {
        ready = recoder.approach(span->weights);
    } else if (const TokenRecord* token = run.recorded_token(); token && token->weights) {
        ready = recoder.approach(*token->weights);
    } else if (token) {
        const auto target = with_control({}, *find_control("quant"), token->quant).model.weights;
        ready = recoder.approach(target, token->recode_total == 0 ? UINT32_MAX : token->recoded_slices);
    } else if (!run.replays()) {
        ready = recoder.approach(run.quant(), UINT32_MAX);
    }
    if (run.in_place && recoder.weights()->version != precision_.version)
        report_precision();
    return ready;
}

void Scheduler::StepLoop::apply_slices() {
    const auto before = recoder_.weights();
    const bool swapped = recoder_.apply_ready() != before;
    RecodeProgress progress = recoder_.progress();
    bool failed = false;
    {
        const std::lock_guard lock(mutex_);
        failed = progress.error != reported_error_;
    }
    if (swapped || failed)
        report_precision();
    else
        precision_.progress = std::move(progress);
}

/// The weights in force have changed: everybody who shows or shares them is told.
void Scheduler::StepLoop::report_precision() {
    {
        const std::lock_guard lock(mutex_);
        recoded_.notify_all(); // first: who waits looks for himself
    }
    const auto weights = recoder_.weights();
    precision_ = {recoder_.progress(), weights->version, weights->own_bytes(), recoder_.state()};
    {
        const std::lock_guard lock(mutex_);
        reported_error_ = precision_.progress.error;
    }
    if (parts_.publish)
        parts_.publish(weights);
    if (options_.on_recode)
        options_.on_recode(precision_.progress);
}

int Scheduler::StepLoop::recode_threads() const {
    return options_.recode_threads > 0 ? options_.recode_threads : parts_.backend->threads();
}

/// Re-encoding gets the cores between steps and not beside them: it would make every meeting of the step's
/// threads wait, and a token take several times as long. `step`: what the last one took. No step may be under
/// way.
void Scheduler::StepLoop::leave_room(Clock::duration step, std::stop_token stop) {
    const Clock::duration window = pace_.window(step);
    bool working = false, stalled = false; // any of them; all of them
    const auto look = [&] {
        working = false;
        stalled = true;
        each_recoder([&](const Recoder& recoder) {
            working = working || recoder.working();
            stalled = stalled && recoder.stalled();
        });
    };
    look();
    if (in_place_ || window == Clock::duration::zero() || !working)
        return;
    const auto begin = Clock::now(), until = begin + window;
    const auto cancelled = [](const RunPtr& run) { return run->cancelled; };
    each_recoder([&](Recoder& recoder) { recoder.open_window(until); });
    for (bool go_on = true; go_on && working && Clock::now() < until;) {
        {
            std::unique_lock lock(mutex_);
            go_on = wake_.wait_until(lock, stop, until,
                                     [&] {
                                         look();
                                         return (recoder_.ready() && recoder_.stalled()) || stalled ||
                                                std::ranges::any_of(active_, cancelled) ||
                                                std::ranges::any_of(waiting_, cancelled);
                                     }) &&
                    !stop.stop_requested() && std::ranges::none_of(active_, cancelled) &&
                    std::ranges::none_of(waiting_, cancelled);
        }
        failure_of([&] { apply_slices(); }); // what fails here is reported by the next turn
        look();
        go_on = go_on && !stalled;
    }
    each_recoder([](Recoder& recoder) { recoder.close_window(); });
    pace_.took(Clock::now() - begin);
}

} // namespace switchyard
