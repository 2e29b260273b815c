// The gated blocks of a layer for many rows: out (+)= sum over a row's experts in ascending order of their
// number, then over the blocks of every row, of weight * (down(act(gate(in)) * up(in)) + bias). A unit's rows
// go through its matrices 128 at a time, decoded and rounded as in prompt_kernels.h.
#pragma once

#include "kernels/cuda/feed_forward_data.h"
#include "kernels/cuda/prompt_kernels.h"

#include <algorithm>

namespace switchyard::cuda {

/// Which rows pass which matrices: chosen experts, or one block that all pass.
struct PromptUnits {
    const FeedForwardList* list;   ///< null: all rows pass one block
    const FeedForwardUnit* units;  ///< as Units lists them
    const std::int32_t* pair_rows; ///< the rows of each unit, one unit after another
    std::int32_t rows;             ///< of the batch
    std::int32_t most_pairs;       ///< that the list may have
    std::int32_t experts;          ///< of the layer; the list has at most so many units
};
/// Tiles of tokens that there may be.
SWITCHYARD_ANYWHERE constexpr int prompt_unit_tiles(const PromptUnits& units) {
    if (!units.list)
        return prompt_token_tiles(units.rows);
    return units.most_pairs / kPromptTokens +
           (units.experts < units.most_pairs ? units.experts : units.most_pairs);
}

/// hidden = act(gate(in)) * up(in). A block takes 64 neurons, a warp 16: their gates and their ups.
struct PromptUpParams {
    PromptUnits units;
    GatedMatrices matrices; ///< of expert 0, or of the block
    HalfRows in;            ///< [rows]
    float* hidden;          ///< [pairs, or rows][hidden_stride]
    std::int64_t hidden_stride;
    WeightRanges ranges; ///< of the table that the matrices stand in
};
SWITCHYARD_ANYWHERE constexpr int prompt_up_items(const PromptUpParams& p) {
    return (tile_rows(p.matrices.width) + kPromptTileRows / 2 - 1) / (kPromptTileRows / 2);
}
constexpr GridSize prompt_up_grid(const PromptUpParams& p) {
    return {static_cast<unsigned>(prompt_up_items(p) * prompt_unit_tiles(p.units)), 1};
}

/// results = down(hidden) + bias, of experts.
struct PromptDownParams {
    PromptUnits units;
    GatedMatrices matrices; ///< of expert 0
    HalfRows hidden;        ///< [pairs]
    float* results;         ///< [pairs][out_width]
    std::int32_t out_width;
    WeightRanges ranges;
};
constexpr GridSize prompt_down_grid(const PromptDownParams& p) {
    return {static_cast<unsigned>(prompt_row_tiles(p.out_width) * prompt_unit_tiles(p.units)), 1};
}

/// out (+)= the weighted results of a row's pairs, experts ascending. A block a row.
struct PromptCombineParams {
    const std::int32_t* row_pairs; ///< [rows][most], in any order; as Units writes them
    const std::int32_t* counts;    ///< [rows]: how many a row has
    std::int32_t most;
    const float* pair_weights;
    const float* results; ///< [pairs][out_width]
    std::int32_t out_width;
    float* out; ///< row r at r * out_stride
    std::int64_t out_stride;
    bool add; ///< to what `out` holds
};
inline constexpr int kCombineThreads = 128;
struct PromptCombineShared {
    std::int32_t pairs[kMostExperts];
};

#define SWITCHYARD_PROMPT_FEED_FORWARD_KERNELS(X)                                                            \
    X(PromptUp, prompt_up, PromptUpParams, PromptShared, kPromptThreads, 2)                                  \
    X(PromptDown, prompt_down, PromptDownParams, PromptShared, kPromptThreads, 2)                            \
    X(PromptCombine, prompt_combine, PromptCombineParams, PromptCombineShared, kCombineThreads, 8)

} // namespace switchyard::cuda
