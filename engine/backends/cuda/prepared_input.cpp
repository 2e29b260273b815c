#include "engine/backends/cuda/prepared_input.h"

#include <utility>

namespace switchyard::cuda {

PreparedInput::PreparedInput(const StageMaker& maker, std::optional<NormStep> norm,
                             std::vector<WeightId> consumers, bool floats)
    : norm_(norm), floats_(floats), input_(maker.weights.add_input(std::move(consumers), floats)) {}

void PreparedInput::reserve(const StepShape& shape, Scratch& scratch, int width, int heads) const {
    scratch.prepared.want(static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(heads), width,
                          shape.formats | (floats_ ? kInputF32 : 0u));
}

PrepareParams PreparedInput::params(const StepLaunch& step, const Source& source) const {
    return {.in = source.in,
            .in_stride = source.stride,
            .heads = source.heads,
            .head_stride = source.head_stride,
            .width = source.width,
            .gather = nullptr,
            .gain = norm_ ? step.weights.entry(norm_->gain) : nullptr,
            .epsilon = norm_ ? norm_->epsilon : 0.0f,
            .formats = step.weights.formats(input_),
            .out = step.scratch.prepared.rows_of(source.width)};
}

PreparedRows PreparedInput::launch(StepLaunch& step, const Source& source) const {
    const PrepareParams p = params(step, source);
    step.launch<Kernel::Prepare>(prepare_grid(step.rows(), source.heads), p);
    return p.out;
}

PreparedRows PreparedInput::launch_logit_rows(StepLaunch& step, ValueId in) const {
    PrepareParams p = params(step, {step.value(in), step.width(in), step.width(in)});
    p.gather = step.inputs.logit_rows();
    step.launch<Kernel::Prepare>(prepare_grid(step.shape.logit_rows, 1), p);
    return p.out;
}

} // namespace switchyard::cuda
