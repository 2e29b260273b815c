// What becomes of a step's results: tokens are drawn, told and recorded.
#include "engine/run/failure.h"
#include "engine/run/step_loop.h"

namespace switchyard {
namespace {

std::vector<TokenAlternative> likeliest(const Candidates& candidates, int count) {
    std::vector<TokenAlternative> all;
    const double total = candidates.log_sum_exp();
    for (const Candidate& candidate : candidates.best)
        if (static_cast<int>(all.size()) < count)
            all.push_back({candidate.id, candidate.logit - total});
    return all;
}

} // namespace

struct Scheduler::StepLoop::ResultRow {
    const Candidates* candidates = nullptr;
    const Drawn* drawn = nullptr;

    /// Of all rows of a step, in their order.
    static std::vector<ResultRow> all(std::span<const BatchRow> rows, const StepResult& result) {
        std::vector<ResultRow> read;
        read.reserve(rows.size());
        std::size_t candidates = 0, drawn = 0;
        for (const BatchRow& row : rows)
            read.push_back({row.candidates >= 0 ? &result.candidates[candidates++] : nullptr,
                            row.wish == RowWish::Draw ? &result.drawn[drawn++] : nullptr});
        return read;
    }
};

void Scheduler::StepLoop::take_results(const Flight& flight, const StepResult& result) {
    std::vector<ResultRow> rows;
    auto failure = failure_of([&] { rows = ResultRow::all(flight.rows, result); });
    std::size_t first = 0;
    for (const Share& share : flight.shares) {
        std::optional<FinishReason> reason;
        const auto count = static_cast<std::size_t>(share.rows);
        if (!share.run->ended)
            share.run->note_experts(result.experts);
        if (!rows.empty())
            failure = failure_of([&] {
                if (!share.run->ended)
                    reason = take_result(share, std::span(rows).subspan(first, count));
            });
        first += count;
        if (failure && !share.run->ended)
            end(share.run, FinishReason::Failed, *failure);
        else if (reason)
            end(share.run, *reason);
    }
}

/// How likely the prompt's tokens were, as far as this step tells.
std::vector<PromptToken> Scheduler::StepLoop::prompt_tokens(const ActiveRun& run,
                                                            std::span<const ResultRow> rows) {
    std::vector<PromptToken> tokens;
    const std::span<const std::int32_t> prompt = run.request().prompt;
    auto at = static_cast<std::size_t>(run.position()) - rows.size();
    for (const ResultRow& row : rows)
        if (++at < prompt.size() && row.candidates)
            tokens.push_back({prompt[at], row.candidates->gathered.front() - row.candidates->log_sum_exp(),
                              likeliest(*row.candidates, run.request().alternatives)});
    return tokens;
}

/// Why the run ends with it, if it does.
std::optional<FinishReason> Scheduler::StepLoop::take_result(const Share& share,
                                                             std::span<const ResultRow> rows) {
    ActiveRun& run = *share.run;
    if (!share.drafts.empty())
        return take_drafted(share, rows);
    const bool prefill = !run.decoding();
    cache_.commit(*run.sequence, run.pending().first(static_cast<std::size_t>(share.rows)), share.dials);
    run.note_resuming(); // if all is computed again, the weights of then are not needed any more
    if (prefill)
        run.note_prefill(run.request().prompt_logprobs ? prompt_tokens(run, rows)
                                                       : std::vector<PromptToken>{});
    if (!share.logits)
        return std::nullopt;
    return take_token(run, rows.back());
}

std::optional<FinishReason> Scheduler::StepLoop::take_token(ActiveRun& run, const ResultRow& row) {
    std::vector<TokenAlternative> alternatives;
    if (row.candidates)
        alternatives = likeliest(*row.candidates, run.request().alternatives);
    return run.take(sampled(*row.drawn), std::move(alternatives), precision_of(run), parts_);
}

/// The tokens that rows drew behind drafts that are what was drawn before them, and the first that is not.
std::optional<FinishReason> Scheduler::StepLoop::take_drafted(const Share& share,
                                                              std::span<const ResultRow> rows) {
    ActiveRun& run = *share.run;
    std::size_t right = 0;
    while (right < share.drafts.size() && rows[right].drawn->id == share.drafts[right])
        ++right;
    run.take_together(static_cast<int>(share.drafts.size()), static_cast<int>(right) + 1);
    std::optional<FinishReason> reason;
    const int before = run.answered();
    std::size_t taken = 0;
    while (taken <= right && !reason)
        reason = take_token(run, rows[taken++]);
    run.end_together(run.answered() - before); // a token that ends it may be no part of it
    cache_.commit(*run.sequence, run.pending().first(taken), share.dials);
    return reason;
}

} // namespace switchyard
