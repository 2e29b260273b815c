// Products of one input with some matrices, such as queries, keys and values.
#pragma once

#include "engine/backends/cuda/prepared_input.h"
#include "engine/backends/cuda/stage.h"

#include <vector>

namespace switchyard::cuda {

class ProjectionStage : public Stage {
  public:
    ProjectionStage(const FusedProjection& fused, const StageMaker& maker);
    void reserve(const StepShape& shape, Scratch& scratch) const override;
    void count(const StepShape& shape, const WeightSet& weights, StageTable& table) const override;
    void launch(StepLaunch& step) const override;
    void prepare(const DenseRoom& room) const override;

    /// Whether the step is one row that the products prepare on their way.
    bool takes_row(const StepLaunch& step) const { return step.prepares_row(width_) && !overwrites_input(); }
    /// All of that row's products. PRECOND: no more than kProductTargets.
    RowProductParams row_params(const StepLaunch& step) const { return row_params(step, 0); }
    std::size_t products() const { return steps_.size(); }

  private:
    /// Those from the step with number `first` on, as many as a launch takes.
    RowProductParams row_params(const StepLaunch& step, std::size_t first) const;
    void add_targets(const StepLaunch& step, std::size_t first, ProductParams& params) const;
    /// Then the row must be prepared before any of its products is written.
    bool overwrites_input() const;

    ValueId in_;
    int width_;
    PreparedInput input_;
    std::vector<ProjectStep> steps_;
    std::vector<int> widths_; ///< of their outputs
};

} // namespace switchyard::cuda
