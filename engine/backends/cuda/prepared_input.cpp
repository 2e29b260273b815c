#include "engine/backends/cuda/prepared_input.h"

#include <utility>

namespace switchyard::cuda {

PreparedInput::PreparedInput(const StageMaker& maker, std::optional<NormStep> norm,
                             std::vector<WeightId> consumers, bool floats)
    : norm_(norm), floats_(floats), input_(maker.weights.add_input(std::move(consumers), floats)) {}

void PreparedInput::reserve(const StepShape& shape, Scratch& scratch, int width, int heads) const {
    scratch.prepared.want(static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(heads), width,
                          shape.formats | (floats_ ? kInputF32 : 0u));
    scratch.halves.want(std::int64_t{shape.prompt_room()} * heads, width);
}

PrepareParams PreparedInput::params(const StepLaunch& step, const Source& source) const {
    return {.in = source.in,
            .in_stride = source.stride,
            .heads = source.heads,
            .head_stride = source.head_stride,
            .width = source.width,
            .gather = nullptr,
            .gain = gain(step),
            .epsilon = epsilon(),
            .formats = formats(step),
            .out = step.scratch.prepared.rows_of(source.width)};
}

PreparedRows PreparedInput::launch_first(StepLaunch& step, const Source& source, int rows) const {
    const PrepareParams p = params(step, source);
    if (rows > 0)
        step.launch<Kernel::Prepare>(prepare_grid(rows, source.heads), p);
    return p.out;
}

HalfRows PreparedInput::launch_prompts(StepLaunch& step, const Source& source) const {
    const HalfRows out = step.scratch.halves.rows_of(source.width);
    if (step.shape.prompt_rows == 0)
        return out;
    step.launch<Kernel::PreparePrompt>(prepare_grid(step.shape.prompt_rows, source.heads),
                                       {.in = source.in + step.shape.answer_rows() * source.stride,
                                        .in_stride = source.stride,
                                        .heads = source.heads,
                                        .head_stride = source.head_stride,
                                        .width = source.width,
                                        .count = nullptr,
                                        .gain = gain(step),
                                        .epsilon = epsilon(),
                                        .out = out});
    return out;
}

PreparedRows PreparedInput::launch_logit_rows(StepLaunch& step, ValueId in) const {
    PrepareParams p = params(step, source_of(step, in));
    p.gather = step.inputs.logit_rows();
    step.launch<Kernel::Prepare>(prepare_grid(step.shape.logit_rows, 1), p);
    return p.out;
}

RowProductParams PreparedInput::row_params(const StepLaunch& step, ValueId in) const {
    RowProductParams p = {};
    p.product.rows = 1;
    p.in = step.value(in);
    p.gain = gain(step);
    p.epsilon = epsilon();
    p.width = step.width(in);
    return p;
}

} // namespace switchyard::cuda
