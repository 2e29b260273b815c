// Which rows of a step have logits, which of those need candidates, and what of both is told.
#pragma once

#include "engine/model/plan.h"
#include "engine/run/batch.h"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace switchyard {

/// All logits of a row, by its number among StepWishes::logit_rows(): [vocabulary]. They are asked for only
/// where they are needed, so that a device copies no others to the host; valid until the same thread asks
/// again.
using RowLogits = std::function<std::span<const float>(std::size_t row)>;

/// Candidates among a row's logits, wished or needed for its draw.
struct Sought {
    std::size_t row; ///< among StepWishes::logit_rows()
    const CandidateWish* wish;
    Candidates found; ///< by the backend
    bool told;        ///< to who waits for the step; else only for its draw
};

/// One lives as long as its backend: what it holds is used again, so that a step allocates little.
class StepWishes {
  public:
    /// Reads a batch whose tokens are known. The batch must stay as it is until its step's result is told.
    void read(const Batch& batch);

    const Batch& batch() const { return *batch_; }
    /// Rows that wish something, by their numbers in the batch: their logits are computed.
    std::span<const std::int32_t> logit_rows() const { return logit_rows_; }
    std::span<Sought> sought() { return sought_; }
    std::span<const Sought> sought() const { return sought_; }
    /// How a row of logit_rows() is drawn; null: it is not.
    const DrawWish* draw_of(std::size_t row) const;
    /// What the draw of a row of logit_rows() is drawn from; null: from all its logits.
    const Sought* for_draw(std::size_t row) const;
    /// Its number among sought(). PRECOND: there is one.
    std::int32_t number_for_draw(std::size_t row) const {
        return static_cast<std::int32_t>(for_draw(row) - sought_.data());
    }
    /// Whether the result has the logits of all of logit_rows().
    bool tells_all_logits() const;

    /// Puts the candidates that are told into a step's result, and the logits of the rows that wish them.
    /// After the draws: they need what is moved away here.
    void tell(StepResult& result, const RowLogits& logits);
    /// The same where the host has them all: [logit_rows, vocabulary].
    void tell(StepResult& result, std::vector<float> logits);

  private:
    void tell_candidates(StepResult& result);
    bool tells_logits(std::size_t row) const;

    const Batch* batch_ = nullptr;
    std::vector<std::int32_t> logit_rows_;
    std::vector<std::optional<CandidateWish>> for_draws_; ///< one a draw wish of the batch
    std::vector<Sought> sought_;
};

/// The logits of a row among those of several: [rows, vocabulary].
inline std::span<const float> logits_of_row(std::span<const float> logits, std::size_t row,
                                            std::size_t vocabulary) {
    return logits.subspan(row * vocabulary, vocabulary);
}

/// Room for what the rows that ask are told of their experts.
void shape_routing(const Batch& batch, const Plan& plan, RoutingTable& routing);

} // namespace switchyard
