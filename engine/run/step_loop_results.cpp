// What becomes of a step's results: tokens are drawn, told and recorded.
#include "engine/base/error.h"
#include "engine/run/failure.h"
#include "engine/run/step_loop.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

/// Takes from all logits those that are not allowed. Throws Error where none is left.
void restrict_to(std::vector<float>& logits, const AllowedIds& allowed) {
    bool any = false;
    for (std::size_t id = 0; id < logits.size(); ++id)
        if (id / 64 < allowed.size() && (allowed[id / 64] >> (id % 64) & 1))
            any = true;
        else
            logits[id] = -std::numeric_limits<float>::infinity();
    if (!any)
        throw Error("no token may follow what was said so far: the required form of the answer leaves none");
}

} // namespace

struct Scheduler::StepLoop::ResultRow {
    std::span<const float> logits; ///< where all were wished
    const Candidates* candidates = nullptr;
    const CandidateWish* wish = nullptr;
    const Drawn* drawn = nullptr;
    int number = 0; ///< among those that wished candidates
};

/// Walks through a step's results in the order of its rows.
class Scheduler::StepLoop::ResultReader {
  public:
    ResultReader(const Batch& batch, const StepResult& result, PendingStep& step, std::size_t vocabulary)
        : batch_(batch), result_(result), step_(step), vocabulary_(vocabulary) {}

    ResultRow next() {
        const BatchRow& row = batch_.rows[row_++];
        ResultRow read;
        if (row.wish == RowWish::Logits)
            read.logits = std::span(result_.logits).subspan(logits_++ * vocabulary_, vocabulary_);
        if (row.wish == RowWish::Candidates) {
            read.candidates = &result_.candidates[candidates_];
            read.wish = &batch_.candidate_wishes[static_cast<std::size_t>(row.candidates)];
            read.number = static_cast<int>(candidates_++);
        }
        if (row.wish == RowWish::Draw)
            read.drawn = &result_.drawn[drawn_++];
        return read;
    }
    std::vector<float> all_logits(const ResultRow& row) {
        return row.candidates ? step_.all_logits(row.number)
                              : std::vector<float>(row.logits.begin(), row.logits.end());
    }

  private:
    const Batch& batch_;
    const StepResult& result_;
    PendingStep& step_;
    std::size_t vocabulary_, row_ = 0, logits_ = 0, candidates_ = 0, drawn_ = 0;
};

void Scheduler::StepLoop::take_results(const Flight& flight, const StepResult& result) {
    ResultReader reader(flight.batch, result, *flight.pending,
                        static_cast<std::size_t>(parts_.plan->vocabulary));
    for (const Share& share : flight.shares) {
        std::vector<ResultRow> rows;
        std::optional<FinishReason> reason;
        const auto failure = failure_of([&] {
            for (int r = 0; r < share.rows; ++r)
                rows.push_back(reader.next());
            if (!share.run->ended)
                reason = take_result(share, rows, reader);
        });
        if (failure)
            end(share.run, FinishReason::Failed, *failure);
        else if (reason)
            end(share.run, *reason);
    }
}

/// How likely the prompt's tokens were, as far as this step tells.
std::vector<PromptToken> Scheduler::StepLoop::prompt_tokens(const ActiveRun& run,
                                                            const std::vector<ResultRow>& rows) {
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
                                                             const std::vector<ResultRow>& rows,
                                                             ResultReader& reader) {
    ActiveRun& run = *share.run;
    const bool prefill = !run.decoding();
    cache_.commit(*run.sequence, run.pending().first(static_cast<std::size_t>(share.rows)), share.dials);
    run.note_resuming(); // if all is computed again, the weights of then are not needed any more
    if (prefill)
        run.note_prefill(run.request().prompt_logprobs ? prompt_tokens(run, rows)
                                                       : std::vector<PromptToken>{});
    if (!share.logits)
        return std::nullopt;
    const ResultRow& last = rows.back();
    const auto position = static_cast<std::uint64_t>(run.position());
    if (last.drawn)
        return run.take(sampled(*last.drawn), {}, precision_of(run), parts_);
    std::optional<SampledToken> token;
    if (last.candidates)
        token = sampler_.sample(*last.candidates, *last.wish, run.tuning(), position);
    std::vector<float> all;
    if (!token) {
        std::span<const float> drawn_from = last.logits;
        const AllowedIds* allowed = run.request().allowed ? run.request().allowed(run.answer()) : nullptr;
        if (last.candidates || allowed) {
            all = reader.all_logits(last);
            drawn_from = all;
        }
        if (allowed)
            restrict_to(all, *allowed);
        token = sampler_.sample(drawn_from, run.tuning(), run.tokens(), position, run.draw_version());
    }
    std::vector<TokenAlternative> alternatives;
    if (const int count = run.request().alternatives; count > 0)
        alternatives = last.candidates
                           ? likeliest(*last.candidates, count)
                           : likeliest(find_candidates(last.logits, {.best = count, .gather = {}}), count);
    return run.take(*token, std::move(alternatives), precision_of(run), parts_);
}

} // namespace switchyard
