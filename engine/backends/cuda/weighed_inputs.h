// Inputs of experts that are multiplied by the experts' weights (ExpertsStep::weigh_input): each pair of a
// row and an expert has a prepared row of its own, behind those of the batch.
#pragma once

#include "engine/backends/cuda/stage.h"
#include "kernels/cuda/routing_kernels.h"

namespace switchyard::cuda {

/// Of some rows of a batch, all of answers or all of prompts, behind the launch that lists their pairs.
class WeighedInputs {
  public:
    /// Beside what layers need whose results are weighed.
    static void reserve(const StepShape& shape, int width, int most, Scratch& scratch);

    /// `first`: their first row in the batch. `in`: all rows as floats among other forms, `formats` of which
    /// the experts want. `units`: what lists their pairs.
    WeighedInputs(int width, int first, const PreparedRows& in, const std::uint32_t* formats,
                  const UnitsParams& units)
        : width_(width), first_(first), in_(in), formats_(formats), units_(units) {}

    /// Prepares the listed pairs' rows, and leaves weights of 1.
    void launch(StepLaunch& step) const;
    /// Which of the prepared rows are the pairs' inputs.
    static const std::int32_t* rows(const StepLaunch& step) {
        return step.scratch.input_rows.get<std::int32_t>();
    }

  private:
    int width_, first_;
    PreparedRows in_;
    const std::uint32_t* formats_;
    UnitsParams units_;
};

/// The gated blocks of answers' rows whose experts have such inputs.
inline void launch_weighed(StepLaunch& step, const FeedForwardParams& layer) {
    FeedForwardParams up = layer;
    up.pair_rows = WeighedInputs::rows(step);
    step.launch_gate_up(up);
    step.launch_down(layer);
}

} // namespace switchyard::cuda
