#include "engine/backends/cuda/weighed_inputs.h"

namespace switchyard::cuda {

void WeighedInputs::reserve(const StepShape& shape, int width, int most, Scratch& scratch) {
    const auto rows = static_cast<std::size_t>(shape.rows), pairs = rows * static_cast<std::size_t>(most);
    scratch.prepared.want(rows + pairs, width, shape.formats | kInputF32);
    scratch.halves.want(shape.prompt_room() + std::int64_t{shape.prompt_rows} * most, width);
    scratch.input_rows.want(pairs * sizeof(std::int32_t));
    scratch.input_weights.want(pairs * sizeof(float));
}

void WeighedInputs::launch(StepLaunch& step) const {
    const bool prompts = first_ >= step.shape.answer_rows();
    const int pairs = units_.row_count * units_.most,
              before = prompts ? step.shape.prompt_room() : step.rows();
    auto* weights = step.scratch.input_weights.get<float>();
    step.launch<Kernel::WeighInputs>(weigh_grid(pairs), {.list = units_.list,
                                                         .pair_weights = units_.pair_weights,
                                                         .weights = weights,
                                                         .rows = step.scratch.input_rows.get<std::int32_t>(),
                                                         .first = before,
                                                         .most = pairs});
    const float* from = in_.from(first_).floats;
    if (prompts) {
        HalfRows out = step.scratch.halves.rows_of(width_);
        out.values += std::int64_t{before} * out.padded;
        out.scales += before;
        return step.launch<Kernel::PreparePrompt>(prepare_grid(pairs, 1), {.in = from,
                                                                           .in_stride = in_.padded,
                                                                           .heads = 1,
                                                                           .head_stride = 0,
                                                                           .width = width_,
                                                                           .count = &units_.list->pairs,
                                                                           .gain = nullptr,
                                                                           .epsilon = 0,
                                                                           .out = out,
                                                                           .gather = units_.pair_rows,
                                                                           .weights = weights});
    }
    step.launch<Kernel::Prepare>(prepare_grid(pairs, 1), {.in = from,
                                                          .in_stride = in_.padded,
                                                          .heads = 1,
                                                          .head_stride = 0,
                                                          .width = width_,
                                                          .gather = units_.pair_rows,
                                                          .gain = nullptr,
                                                          .epsilon = 0,
                                                          .formats = formats_,
                                                          .out = in_.from(before),
                                                          .weights = weights,
                                                          .count = &units_.list->pairs});
}

} // namespace switchyard::cuda
