// A layer's feed-forward blocks whose experts lie on the host: group by group, as these come to the device.
#pragma once

#include "engine/backends/cuda/expert_fetch.h"
#include "engine/backends/cuda/stage.h"
#include "engine/backends/cuda/weighed_inputs.h"
#include "kernels/cuda/routing_kernels.h"

#include <optional>

namespace switchyard::cuda {

/// Floats of the experts' results of prompts' rows, [rows * most][out_width]; what stands behind them is
/// aligned.
inline std::int64_t prompt_result_floats(const FeedForwardParams& p) {
    return (std::int64_t{p.row_count} * p.most * p.out_width + 63) / 64 * 64;
}

/// Some rows of a batch, all of answers or all of prompts, behind ExpertFetch::ask().
class FetchedFeedForward {
  public:
    /// `first_row`: of the batch. `units`: lists all experts that the rows chose. `weighed`: where their
    /// inputs are.
    FetchedFeedForward(StepLaunch& step, const ExpertsStep& experts, int first_row, const UnitsParams& units,
                       const std::optional<WeighedInputs>& weighed);

    /// Beside what launches for all experts at once need.
    static void reserve(const StepShape& shape, const FeedForwardParams& p, Scratch& scratch);
    /// `all`: as for experts and blocks at once.
    void launch_answers(const FeedForwardParams& all) const;
    /// `f`: as for all experts at once; there is room for hidden neurons behind prompt_result_floats().
    void launch_prompts(PromptFeedForward f) const;

  private:
    int begin() const { return step_.fetch->begin(experts_, first_row_, units_.row_count); }
    ExpertFetch::Group launch_units(int group) const;
    void list(const UnitsParams& units) const;

    StepLaunch& step_;
    const ExpertsStep& experts_;
    int first_row_;
    UnitsParams units_;
    std::optional<WeighedInputs> weighed_;
};

} // namespace switchyard::cuda
