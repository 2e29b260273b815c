// Who is computed, who waits, and who makes room: a run is admitted when what it is expected to need is
// there.
#include "engine/base/error.h"
#include "engine/run/failure.h"
#include "engine/run/step_loop.h"

#include <algorithm>
#include <tuple>

namespace switchyard {

std::size_t Scheduler::StepLoop::expected_bytes(const ActiveRun& run) const {
    return cache_.bytes_for(*run.sequence, run.expected_rows(usual_answer_), run.kv_type());
}

/// What those under way use and are expected to need.
std::size_t Scheduler::StepLoop::expected_bytes_of_all() const {
    std::size_t needed = cache_.bytes_in_use();
    for (const RunPtr& run : active_)
        if (!run->parked && run->sequence)
            needed += expected_bytes(*run);
    return needed;
}

bool Scheduler::StepLoop::may_start(const ActiveRun& run) const {
    if (active_.empty())
        return true;
    const auto wants_all = [](const ActiveRun& other) { return other.alone() || other.in_place; };
    if (wants_all(run) ||
        std::ranges::any_of(active_, [&](const RunPtr& other) { return wants_all(*other); }))
        return false;
    return std::ranges::count_if(active_, [&](const RunPtr& other) {
               return other->request().priority <= run.request().priority;
           }) < options_.max_runs;
}

Scheduler::StepLoop::RunPtr Scheduler::StepLoop::next_waiting() const {
    const auto first = std::ranges::min_element(waiting_, {}, [&](const RunPtr& run) {
        const auto served = served_.find(run->request().client);
        return std::tuple(run->refused, run->request().priority, served == served_.end() ? 0 : served->second,
                          run->handle());
    });
    return first == waiting_.end() || (*first)->refused ? nullptr : *first;
}

void Scheduler::StepLoop::admit() {
    for (;;) {
        RunPtr run;
        {
            const std::lock_guard lock(mutex_);
            run = next_waiting();
        }
        if (!run)
            return;
        if ((run->refused_room && !room_changed_) || waits_behind_parked(*run))
            return;
        const auto failure =
            failure_of([&] { run->in_place = run->moves_weights() && !own_weights_fit(*run); });
        if (failure) {
            end(run, FinishReason::Failed, *failure);
            continue;
        }
        {
            const std::lock_guard lock(mutex_);
            if (!may_start(*run))
                return;
            active_.push_back(run);
            std::erase(waiting_, run);
            in_place_ = in_place_ || run->in_place;
        }
        if (!begin(run))
            return;
    }
}

/// Who made room comes back before others of its priority begin.
bool Scheduler::StepLoop::waits_behind_parked(const ActiveRun& run) const {
    return std::ranges::any_of(active_, [&](const RunPtr& other) {
        return other->parked && !other->paused_since && other->rank() < run.rank();
    });
}

/// Parks those of lower priority, if that gives the room that is needed.
bool Scheduler::StepLoop::make_room_to_begin(const ActiveRun& run) {
    const auto beside = [&](const RunPtr& other) { return other.get() != &run && !other->parked; };
    std::size_t theirs = 0;
    for (const RunPtr& victim : victims_for(run, true))
        theirs += cache_.bytes_of(*victim->sequence) + expected_bytes(*victim);
    if (expected_bytes_of_all() > cache_.budget() + theirs && std::ranges::any_of(active_, beside))
        return false;
    while (!fits(0) && std::ranges::any_of(active_, beside))
        if (!park_someone(run, true))
            return false;
    return true;
}

bool Scheduler::StepLoop::is_long(std::size_t prompt_tokens) const {
    const int from = parts_.executor->prompt_rows();
    return from > 0 && prompt_tokens >= static_cast<std::size_t>(from);
}

/// False: it waits until there is room for it.
bool Scheduler::StepLoop::begin(const RunPtr& run) {
    bool room = true;
    const auto failure = failure_of([&] {
        if (parts_.file)
            parts_.file->check_whole();
        {
            const std::lock_guard lock(mutex_);
            if (run->inbox) // nothing was computed with the old ones: that is no move of the answer
                run->retune(*std::exchange(run->inbox, std::nullopt));
        }
        run->begin(parts_, recoder_.progress().target);
        const RunRequest& request = run->request();
        // What others computed of such a prompt, they computed on the path that all of it would take here.
        const bool all_long = is_long(request.prompt.size());
        const auto decompresses = [&](std::size_t tokens) {
            const int from = parts_.executor->decompressed_rows();
            return from > 0 && tokens >= static_cast<std::size_t>(from);
        };
        run->sequence =
            cache_.open(request.conversation, request.prompt,
                        {run->experts(), recoder_.state(),
                         run->decompressed() || (all_long && decompresses(request.prompt.size())), all_long,
                         all_long && run->takes_library() && !parts_.executor->prompt_library().empty(), 16,
                         run->long_text()},
                        run->kv_type(), run->reuse());
        recompute_grown(*run);
        run->reused = run->sequence->size();
        const std::size_t left = request.prompt.size() - static_cast<std::size_t>(run->reused);
        run->long_prompt = is_long(left);
        run->decompresses = decompresses(left);
        cache_.check_possible(*run->sequence, static_cast<int>(request.prompt.size()) - run->reused,
                              run->kv_type());
        room = make_room_to_begin(*run);
        if (!room)
            return;
        take_weights_along(*run);
        run->last_step = steps_;
    });
    if (failure) {
        end(run, FinishReason::Failed, *failure);
    } else if (!room) {
        cache_.close(std::exchange(run->sequence, nullptr), true);
        const std::lock_guard lock(mutex_);
        waiting_.push_back(run);
        std::erase(active_, run);
        run->refused_room = true;
        room_changed_ = false;
    } else if (run->replay_done()) {
        end(run, FinishReason::Stopped);
    }
    return room;
}

// Making room.

/// What is dropped of it meanwhile is computed again in the same way, where one set of weights wrote it all.
bool Scheduler::StepLoop::park(const RunPtr& run) {
    const auto state = state_of(*run);
    const bool recomputable =
        parts_.backend->batch_invariant() &&
        std::ranges::all_of(run->sequence->spans(run->sequence->size()),
                            [&](const ContextSpan& span) { return span.weights == *state; });
    const auto weights = weights_of(*run);
    run->note_parking(weights, state);
    if (!cache_.park(*run->sequence, recomputable)) {
        run->note_resuming();
        return false;
    }
    if (run->sequence->saved()) // then nothing is computed again
        run->rewrite_weights = run->rewriting() ? run->rewrite_weights : nullptr;
    run->parked = parked_any_ = true;
    ++parked_;
    return true;
}

/// Who may be asked to make room, the first first: those who do not listen, and then the lowest priority's
/// youngest; never the first in rank, so that somebody always goes on. `only_below`: of lower priority than
/// who asks; else also younger ones of the same.
std::vector<Scheduler::StepLoop::RunPtr> Scheduler::StepLoop::victims_for(const ActiveRun& asking,
                                                                          bool only_below) const {
    std::vector<RunPtr> victims;
    for (const RunPtr& run : active_) {
        const bool below =
            run->paused_since ||
            (only_below ? run->request().priority > asking.request().priority : run->rank() > asking.rank());
        if (below && !run->parked && run->ahead == 0 && run->sequence && run.get() != &asking)
            victims.push_back(run);
    }
    std::ranges::sort(victims, std::greater(), [](const RunPtr& run) {
        return std::tuple(run->paused_since.has_value(), run->rank());
    });
    return victims;
}

bool Scheduler::StepLoop::park_someone(const ActiveRun& asking, bool only_below) {
    return std::ranges::any_of(victims_for(asking, only_below), [&](const RunPtr& run) { return park(run); });
}

/// Reserves room for a run's next rows. False: it waits, or has ended.
bool Scheduler::StepLoop::make_room_for(const RunPtr& run, int rows) {
    for (;;) {
        auto failure = failure_of([&] { cache_.reserve(*run->sequence, rows, run->kv_type()); });
        if (!failure)
            return true;
        if (park_someone(*run, false))
            continue;
        const auto computed = [&](const RunPtr& other) { return other != run && !other->parked; };
        if (std::ranges::none_of(active_, computed)) {
            end(run, FinishReason::Failed, *failure);
            return false;
        }
        no_room_ = std::move(*failure);
        const auto before = [&](const RunPtr& other) {
            return !other->parked && other->rank() < run->rank();
        };
        if (std::ranges::any_of(active_, before))
            park(run); // where it cannot, it waits as it is
        return false;
    }
}

/// Nobody got room, and nobody could make some: the last in rank gives up, so that the others go on.
void Scheduler::StepLoop::end_for_room(const std::vector<RunPtr>& runs) {
    const auto last = std::ranges::max_element(
        runs, {}, [](const RunPtr& run) { return std::tuple(!run->ended, run->rank()); });
    if (last != runs.end() && !(*last)->ended)
        end(*last, FinishReason::Failed, std::exchange(no_room_, {}));
}

/// The first in rank first, when what they need is there; where nobody is computed, in any case.
void Scheduler::StepLoop::resume_parked() {
    std::vector<RunPtr> parked;
    std::ranges::copy_if(active_, std::back_inserter(parked), [](const RunPtr& run) { return run->parked; });
    std::ranges::sort(parked, {}, [](const RunPtr& run) { return run->rank(); });
    for (const RunPtr& run : parked) {
        bool wanted = false;
        if (const auto failure = failure_of([&] { wanted = listens(*run); })) {
            end(run, FinishReason::Failed, *failure);
            continue;
        }
        if (!wanted)
            continue;
        const bool nobody = std::ranges::all_of(active_, [](const RunPtr& other) { return other->parked; });
        if (!nobody && (!room_changed_ || !fits(cache_.bytes_of(*run->sequence) + expected_bytes(*run))))
            return;
        if (const auto failure = failure_of([&] { cache_.resume(*run->sequence); })) {
            if (nobody)
                end(run, FinishReason::Failed, *failure);
            return;
        }
        run->parked = false;
        run->last_step = steps_;
        run->note_resuming();
    }
}

} // namespace switchyard
