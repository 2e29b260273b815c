// Products of tile rows with prepared rows, as device functions for any kernel whose blocks have
// kProductThreads.
//
// A block goes through items: tile rows of matrices of any types, each with prepared rows of its own. Its
// warps share the columns: units of 64 to 256 columns, warp w those with number w, w + 8 and so on, each by
// itself; the kernel adds the warps' sums in their order. Both depend on the matrix alone, so an output's
// bits do. Use:
//
//   struct Work {
//       /// Item `i` of this block (no data: there are no more). Asked for one item ahead, by all threads
//       alike,
//       /// and before `wait_for_previous`; the same answer whenever it is asked.
//       __device__ TileItem item(int i);
//       /// The prepared row that is column n of item i, n < kRows; below 0: none, that column's sums are
//       anything.
//       __device__ int row_of(int i, int n);
//       /// By all threads, with the warp's own sums of item i: store_sums(), sync_block(), merged_sum(). Two
//       /// buffers in turns make one meeting enough.
//       __device__ void finish(int i, const RowSums<kRows>& sums);
//       const PreparedRows& inputs(int i); // of item i
//   };
//
// A Work with a static kPairs that is true has items of two tile rows of a matrix that meet the same inputs,
// which are then read once; for them it has finish_pair(i, sums, second sums), whose two buffers are free
// again for all when it returns.
//
//   multiply_items<kRows>(work, [] { wait_for_previous(); let_next_start(); });
//
// The function given is called once by each thread, when its first weights are under way, before inputs are
// read. kRows is 1, 8 or 32; what is more than the rows there are costs time and nothing else.
#pragma once

#include "kernels/cuda/product_kernels.h"
#include "kernels/cuda/product_units.cuh"

namespace switchyard::cuda {

/// A tile row of a matrix; data is null for no item.
struct TileItem {
    const std::byte* data = nullptr; ///< of the whole matrix
    std::int32_t tile = 0, cols = 0;
    BlockType type = BlockType::F32;
    std::int32_t second = -1; ///< of a Work with pairs: the tile row that is multiplied beside it; -1: none
};

__device__ inline TileItem tile_item(const MatrixView& matrix, int tile) {
    return {matrix.data, tile, matrix.cols, matrix.type};
}

/// Writes a warp's sums as [row of kRows][16 matrix rows].
template <int kRows>
__device__ inline void store_sums(float* out, const RowSums<kRows>& sums) {
    const int g = lane_index() / 4, t = lane_index() % 4;
    if constexpr (kRows == 1) {
        if (t == 0) {
            out[g] = sums.c[0][0];
            out[g + 8] = sums.c[0][1];
        }
    } else {
#pragma unroll
        for (int n = 0; n < kRows / 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                out[(8 * n + 2 * t + i % 2) * kTileRows + g + i / 2 * 8] = sums.c[n][i];
    }
}

/// The sum over the warps of element e of what they stored.
template <int kElements>
__device__ inline float merged_sum(const float (&parts)[kProductParts][kElements], int e) {
    float sum = parts[0][e];
#pragma unroll
    for (int part = 1; part < kProductParts; ++part)
        sum = add_rounded(sum, parts[part][e]);
    return sum;
}

/// Unit `unit` of a tile row of an item's matrix, nothing where it has not so many.
template <class Unit>
__device__ inline UnitAt unit_at(const TileItem& item, int tile, int unit, int lane) {
    constexpr TileGroup kGroup = tile_group(Unit::kType);
    constexpr int kGroups = Unit::kColumns / kGroup.columns;
    const int groups = tile_groups(Unit::kType, item.cols), first = unit * kGroups;
    if (first >= groups)
        return {};
    return {reinterpret_cast<const std::uint8_t*>(item.data) +
                static_cast<std::size_t>(tile * groups + first) * kGroup.bytes,
            min(groups - first, kGroups) * (kGroup.columns / 64), lane};
}
/// Of an item's one tile row, or of both.
template <class Unit, int kTogether>
struct UnitsAt {
    UnitAt at[kTogether];

    __device__ UnitsAt() : at{} {}
    __device__ UnitsAt(const TileItem& item, int unit, int lane) {
        at[0] = unit_at<Unit>(item, item.tile, unit, lane);
        if constexpr (kTogether == 2) {
            at[1] = {};
            if (item.second >= 0)
                at[1] = unit_at<Unit>(item, item.second, unit, lane);
        }
    }
};

/// Tile rows of an item, at most.
template <class Work>
inline constexpr int kTogetherOf = 1;
template <class Work>
requires(Work::kPairs) inline constexpr int kTogetherOf<Work> = 2;

/// Bytes that a block asks for ahead: of all blocks together less than half of the second-level cache, or
/// they would push each other out.
inline constexpr std::uint32_t kMostAhead = 64 << 10;

/// Asks for tile row `tile` of a matrix and the next, `count` in all, at most so many bytes.
__device__ inline void ask_for_tiles(const std::byte* matrix, BlockType type, int cols, int tile, int count,
                                     std::uint32_t most_bytes) {
    const std::size_t row = tile_row_bytes(type, cols);
    prefetch_weights(
        matrix + static_cast<std::size_t>(tile) * row,
        static_cast<std::uint32_t>(min(static_cast<std::size_t>(count) * row, std::size_t{most_bytes})));
}
/// By the block, while it waits for what is multiplied with them: asks for items 0 and 1. `item(i)` as a
/// Work's, without a state.
template <class Item>
__device__ inline void ask_for_items(const Item& item) {
    if (threadIdx.x >= 2)
        return;
    if (const TileItem at = item(static_cast<int>(threadIdx.x)); at.data)
        ask_for_tiles(at.data, at.type, at.cols, at.tile, 1, kMostAhead / 2);
}

/// Items from `i` on while they have the unit's type. `item` is item i, and in the end the first that was not
/// computed. A function of its own, or the compiler computes all types' addresses in advance and has no
/// registers left.
template <class Unit, int kRows, class Work, class Start>
__device__ __forceinline__ void multiply_run(Work& work, int& i, TileItem& item, Start& start) {
    // Loads are conditional: without first values the compiler would keep the registers of every type's unit.
    constexpr int kTogether = Unit::kPairs ? kTogetherOf<Work> : 1;
    using At = UnitsAt<Unit, kTogether>;
    Unit units[kTogether] = {};
    const auto load_all = [&](const At& from) {
#pragma unroll
        for (int u = 0; u < kTogether; ++u)
            units[u].load_all(from.at[u]);
    };
    const int lane = lane_index(), part = warp_index() % kProductParts;
    load_all(At(item, part, lane));
    start(item.type);
    for (bool goes_on = true; goes_on;) {
        const TileItem following = work.item(i + 1);
        goes_on = following.data && following.type == item.type;
        const At first_after = goes_on ? At(following, part, lane) : At();
        const TokenRows<kRows> rows(lane, [&](int n) { return work.row_of(i, n); });
        const auto multiply = [&](const TileItem& tiles, const At& after,
                                  typename Unit::Sums(&sums)[kTogether]) {
            At at(tiles, part, lane);
            if (at.at[0].tiles == 0) // a warp without columns in this item
                load_all(after);
            for (int number = part; at.at[0].tiles > 0; number += kProductParts) {
                const At within(tiles, number + kProductParts, lane);
                const auto go_on_with = [&](const UnitAt(&next)[kTogether]) {
                    Unit::multiply(units, work.inputs(i), rows, number * Unit::kColumns, at.at[0].tiles,
                                   tiles.second >= 0, next, sums);
                };
                if constexpr (kTogether == 1)
                    go_on_with({within.at[0].tiles > 0 ? within.at[0] : after.at[0]});
                else // in memory: there are no registers for them
                    go_on_with((within.at[0].tiles > 0 ? within : after).at);
                at = within;
            }
        };
        typename Unit::Sums sums[kTogether] = {};
        if constexpr (kTogetherOf<Work> == 1) {
            multiply(item, first_after, sums);
            work.finish(i, Unit::row_sums(sums[0], lane % 4));
        } else if constexpr (kTogether == 2) {
            multiply(item, first_after, sums);
            work.finish_pair(i, Unit::row_sums(sums[0], lane % 4), Unit::row_sums(sums[1], lane % 4));
        } else { // one after the other
            TileItem second = item;
            second.tile = item.second;
            multiply(item, item.second >= 0 ? At(second, part, lane) : first_after, sums);
            const RowSums<kRows> first = Unit::row_sums(sums[0], lane % 4);
            sums[0] = {};
            if (item.second >= 0)
                multiply(second, first_after, sums);
            work.finish_pair(i, first, Unit::row_sums(sums[0], lane % 4));
        }
        item = following;
        ++i;
    }
}

template <int kRows, class Work, class Start>
__device__ __forceinline__ void multiply_items(Work& work, Start start_inputs) {
    bool started = false;
    auto start = [&](BlockType type) {
        if constexpr (requires { start_inputs(type); })
            start_inputs(type);
        else if (!started)
            start_inputs();
        started = true;
    };
    int i = 0;
    for (TileItem item = work.item(0); item.data;) {
        switch (item.type) {
#define SWITCHYARD_MULTIPLY(Unit, type)                                                                      \
    case BlockType::type:                                                                                    \
        multiply_run<Unit<BlockType::type, kRows>, kRows>(work, i, item, start);                             \
        break;
            SWITCHYARD_MULTIPLY(WideUnit, F32)
            SWITCHYARD_MULTIPLY(PairUnit, F16)
            SWITCHYARD_MULTIPLY(PairUnit, BF16)
            SWITCHYARD_MULTIPLY(PairUnit, FP8)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q8_0)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q4_0)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q4_1)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q5_0)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q5_1)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q4_K)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q5_K)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q6_K)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q3_K)
            SWITCHYARD_MULTIPLY(IntegerUnit, Q2_K)
            SWITCHYARD_MULTIPLY(IntegerUnit, IQ4_NL)
            SWITCHYARD_MULTIPLY(IntegerUnit, IQ4_XS)
            SWITCHYARD_MULTIPLY(IntegerUnit, MXFP4)
#undef SWITCHYARD_MULTIPLY
        default:
            item = {}; // such a type is never placed
        }
    }
    if (!started) // a block without items
        start(BlockType::F32);
}

} // namespace switchyard::cuda
