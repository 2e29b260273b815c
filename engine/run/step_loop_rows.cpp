// One step: the rows of many runs over one set of weights, and what becomes of them.
#include "engine/base/error.h"
#include "engine/run/failure.h"
#include "engine/run/step_loop.h"

#include <algorithm>
#include <tuple>

namespace switchyard {
namespace {

constexpr std::uint64_t kLongWait = 4; // steps

} // namespace

/// The runs that this step may serve: lab runs only where nobody else computes.
std::vector<Scheduler::StepLoop::RunPtr> Scheduler::StepLoop::choose(std::stop_token loop_stop) {
    const std::lock_guard lock(mutex_);
    step_stop_ = std::stop_source();
    if (loop_stop.stop_requested())
        step_stop_.request_stop();
    std::vector<RunPtr> runs;
    std::ranges::copy_if(active_, std::back_inserter(runs), [](const RunPtr& run) { return !run->parked; });
    std::ranges::sort(runs, {}, [](const RunPtr& run) { return run->rank(); });
    if (runs.empty() || runs.front()->request().priority == RunPriority::Lab)
        return runs;
    const auto lab =
        std::ranges::find(runs, RunPriority::Lab, [](const RunPtr& run) { return run->request().priority; });
    for (auto run = lab; run != runs.end(); ++run)
        (*run)->last_step = steps_; // they could not run
    runs.erase(lab, runs.end());
    return runs;
}

/// Whether who listens takes more. Throws Error where it has not for too long.
bool Scheduler::StepLoop::listens(ActiveRun& run) {
    const RunRequest& request = run.request();
    if (!request.has_room || request.has_room()) {
        run.paused_since.reset();
        return true;
    }
    const auto now = Clock::now();
    if (!run.paused_since)
        run.paused_since = now;
    if (now - *run.paused_since > request.patience)
        throw Error("who asked for this answer has taken nothing of it for " +
                    std::to_string(request.patience.count() / 1000) + " s");
    pauses_ = true;
    return false;
}

/// Where a text has become a long one, or a conversation goes on with a short one, all of it is computed
/// again: rotations are others from its first token on.
void Scheduler::StepLoop::recompute_grown(ActiveRun& run) {
    if (run.sequence && run.sequence->long_text().value_or(run.long_text()) != run.long_text())
        cache_.roll_back(*run.sequence, 0);
}

bool Scheduler::StepLoop::settle(const RunPtr& run) {
    bool ready = false;
    const auto failure = failure_of([&] {
        if (!listens(*run))
            return;
        std::optional<SequenceTuning> inbox;
        {
            std::lock_guard lock(mutex_);
            inbox.swap(run->inbox);
        }
        if (run->replays())
            inbox.reset(); // the record decides
        run->settle(inbox);
        recompute_grown(*run);
        ready = weights_ready(*run);
    });
    if (failure)
        end(run, FinishReason::Failed, *failure);
    if (!ready)
        run->last_step = steps_; // it could not run
    return !failure && ready;
}

/// A step has one set of weights: that of the first in rank, unless somebody has waited for long.
std::vector<Scheduler::StepLoop::RunPtr>
Scheduler::StepLoop::with_equal_weights(const std::vector<RunPtr>& ready) {
    if (ready.empty())
        return {};
    const auto first = std::ranges::min_element(ready, {}, [&](const RunPtr& run) {
        const bool long_waiting = steps_ - run->last_step >= kLongWait;
        return std::tuple(!long_waiting, run->request().priority, run->last_step);
    });
    const auto weights = weights_of(**first);
    std::vector<RunPtr> runs;
    std::ranges::copy_if(ready, std::back_inserter(runs),
                         [&](const RunPtr& run) { return weights_of(*run) == weights; });
    return runs;
}

/// Whether an older run of this step is about to compute what this one needs next.
bool Scheduler::StepLoop::waits_for_prefix(ActiveRun& run, const std::vector<RunPtr>& runs) {
    if (run.decoding() || run.rewriting() || run.reuse() == CacheReuse::None || run.moves_weights())
        return false;
    const auto next = [&] { return static_cast<std::size_t>(run.position() / kKvBlockTokens); };
    const auto same = [&](const RunPtr& other) {
        const auto &mine = run.prompt_hashes(), &theirs = other->prompt_hashes();
        return other->handle() < run.handle() && !other->decoding() && !other->rewriting() &&
               !other->moves_weights() && next() < mine.size() && next() < theirs.size() &&
               mine[next()] == theirs[next()] && run.long_text() == other->long_text() &&
               run.experts() == other->experts() && run.kv_type() == other->kv_type() &&
               run.activation_bits() == other->activation_bits();
    };
    if (!run.waited_for_prefix && std::ranges::none_of(runs, same))
        return false;
    cache_.extend(*run.sequence, run.request().prompt, dials_of(run), run.kv_type());
    run.waited_for_prefix = std::ranges::any_of(runs, [&](const RunPtr& other) {
        return same(other) && other->position() < static_cast<int>(next() + 1) * kKvBlockTokens;
    });
    return run.waited_for_prefix;
}

/// One row of each run that answers, and as much of the prompts as there is time for: those that have waited
/// for long come first.
std::vector<Scheduler::StepLoop::Share> Scheduler::StepLoop::share_out(std::vector<RunPtr> runs) {
    std::ranges::stable_sort(runs, {}, [&](const RunPtr& run) {
        const bool waits = run->reading() && steps_ - run->last_step >= kLongWait;
        return std::tuple(run->reading(), waits ? run->last_step : UINT64_MAX);
    });
    std::vector<Share> shares;
    const auto answers =
        static_cast<int>(std::ranges::count_if(runs, [](const RunPtr& run) { return !run->reading(); }));
    int chunk = 1;
    for (const RunPtr& run : runs)
        chunk = std::max(chunk, run->reading() ? run->prefill_chunk() : 1);
    int rows_left = clock_.reading_rows(answers, chunk);
    parked_any_ = false;
    no_room_.clear();
    for (const RunPtr& run : runs) {
        if (run->parked) // by one before it
            continue;
        std::span<const std::int32_t> tokens = run->pending();
        if (run->reading()) {
            if (waits_for_prefix(*run, runs)) {
                run->last_step = steps_;
                continue;
            }
            tokens = run->pending();
            std::size_t most = static_cast<std::size_t>(std::min(rows_left, run->prefill_chunk()));
            if (run->span_now())
                most = std::min(most, static_cast<std::size_t>(run->span_end() - run->position()));
            if (most == 0)
                continue;
            tokens = tokens.first(std::min(tokens.size(), most));
        }
        std::vector<std::int32_t> drafts;
        if (runs.size() == 1 && !run->reading())
            drafts = drafts_of(run);
        if (drafts.empty() && !make_room_for(run, static_cast<int>(tokens.size())))
            continue;
        if (run->reading())
            rows_left -= static_cast<int>(tokens.size());
        Share share{.run = run,
                    .first = run->position(),
                    .rows = static_cast<int>(tokens.size() + drafts.size()),
                    .dials = dials_of(*run),
                    .logits = tokens.size() == run->pending().size(),
                    .reading = run->reading(),
                    .drafts = std::move(drafts)};
        const auto failure = failure_of([&] {
            if (share.logits && run->request().allowed)
                share.allowed = run->request().allowed(run->answer());
        });
        if (failure) {
            end(run, FinishReason::Failed, *failure);
            continue;
        }
        run->ahead = share.rows;
        shares.push_back(std::move(share));
    }
    if (shares.empty() && !parked_any_ && !no_room_.empty())
        end_for_room(runs);
    // As a batch wants them, and rows of as many bits together: products take each kind by itself.
    std::ranges::stable_sort(shares, {}, [](const Share& share) {
        return std::tuple(share.dials.prompt, share.dials.library, share.dials.activation_bits);
    });
    return shares;
}

/// What may follow an answer's next token, with room for it; none where that is short.
std::vector<std::int32_t> Scheduler::StepLoop::drafts_of(const RunPtr& run) {
    const int most = options_.draft_rows.value_or(parts_.executor->draft_rows());
    std::vector<std::int32_t> drafts;
    const auto failure = failure_of([&] {
        drafts = run->drafts(most);
        if (!drafts.empty())
            cache_.reserve(*run->sequence, {.count = 1 + static_cast<int>(drafts.size()), .drafted = true},
                           run->kv_type());
    });
    return failure ? std::vector<std::int32_t>() : drafts;
}

Batch Scheduler::StepLoop::make_batch(const std::vector<Share>& shares) const {
    Batch batch;
    for (const Share& share : shares) {
        const ActiveRun& run = *share.run;
        const auto sequence = static_cast<std::int32_t>(batch.sequences.size());
        batch.sequences.push_back(run.sequence->batch_sequence(share.ahead()));
        batch.sequences.back().long_text = share.dials.long_text;
        std::span<const std::int32_t> tokens = run.tokens();
        std::vector<std::int32_t> with_drafts;
        if (!share.drafts.empty()) {
            with_drafts.assign(tokens.begin(), tokens.end());
            with_drafts.insert(with_drafts.end(), share.drafts.begin(), share.drafts.end());
            tokens = with_drafts;
        }
        for (std::int32_t position = share.first; position < share.first + share.rows; ++position)
            batch.rows.push_back(
                {.token = share.drawn_by < 0 ? tokens[static_cast<std::size_t>(position)] : -1,
                 .drawn_by = share.drawn_by,
                 .position = position,
                 .sequence = sequence,
                 .dials = {.experts = share.dials.experts, .activation_bits = share.dials.activation_bits},
                 .decompressed = share.dials.decompressed,
                 .prompt = share.dials.prompt,
                 .own_products = share.dials.prompt && !share.dials.library});
        if (run.request().prompt_logprobs && share.drawn_by < 0 && !run.decoding() && !run.rewriting())
            wish_prompt(share, batch);
        // Behind what is known each row draws the next token.
        for (std::size_t draft = 0; share.logits && draft <= share.drafts.size(); ++draft)
            wish(share, tokens.first(run.tokens().size() + draft),
                 batch.rows.end()[-1 - static_cast<std::ptrdiff_t>(share.drafts.size() - draft)], batch);
    }
    return batch;
}

/// The next token, drawn by the backend, and which were the likeliest where that is asked for.
void Scheduler::StepLoop::wish(const Share& share, std::span<const std::int32_t> known, BatchRow& row,
                               Batch& batch) const {
    const ActiveRun& run = *share.run;
    const auto position = static_cast<std::uint64_t>(row.position) + 1;
    row.wish = RowWish::Draw;
    row.draw = static_cast<std::int32_t>(batch.draw_wishes.size());
    batch.draw_wishes.push_back(
        draw_wish(run.tuning(), known, position, run.draw_version(), share.drawn_by >= 0));
    batch.draw_wishes.back().allowed = share.allowed;
    if (const int count = run.request().alternatives; count > 0) {
        row.candidates = static_cast<std::int32_t>(batch.candidate_wishes.size());
        batch.candidate_wishes.push_back({.best = count, .gather = {}});
    }
}

/// How likely each row finds the prompt's next token.
void Scheduler::StepLoop::wish_prompt(const Share& share, Batch& batch) const {
    const std::span<const std::int32_t> all = share.run->tokens();
    for (auto row = batch.rows.end() - share.rows; row != batch.rows.end(); ++row) {
        const auto next = static_cast<std::size_t>(row->position) + 1;
        if (next >= all.size())
            break;
        row->wish = RowWish::Candidates;
        row->candidates = static_cast<std::int32_t>(batch.candidate_wishes.size());
        batch.candidate_wishes.push_back(
            {.best = std::max(1, share.run->request().alternatives), .gather = {all[next]}});
    }
}

} // namespace switchyard
