// The launches of a layer's gated blocks for many rows.
#pragma once

#include "kernels/cuda/kernel_list.h"
#include "kernels/cuda/prompt_dense_launch.h"

#include <algorithm>

namespace switchyard::cuda {

struct PromptFeedForward {
    FeedForwardParams layer; ///< but for `in` and `hidden`
    std::int32_t experts;    ///< that the layer has
    // As Route and Units wrote them; null where there are no experts.
    const std::int32_t *row_pairs, *counts;
    HalfRows in;                  ///< [row_count]
    float* hidden;                ///< room for prompt_hidden_columns(): [pairs or rows][padded width]
    std::uint16_t* hidden_values; ///< the same as F16: room for prompt_hidden_halves()
    float* hidden_scales;         ///< of each of its rows: [prompt_hidden_rows()]
    float* results;               ///< the experts': [row_count * most][out_width]
    WeightRanges ranges;          ///< of the table that all matrices stand in
    /// The last so many rows take blocks that all rows pass by the library, if there is one. Whole
    /// kDenseTokens of `in` and of `hidden_values` from them on can be read.
    std::int32_t library_rows;
    DenseRoom dense;
};

/// Hidden neurons that there is room for.
inline std::int64_t prompt_hidden_columns(const FeedForwardParams& layer) {
    std::int64_t most = std::int64_t{layer.row_count} * layer.most * padded_columns(layer.expert.width);
    for (int b = 0; b < layer.block_count; ++b)
        most = std::max(most, std::int64_t{layer.row_count} * padded_columns(layer.blocks[b].matrices.width));
    return most;
}
/// The same of halves, which the library reads in packs of rows.
inline std::int64_t prompt_hidden_halves(const FeedForwardParams& layer, int library_rows) {
    std::int64_t most = prompt_hidden_columns(layer);
    for (int b = 0; b < layer.block_count && library_rows > 0; ++b)
        most = std::max(most, std::int64_t{dense_tokens(library_rows)} *
                                  padded_columns(layer.blocks[b].matrices.width));
    return most;
}
/// Rows of hidden neurons: of pairs, or of the batch.
inline std::int64_t prompt_hidden_rows(const FeedForwardParams& layer) {
    return std::int64_t{layer.row_count} * (layer.expert.width > 0 ? std::max(layer.most, 1) : 1);
}

/// `launches(kernel, grid, params)`: how each is launched; as launch_dense_product() wants it.
template <class Launches>
class PromptFeedForwardLaunch {
  public:
    PromptFeedForwardLaunch(const PromptFeedForward& f, const Launches& launches)
        : f_(f), launches_(launches) {}

    /// The listed experts' results, pair by pair.
    void experts() const {
        const FeedForwardParams& layer = f_.layer;
        const PromptUnits units = {
            layer.list, layer.units, layer.pair_rows, layer.row_count, layer.row_count * layer.most,
            f_.experts};
        up(units, f_.in, layer.expert);
        prepare(units.most_pairs, layer.expert, &layer.list->pairs);
        const PromptDownParams down = {.units = units,
                                       .matrices = layer.expert,
                                       .hidden = hidden_of(layer.expert),
                                       .results = f_.results,
                                       .out_width = layer.out_width,
                                       .ranges = f_.ranges};
        launches_.template operator()<Kernel::PromptDown>(prompt_down_grid(down), down);
    }

    /// Their sums by row.
    void combine() const {
        const FeedForwardParams& layer = f_.layer;
        launches_.template operator()<Kernel::PromptCombine>({static_cast<unsigned>(layer.row_count), 1},
                                                             {.row_pairs = f_.row_pairs,
                                                              .counts = f_.counts,
                                                              .most = layer.most,
                                                              .pair_weights = layer.pair_weights,
                                                              .results = f_.results,
                                                              .out_width = layer.out_width,
                                                              .out = layer.out,
                                                              .out_stride = layer.out_stride,
                                                              .add = layer.add});
    }

    /// The blocks that all rows pass, behind the experts.
    void blocks() const {
        const int others = f_.layer.row_count - f_.library_rows;
        for (int b = 0; b < f_.layer.block_count; ++b) {
            const bool add = f_.layer.add || f_.layer.list || b > 0;
            if (others > 0)
                block(f_.layer.blocks[b], 0, others, false, add);
            if (f_.library_rows > 0)
                block(f_.layer.blocks[b], others, f_.library_rows, true, add);
        }
    }

  private:
    /// A block for `rows` rows from `first` on. `add`: to what is there.
    void block(const DenseBlock& block, int first, int rows, bool library, bool add) const {
        const FeedForwardParams& layer = f_.layer;
        const GatedMatrices& m = block.matrices;
        HalfRows in = f_.in;
        in.values += std::int64_t{first} * in.padded;
        in.scales += first;
        if (!library ||
            !launch_dense_gated(f_.dense, in, rows, m, f_.hidden, hidden_of(m).padded, f_.ranges, launches_))
            up({nullptr, nullptr, nullptr, rows, 0, 0}, in, m);
        prepare(rows, m, nullptr);
        PromptProductParams down = {};
        down.targets[0] = {.matrices = m.down,
                           .bias = m.down_bias,
                           .out = layer.out + first * layer.out_stride,
                           .out_stride = layer.out_stride,
                           .out_head_stride = 0,
                           .heads = 1,
                           .matrix_rows = layer.out_width,
                           .add = add};
        down.target_count = 1;
        down.rows = rows;
        down.in = hidden_of(m);
        down.row_weights = block.output_gate ? block.output_weights + first : nullptr;
        down.ranges = f_.ranges;
        if (library)
            launch_dense_products(f_.dense, down, launches_);
        else
            launches_.template operator()<Kernel::PromptProduct>(prompt_product_grid(down), down);
    }

    HalfRows hidden_of(const GatedMatrices& m) const {
        return {f_.hidden_values, f_.hidden_scales, padded_columns(m.width)};
    }
    void up(const PromptUnits& units, const HalfRows& in, const GatedMatrices& m) const {
        const PromptUpParams p = {.units = units,
                                  .matrices = m,
                                  .in = in,
                                  .hidden = f_.hidden,
                                  .hidden_stride = hidden_of(m).padded,
                                  .ranges = f_.ranges};
        launches_.template operator()<Kernel::PromptUp>(prompt_up_grid(p), p);
    }
    void prepare(int rows, const GatedMatrices& m, const std::int32_t* count) const {
        launches_.template operator()<Kernel::PreparePrompt>(prepare_grid(rows, 1),
                                                             {.in = f_.hidden,
                                                              .in_stride = hidden_of(m).padded,
                                                              .heads = 1,
                                                              .head_stride = 0,
                                                              .width = m.width,
                                                              .count = count,
                                                              .gain = nullptr,
                                                              .epsilon = 0,
                                                              .out = hidden_of(m)});
    }

    const PromptFeedForward& f_;
    const Launches& launches_;
};

template <class Launches>
void launch_prompt_feed_forward(const PromptFeedForward& f, const Launches& launches) {
    const PromptFeedForwardLaunch<Launches> launch(f, launches);
    if (f.layer.list) {
        launch.experts();
        launch.combine();
    }
    launch.blocks();
}

} // namespace switchyard::cuda
