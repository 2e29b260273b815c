// The launches of a layer's gated blocks for many rows.
#pragma once

#include "kernels/cuda/kernel_list.h"

#include <algorithm>

namespace switchyard::cuda {

struct PromptFeedForward {
    FeedForwardParams layer; ///< but for `in` and `hidden`
    std::int32_t experts;    ///< that the layer has
    // As Route and Units wrote them; null where there are no experts.
    const std::int32_t *row_pairs, *counts;
    HalfRows in; ///< [row_count]
    // Room for prompt_hidden_rows() rows of prompt_hidden_width(), and for the experts' results
    // [row_count * most][out_width].
    float* hidden;
    std::uint16_t* hidden_values;
    float* hidden_scales;
    float* results;
    WeightRanges ranges; ///< of the table that all matrices stand in
};

/// Hidden neurons that there is room for.
inline std::int64_t prompt_hidden_columns(const FeedForwardParams& layer) {
    std::int64_t most = std::int64_t{layer.row_count} * layer.most * padded_columns(layer.expert.width);
    for (int b = 0; b < layer.block_count; ++b)
        most = std::max(most, std::int64_t{layer.row_count} * padded_columns(layer.blocks[b].matrices.width));
    return most;
}
/// Rows of hidden neurons: of pairs, or of the batch.
inline std::int64_t prompt_hidden_rows(const FeedForwardParams& layer) {
    return std::int64_t{layer.row_count} * (layer.expert.width > 0 ? std::max(layer.most, 1) : 1);
}

/// `launches(kernel, grid, params)`: how each is launched.
template <class Launches>
void launch_prompt_feed_forward(const PromptFeedForward& f, const Launches& launches) {
    const FeedForwardParams& layer = f.layer;
    const auto hidden_of = [&](const GatedMatrices& m) -> HalfRows {
        return {f.hidden_values, f.hidden_scales, padded_columns(m.width)};
    };
    const auto up = [&](const PromptUnits& units, const GatedMatrices& m, const std::int32_t* count) {
        const HalfRows hidden = hidden_of(m);
        const PromptUpParams p = {.units = units,
                                  .matrices = m,
                                  .in = f.in,
                                  .hidden = f.hidden,
                                  .hidden_stride = hidden.padded,
                                  .ranges = f.ranges};
        launches.template operator()<Kernel::PromptUp>(prompt_up_grid(p), p);
        const int rows = units.list ? units.most_pairs : units.rows;
        launches.template operator()<Kernel::PreparePrompt>(prepare_grid(rows, 1),
                                                            {.in = f.hidden,
                                                             .in_stride = hidden.padded,
                                                             .heads = 1,
                                                             .head_stride = 0,
                                                             .width = m.width,
                                                             .count = count,
                                                             .gain = nullptr,
                                                             .epsilon = 0,
                                                             .out = hidden});
    };
    if (layer.list) {
        const PromptUnits units = {
            layer.list, layer.units, layer.pair_rows, layer.row_count, layer.row_count * layer.most,
            f.experts};
        up(units, layer.expert, &layer.list->pairs);
        const PromptDownParams down = {.units = units,
                                       .matrices = layer.expert,
                                       .hidden = hidden_of(layer.expert),
                                       .results = f.results,
                                       .out_width = layer.out_width,
                                       .ranges = f.ranges};
        launches.template operator()<Kernel::PromptDown>(prompt_down_grid(down), down);
        launches.template operator()<Kernel::PromptCombine>({static_cast<unsigned>(layer.row_count), 1},
                                                            {.row_pairs = f.row_pairs,
                                                             .counts = f.counts,
                                                             .most = layer.most,
                                                             .pair_weights = layer.pair_weights,
                                                             .results = f.results,
                                                             .out_width = layer.out_width,
                                                             .out = layer.out,
                                                             .out_stride = layer.out_stride,
                                                             .add = layer.add});
    }
    for (int b = 0; b < layer.block_count; ++b) {
        const DenseBlock& block = layer.blocks[b];
        const GatedMatrices& m = block.matrices;
        up({nullptr, nullptr, nullptr, layer.row_count, 0, 0}, m, nullptr);
        PromptProductParams down = {};
        down.targets[0] = {.matrices = m.down,
                           .bias = m.down_bias,
                           .out = layer.out,
                           .out_stride = layer.out_stride,
                           .out_head_stride = 0,
                           .heads = 1,
                           .matrix_rows = layer.out_width,
                           .add = layer.add || layer.list || b > 0};
        down.target_count = 1;
        down.rows = layer.row_count;
        down.in = hidden_of(m);
        down.row_weights = block.output_gate ? block.output_weights : nullptr;
        down.ranges = f.ranges;
        launches.template operator()<Kernel::PromptProduct>(prompt_product_grid(down), down);
    }
}

} // namespace switchyard::cuda
