// The gated blocks of a layer: out (+)= sum over its units, in their order, of weight * (down(act(gate(in)) *
// up(in)) + bias). Units are the chosen experts in ascending order of their number, then the dense blocks.
// Two launches: GateUp, which for few rows also routes them, then Down. A row's bits depend on its input, its
// experts and the matrices alone.
#pragma once

#include "kernels/cuda/feed_forward_data.h"
#include "kernels/cuda/product_kernels.h"
#include "kernels/cuda/routing_kernels.h"
#include "kernels/cuda/tile_layout.h"

#include <algorithm>

namespace switchyard::cuda {

/// Of both launches.
struct FeedForwardParams {
    // Routed experts, as Units (or GateUp) lists them; null where the layer has none.
    const FeedForwardList* list;
    const FeedForwardUnit* units;
    const std::int32_t* pair_rows;
    const float* pair_weights;
    GatedMatrices expert;
    std::int32_t most;       ///< experts of a row at most
    std::int32_t most_units; ///< experts of the layer, or pairs at most, if these are fewer
    // Blocks of every row.
    std::int32_t block_count;
    DenseBlock blocks[kMostDenseBlocks];
    std::int32_t row_count;
    std::int32_t in_width;
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

// A GateUp block takes 32 hidden neurons of a unit at a time, which are two tile rows of each matrix.
inline constexpr int kGateUpNeurons = 32;
SWITCHYARD_ANYWHERE constexpr int gate_up_chunks(std::int32_t width) {
    return padded_columns(width) / kGateUpNeurons;
}
/// Chunks of neurons that there are at most.
inline std::int64_t gate_up_items(const FeedForwardParams& p) {
    std::int64_t items = std::int64_t{p.most_units} * gate_up_chunks(p.expert.width);
    for (int b = 0; b < p.block_count; ++b)
        items += gate_up_chunks(p.blocks[b].matrices.width);
    return items;
}

/// Of a launch that routes: at most kRoutedRows rows, with room for routed_choices() each.
inline constexpr int kRoutedRows = 8;
SWITCHYARD_ANYWHERE constexpr int routed_choices(int rows) { return rows == 1 ? kMostExperts : 256; }

struct GateUpParams {
    FeedForwardParams layer;
    /// Each block routes all rows for itself; the last one writes what RouteFew writes, `layer`'s list among
    /// it. Else that was done before.
    bool routes;
    RouteFewParams route;
};

/// A unit as GateUp's blocks keep it.
struct UpUnit {
    const std::byte *gate, *up;
    std::int32_t first_pair;
    std::uint32_t rows; ///< a bit each where the launch routes
    std::uint16_t expert, count;
    BlockType gate_type, up_type, down_type;
};
template <int kRows>
struct GateUpShared {
    float parts[2][kProductParts][kTileRows * kRows];
    UpUnit units[kMostExperts + kMostDenseBlocks]; ///< dense ones from kMostExperts on
    std::int32_t unit_count;
    // Of a launch that routes.
    static constexpr int kRouted = kRows <= kRoutedRows ? kRows : 1,
                         kChoices = kRows <= kRoutedRows ? routed_choices(kRows) : 1;
    ExpertChoice choices[kRouted][kChoices];
    std::int32_t counts[kRouted];
    std::uint32_t chosen[kRouted][kMostExperts / 32]; ///< bits of a row's experts
    std::int32_t starts[kRows <= kRoutedRows ? kMostExperts : 1];
    PairCounts of_warp[kProductParts];
};

// A Down block takes 16 output rows at a time, over all units. For few rows it has two teams of warps, each
// with a unit of its own.
SWITCHYARD_ANYWHERE constexpr int down_teams(int rows) { return rows > 8 ? 1 : 2; }
SWITCHYARD_ANYWHERE constexpr int down_threads(int rows) { return down_teams(rows) * kProductThreads; }

struct DownUnit {
    const std::byte* data;
    std::int64_t column;            ///< where its hidden neurons begin
    std::int32_t width, first_pair; ///< -1: dense
    std::uint32_t rows;             ///< a bit a row, in batches of at most 32
    std::uint16_t expert, count;
    BlockType type;
};
template <int kRows, int kTeams = down_teams(kRows)>
struct DownShared {
    float parts[2][kTeams][kProductParts][kTileRows * kRows];
    DownUnit units[kMostExperts + kMostDenseBlocks]; ///< dense ones behind the chosen experts
    std::int32_t routed, all;                        ///< chosen experts, units
};

#define SWITCHYARD_GATE_UP_ONE_KERNEL(X)                                                                     \
    X(GateUpOne, gate_up_one, GateUpParams, GateUpShared<1>, kProductThreads, 2)
#define SWITCHYARD_GATE_UP_FEW_KERNEL(X)                                                                     \
    X(GateUpFew, gate_up_few, GateUpParams, GateUpShared<8>, kProductThreads, 1)
#define SWITCHYARD_GATE_UP_MANY_KERNEL(X)                                                                    \
    X(GateUpMany, gate_up_many, GateUpParams, GateUpShared<32>, kProductThreads, 1)
#define SWITCHYARD_GATE_UP_KERNELS(X)                                                                        \
    SWITCHYARD_GATE_UP_ONE_KERNEL(X)                                                                         \
    SWITCHYARD_GATE_UP_FEW_KERNEL(X)                                                                         \
    SWITCHYARD_GATE_UP_MANY_KERNEL(X)
#define SWITCHYARD_DOWN_ONE_KERNEL(X)                                                                        \
    X(DownOne, down_one, FeedForwardParams, DownShared<1>, down_threads(1), 1)
#define SWITCHYARD_DOWN_FEW_KERNEL(X)                                                                        \
    X(DownFew, down_few, FeedForwardParams, DownShared<8>, down_threads(8), 1)
#define SWITCHYARD_DOWN_MANY_KERNEL(X)                                                                       \
    X(DownMany, down_many, FeedForwardParams, DownShared<32>, down_threads(32), 1)
#define SWITCHYARD_DOWN_KERNELS(X)                                                                           \
    SWITCHYARD_DOWN_ONE_KERNEL(X)                                                                            \
    SWITCHYARD_DOWN_FEW_KERNEL(X)                                                                            \
    SWITCHYARD_DOWN_MANY_KERNEL(X)

} // namespace switchyard::cuda
