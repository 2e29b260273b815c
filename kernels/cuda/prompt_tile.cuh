// The product of 128 matrix rows with 128 rows of the batch, by a block of four warps.
#pragma once

#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/prompt_kernels.h"
#include "kernels/cuda/weight_blocks.cuh"

namespace switchyard::cuda {

/// Where block `id` of a grid stands: tokens of a group of tiles come first, so that blocks at work together
/// share weights and tokens.
struct PromptPlace {
    int item, tokens; ///< tile of matrix rows, tile of tokens
    __device__ PromptPlace(int id, int items, int token_tiles) {
        const int group = id / (kPromptGroup * items), within = id - group * kPromptGroup * items;
        const int width = min(kPromptGroup, token_tiles - group * kPromptGroup);
        item = within / width;
        tokens = group * kPromptGroup + within % width;
    }
};

/// The power of two that a matrix's weights are multiplied with; by all lanes of a warp.
__device__ inline float weight_factor(const WeightRanges& ranges, const MatrixView* matrix) {
    const std::uint32_t* parts = ranges.largest + (matrix - ranges.table) * kRangeParts;
    return power_of_two(half_exponent(max_of_lanes(parts[lane_index() % kRangeParts])));
}
/// 1 over a power of two from weight_factor().
__device__ inline float inverse_power(float power) { return bits_float((254u << 23) - float_bits(power)); }

/// Sums of a warp: 2 tile rows by 16 tiles of 8 tokens; entries as mma_half has them.
using PromptSums = float[2][kPromptTokens / 8][4];

/// The rows that a thread copies: tokens threadIdx.x / 4 + 32 j of the tile.
struct CopiedRows {
    const std::uint16_t* at[kPromptTokens * 4 / kPromptThreads];
};
/// Token i is prepared row `row_of(i)`; behind the last of `tokens` it is the last again, for nobody to use.
template <class RowOf>
__device__ inline CopiedRows copied_rows(const HalfRows& in, int tokens, const RowOf& row_of) {
    CopiedRows rows;
    for (int j = 0; j < kPromptTokens * 4 / kPromptThreads; ++j) {
        const int token = static_cast<int>(threadIdx.x) / 4 + kPromptThreads / 4 * j;
        rows.at[j] = in.values + static_cast<std::int64_t>(row_of(min(token, tokens - 1))) * in.padded;
    }
    return rows;
}

/// Where 8 columns of a token stand among a stage's vectors. Eight tokens' chunks, and four tokens' pairs of
/// chunks, fall on different banks.
__device__ inline int prompt_chunk(int token, int chunk) {
    return token * 4 + (chunk ^ ((token >> 1 & 1) << 1 | (token >> 2 & 1)));
}

__device__ inline void copy_tokens(PromptShared& shared, int step, const CopiedRows& rows) {
    std::uint16_t* stage = shared.tokens[step % kPromptStages];
    const int thread = static_cast<int>(threadIdx.x);
    for (int j = 0; j < kPromptTokens * 4 / kPromptThreads; ++j)
        async_copy(stage + 8 * prompt_chunk(thread / 4 + kPromptThreads / 4 * j, thread % 4),
                   rows.at[j] + step * kPromptStep + thread % 4 * 8);
}

/// sums += weights x tokens over `steps` blocks of 32 columns. `tokens` of the tile are wanted. `active`:
/// this warp has matrix rows; all threads of the block take part.
__device__ inline void multiply_prompt_tile(PromptSums& sums, const TileRowWeights (&weights)[2], int steps,
                                            const CopiedRows& rows, int tokens, bool active,
                                            PromptShared& shared) {
    const int g = lane_index() / 4, t = lane_index() % 4;
    for (int step = 0; step < kPromptStages - 1; ++step) {
        if (step < steps)
            copy_tokens(shared, step, rows);
        async_commit();
    }
    BlockDecoder first(weights[0], 0), second(weights[1], 0);
    for (int step = 0; step < steps; ++step) {
        async_wait<kPromptStages - 2>();
        sync_block(); // the step's tokens are there, and the stage before it is free
        if (step + kPromptStages - 1 < steps)
            copy_tokens(shared, step + kPromptStages - 1, rows);
        async_commit();
        if (!active)
            continue;
        const HalfFragments a[2] = {first.fragments(), second.fragments()};
        first.advance();
        second.advance();
        const std::uint16_t* stage = shared.tokens[step % kPromptStages];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
#pragma unroll
            for (int tile = 0; tile < kPromptTokens / 8; ++tile) {
                if (tile % 2 == 0 && 8 * tile >= tokens) // seldom asked: the loop has no room for branches
                    break;
                const uint2 two = *reinterpret_cast<const uint2*>(
                    stage + 8 * prompt_chunk(8 * tile + g, 2 * half + t / 2) + t % 2 * 4);
                const std::uint32_t b[2] = {two.x, two.y};
                mma_half(sums[0][tile], a[0].a[half], b);
                mma_half(sums[1][tile], a[1].a[half], b);
            }
        }
    }
}

/// Calls use(tile, e, token, g) for the lane's tokens among `tokens` of the tile: sums[i][tile][2 h + e] is
/// that of matrix row 16 i + 8 h + g of the warp's.
template <class Use>
__device__ inline void each_sum(int tokens, const Use& use) {
    const int g = lane_index() / 4, t = lane_index() % 4;
#pragma unroll
    for (int tile = 0; tile < kPromptTokens / 8; ++tile) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
            const int token = 8 * tile + 2 * t + e;
            if (token < tokens)
                use(tile, e, token, g);
        }
    }
}

/// A warp's part of a matrix: the two tile rows of it in tile `item` of 128 rows.
struct PromptMatrix {
    MatrixView view;
    float factor;
    int tile; ///< the first
    TileRowWeights weights[2];

    __device__ PromptMatrix(const WeightRanges& ranges, const MatrixView* matrix, int item)
        : view(*matrix), factor(weight_factor(ranges, matrix)),
          tile(item * kPromptTileRows + kPromptTileRows * 32 / kPromptThreads * warp_index()),
          weights{{view, min(tile, last()), factor}, {view, min(tile + 1, last()), factor}} {}
    __device__ int last() const { return tile_rows(view.rows) - 1; }
    __device__ bool active() const { return tile <= last(); }
    /// Calls use(row of the matrix, sum) for those of a token, whose scale is `scale`.
    template <class Use>
    __device__ void each_row(const PromptSums& sums, int token_tile, int e, int g, float scale,
                             const Use& use) const {
        const float back = inverse_power(factor);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int m = kTileRows * tile + g + 8 * j;
            if (m < view.rows)
                use(m,
                    multiply_rounded(multiply_rounded(sums[j / 2][token_tile][j % 2 * 2 + e], back), scale));
        }
    }
};

} // namespace switchyard::cuda
