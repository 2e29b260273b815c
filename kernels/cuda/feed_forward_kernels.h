// The gated blocks of a layer: out (+)= sum over its units, in their order, of weight * (down(act(gate(in)) *
// up(in)) + bias). Units are the chosen experts in ascending order of their number, then the dense blocks.
// Two launches: GateUp, then Down. A row's bits depend on its input, its experts and the matrices alone.
#pragma once

#include "kernels/cuda/feed_forward_data.h"
#include "kernels/cuda/tile_layout.h"

#include <algorithm>

namespace switchyard::cuda {

/// Of both launches.
struct FeedForwardParams {
    // Routed experts, as Units lists them; null where the layer has none.
    const FeedForwardList* list;
    const FeedForwardUnit* units;
    const std::int32_t* pair_rows;
    const float* pair_weights;
    GatedMatrices expert;
    std::int32_t most; ///< experts of a row at most
    // Blocks of every row.
    std::int32_t block_count;
    DenseBlock blocks[kMostDenseBlocks];
    std::int32_t row_count;
    PreparedRows in; ///< [row_count] in the formats of the gate and up matrices
    /// Hidden neurons, in the format that each unit's down matrix wants: one long row of hidden_columns()
    /// columns; its `padded` is not used.
    PreparedRows hidden;
    float* out; ///< row r at r * out_stride
    std::int64_t out_stride;
    std::int32_t out_width;
    bool add; ///< to what `out` holds, instead of setting it
};

// Hidden neurons of dense block b and row r begin at dense_column(b) + r * padded_columns(its width), those
// of pair i behind all of these.
SWITCHYARD_ANYWHERE inline std::int64_t dense_column(const FeedForwardParams& p, int block) {
    std::int64_t columns = 0;
    for (int b = 0; b < block; ++b)
        columns += std::int64_t{p.row_count} * padded_columns(p.blocks[b].matrices.width);
    return columns;
}
inline std::int64_t hidden_columns(const FeedForwardParams& p) {
    return dense_column(p, p.block_count) +
           std::int64_t{p.row_count} * p.most * padded_columns(p.expert.width);
}

// A GateUp block takes 32 hidden neurons of a unit at a time; its warps share their 4 tile rows and two
// halves of the columns.
inline constexpr int kGateUpThreads = 256;
inline constexpr int kGateUpNeurons = 32;
inline constexpr int kGateUpHalves = 2;
SWITCHYARD_ANYWHERE constexpr int gate_up_chunks(std::int32_t width) {
    return padded_columns(width) / kGateUpNeurons;
}
/// Chunks of neurons that there are at most.
inline std::int64_t gate_up_items(const FeedForwardParams& p, std::int32_t experts) {
    std::int64_t items =
        std::min(std::int64_t{p.row_count} * p.most, std::int64_t{experts}) * gate_up_chunks(p.expert.width);
    for (int b = 0; b < p.block_count; ++b)
        items += gate_up_chunks(p.blocks[b].matrices.width);
    return items;
}

template <int kColumns>
struct GateUpShared {
    /// [turn][half of the columns][gate, gate, up, up][row][token]
    alignas(8) float parts[2][kGateUpHalves][4][kTileRows * kColumns];
};

// A Down block takes 16 output rows over all units. Their columns are divided into parts, by a matrix's
// columns alone, whose sums warps leave in slots (one for each 8 tokens of a unit and part), to be added in
// order. Units go through the slots in groups.
inline constexpr int kDownThreads = 256;
inline constexpr int kDownUnits = 64; ///< of a group
inline constexpr int kDownSlots = 64;
inline constexpr int kMostDownParts = kDownSlots / 4; ///< so that a unit with 32 rows fits
SWITCHYARD_ANYWHERE constexpr int down_part_columns(std::int32_t width) {
    const int even = (width + kMostDownParts - 1) / kMostDownParts, whole = (even + 255) / 256 * 256;
    return whole < 768 ? 768 : whole;
}
SWITCHYARD_ANYWHERE constexpr int down_parts(std::int32_t width) {
    return (width + down_part_columns(width) - 1) / down_part_columns(width);
}

struct DownUnit {
    const std::byte* data;
    std::int64_t hidden; ///< column of its first slot's
    std::int32_t cols, count;
    BlockType type;
    std::int32_t first_pair; ///< -1 - block of a dense one
    std::int32_t bias_row;
    std::int32_t first_slot, first_item;
};
/// Units that go through the slots together, and their items.
struct DownGroup {
    std::int32_t units, items;
};
template <int kRows>
struct DownShared {
    DownGroup group;
    alignas(8) float slots[kDownSlots][kTileRows * (kRows < 8 ? kRows : 8)];
    DownUnit units[kDownUnits];
    /// By unit and row of the batch: 1 + the row's place among the unit's rows; 0: not among them.
    std::uint8_t places[kDownUnits][kRows];
    float weights[kDownUnits][kRows]; ///< the same
};
/// For any number of rows: tiles of 32 tokens of one unit.
struct DownAllShared {
    alignas(8) float slots[kMostDownParts][kTileRows * 32];
};

#define SWITCHYARD_FEED_FORWARD_KERNELS(X)                                                                   \
    X(GateUpOne, gate_up_one, FeedForwardParams, GateUpShared<1>, kGateUpThreads, 2)                         \
    X(GateUpFew, gate_up_few, FeedForwardParams, GateUpShared<8>, kGateUpThreads, 2)                         \
    X(GateUpMany, gate_up_many, FeedForwardParams, GateUpShared<32>, kGateUpThreads, 2)                      \
    X(DownOne, down_one, FeedForwardParams, DownShared<1>, kDownThreads, 2)                                  \
    X(DownFew, down_few, FeedForwardParams, DownShared<8>, kDownThreads, 2)                                  \
    X(DownSome, down_some, FeedForwardParams, DownShared<32>, kDownThreads, 2)                               \
    X(DownAll, down_all, FeedForwardParams, DownAllShared, kDownThreads, 2)

} // namespace switchyard::cuda
