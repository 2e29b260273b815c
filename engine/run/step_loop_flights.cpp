// Steps under way: started, followed by another before they have ended where nothing that may come meanwhile
// would change it, and ended.
#include "engine/run/failure.h"
#include "engine/run/step_loop.h"

#include <algorithm>

namespace switchyard {

/// However steps end, their runs are in them no longer.
struct Scheduler::StepLoop::FlightsEnd {
    std::list<Flight>& flights;
    const std::vector<RunPtr>& runs;
    ~FlightsEnd() {
        flights.clear();
        for (const RunPtr& run : runs)
            run->ahead = 0;
    }
};

/// A step, and those that follow it without a look at who else is there. False: nobody could be served.
bool Scheduler::StepLoop::step(std::stop_token loop_stop) {
    const std::vector<RunPtr> chosen = choose(loop_stop);
    const FlightsEnd end_of_all{flights_, chosen};
    std::vector<RunPtr> ready;
    std::ranges::copy_if(chosen, std::back_inserter(ready), [&](const RunPtr& run) { return settle(run); });
    std::vector<Share> shares = share_out(with_equal_weights(ready));
    if (shares.empty())
        return false;
    if (const auto failure = launch(shares)) {
        for (const Share& share : shares)
            if (!share.run->ended)
                end(share.run, FinishReason::Failed, *failure);
        return true;
    }
    while (!flights_.empty()) {
        while (may_look_ahead(loop_stop)) {
            std::vector<Share> next = shares_behind(flights_.back());
            if (next.empty() || launch(std::move(next)))
                break; // where it could not be started it is tried again as the first
        }
        land();
    }
    return true;
}

/// Why it could not be started, if so.
std::optional<std::string> Scheduler::StepLoop::launch(std::vector<Share> shares) {
    flights_.emplace_back();
    Flight& flight = flights_.back();
    flight.shares = std::move(shares);
    flight.begin = Clock::now();
    auto failure = failure_of([&] {
        Batch batch = make_batch(flight.shares);
        flight.rows = batch.rows;
        flight.pending = parts_.executor->start(std::move(batch), weights_of(*flight.shares.front().run),
                                                step_stop_.get_token(), [this, &flight] {
                                                    const std::lock_guard lock(mutex_);
                                                    flight.done = true;
                                                    wake_.notify_all();
                                                });
    });
    if (failure)
        flights_.pop_back();
    else
        for (const Share& share : flight.shares)
            share.run->ahead = share.ahead() + share.rows;
    return failure;
}

/// Whether another step may be started before those under way have ended: nothing has happened that has to be
/// looked at first.
bool Scheduler::StepLoop::may_look_ahead(std::stop_token loop_stop) {
    const int most =
        options_.steps_in_flight > 0 ? options_.steps_in_flight : parts_.executor->steps_in_flight();
    if (static_cast<int>(flights_.size()) >= std::min(most, kMostInFlight) || loop_stop.stop_requested() ||
        in_place_ || (options_.turns && options_.turns->others_want(member_)))
        return false;
    bool recoding = false;
    each_recoder([&](const Recoder& recoder) { recoding = recoding || recoder.working(); });
    const std::lock_guard lock(mutex_);
    return !recoding && events_ == seen_events_;
}

/// What those who answer compute next, all of them, with the tokens that the step draws; else nothing.
std::vector<Scheduler::StepLoop::Share> Scheduler::StepLoop::shares_behind(const Flight& last) {
    if (active_.size() != last.shares.size())
        return {}; // somebody reads a prompt, waits, or has ended: who is next has to be decided
    std::vector<Share> shares;
    int row = -1;
    for (const Share& share : last.shares) {
        row += share.rows;
        const int draws = static_cast<int>(flights_.size());
        // Behind a prompt's end rows are an answer's: another path, which is found when its first token is
        // there.
        if (share.run->ended || share.reading || !share.logits || !share.drafts.empty() ||
            !share.run->foreseeable(draws))
            return {};
        if (share.run->ends_within(draws))
            continue;
        auto next = share_behind(share, row);
        if (!next)
            return {};
        shares.push_back(std::move(*next));
    }
    return shares;
}

/// nullopt: not without a look at the run, or at the cache.
std::optional<Scheduler::StepLoop::Share> Scheduler::StepLoop::share_behind(const Share& share,
                                                                            int drawn_by) {
    ActiveRun& run = *share.run;
    {
        const std::lock_guard lock(mutex_);
        if (run.cancelled || run.inbox)
            return std::nullopt;
    }
    Share next{.run = share.run,
               .first = share.first + share.rows,
               .rows = 1,
               .dials = share.dials,
               .logits = true,
               .reading = false,
               .drawn_by = drawn_by};
    bool room = false;
    failure_of([&] {
        if (run.request().has_room && !run.request().has_room())
            return;
        cache_.reserve(*run.sequence, {.count = 1, .ahead = next.ahead()}, run.kv_type());
        room = true;
    });
    if (!room)
        return std::nullopt;
    return next;
}

/// The first step under way ends, and what it gave is taken.
void Scheduler::StepLoop::land() {
    Flight& flight = flights_.front();
    StepResult result;
    const auto failure = failure_of([&] {
        wait_for(flight);
        result = flight.pending->wait();
    });
    const auto now = Clock::now();
    last_step_ = now - std::max(flight.begin, landed_);
    landed_ = now;
    note_served(flight.shares);
    for (const Share& share : flight.shares)
        share.run->ahead -= share.rows;
    if (failure) {
        for (const Share& share : flight.shares)
            if (!share.run->ended)
                end(share.run, FinishReason::Failed, *failure);
    } else if (!result.cancelled) {
        take_results(flight, result);
    }
    flights_.pop_front();
    publish_counters();
}

/// Until the step has ended. Who is cancelled meanwhile ends at once, in the step or not, and costs nobody
/// else the step; it is stopped, with those behind it, only when nobody wants it any more.
void Scheduler::StepLoop::wait_for(Flight& flight) {
    const auto leaving = [&]() -> RunPtr {
        for (const auto* runs : {&active_, &waiting_})
            for (const RunPtr& run : *runs)
                if (run->cancelled && !run->ended)
                    return run;
        return nullptr;
    };
    const auto unwanted = [](const Share& share) { return share.run->ended || share.run->cancelled; };
    std::unique_lock lock(mutex_);
    for (;;) {
        if (std::ranges::all_of(flight.shares, unwanted))
            step_stop_.request_stop();
        wake_.wait(lock, [&] { return flight.done || leaving(); });
        if (flight.done)
            return;
        const RunPtr run = leaving();
        lock.unlock();
        end(run, FinishReason::Stopped);
        lock.lock();
    }
}

void Scheduler::StepLoop::note_served(const std::vector<Share>& shares) {
    int answers = 0, reading = 0;
    ++steps_;
    const std::lock_guard lock(mutex_);
    for (const Share& share : shares) {
        ActiveRun& run = *share.run;
        // Rows of drafts are the program's own idea: they are no more answers, and nobody is charged for
        // them.
        const int rows = share.rows - static_cast<int>(share.drafts.size());
        (share.reading ? reading : answers) += rows;
        if (const auto client = served_.find(run.request().client); client != served_.end())
            client->second += static_cast<std::uint64_t>(rows);
        longest_unserved_ = std::max(longest_unserved_, steps_ - run.last_step);
        run.last_step = steps_;
    }
    clock_.note(answers, reading, std::chrono::duration<double>(last_step_).count());
}

} // namespace switchyard
