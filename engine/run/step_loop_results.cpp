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

} // namespace

struct Scheduler::StepLoop::ResultRow {
    const Candidates* candidates = nullptr;
    const Drawn* drawn = nullptr;
    bool restricted = false; ///< its draw was, to ids that are allowed
};

/// Walks through a step's results in the order of its rows.
class Scheduler::StepLoop::ResultReader {
  public:
    ResultReader(const Batch& batch, const StepResult& result) : batch_(batch), result_(result) {}

    ResultRow next() {
        const BatchRow& row = batch_.rows[row_++];
        ResultRow read;
        if (row.candidates >= 0)
            read.candidates = &result_.candidates[candidates_++];
        if (row.wish == RowWish::Draw) {
            read.drawn = &result_.drawn[drawn_++];
            read.restricted = batch_.draw_wishes[static_cast<std::size_t>(row.draw)].allowed != nullptr;
        }
        return read;
    }

  private:
    const Batch& batch_;
    const StepResult& result_;
    std::size_t row_ = 0, candidates_ = 0, drawn_ = 0;
};

void Scheduler::StepLoop::take_results(const Flight& flight, const StepResult& result) {
    ResultReader reader(flight.batch, result);
    for (const Share& share : flight.shares) {
        std::vector<ResultRow> rows;
        std::optional<FinishReason> reason;
        const auto failure = failure_of([&] {
            for (int r = 0; r < share.rows; ++r)
                rows.push_back(reader.next());
            if (!share.run->ended)
                reason = take_result(share, rows);
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
                                                             const std::vector<ResultRow>& rows) {
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
    std::vector<TokenAlternative> alternatives;
    if (last.candidates)
        alternatives = likeliest(*last.candidates, run.request().alternatives);
    return run.take(sampled(*last.drawn, last.restricted), std::move(alternatives), precision_of(run),
                    parts_);
}

} // namespace switchyard
