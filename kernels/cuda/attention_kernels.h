// Causal attention over the KV cache: grouped queries, windows, sinks; over a latent cache (MLA) in the
// absorbed form, where the query has been taken into the latent space and a key's first values are its value.
//
// A row's context is cut into splits, whose size follows from its own position alone (attention_split()). A
// split's result is a maximum, a sum and the weighted values (Attend); they are merged in ascending order
// (AttendMerge). So a row's bits depend on its own query and context, whatever else is in the batch.
//
// Products are by mma in 16-bit floats with sums in floats: a query, scaled to a power of two, and the
// weights of softmax are each split into two 16-bit floats; keys and values are 16-bit floats or integers,
// which those hold exactly. What is lost is 2^-22 of a factor.
//
// The decompressed form of latent attention is the same function: v_b (attended latent) = attended v_b
// latent, and q . (k_b^T latent) = (k_b q) . latent. Rows that ask for it (RowInput::decompressed) are
// computed as absorbed ones; they agree to rounding.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/step_data.h"

#include <cstddef>

namespace switchyard::cuda {

/// Dimensions of a key and of a value, at most.
inline constexpr int kMostKeyDim = 576, kMostValueDim = 512;
/// Splits of a row's context, at most.
inline constexpr int kMostSplits = 64;

/// Tokens of a split, a power of two from 32 on: splits are few enough to be merged quickly and many enough
/// that one row fills the device. A row's splits lie at multiples of it. `few`: a KV head or two, which need
/// more splits than eight heads do.
SWITCHYARD_ANYWHERE constexpr std::int32_t attention_split(std::int32_t position, bool few) {
    std::int32_t split = 32;
    for (;; split *= 2) {
        const std::int32_t by_size = split * split / 4 * (few ? 2 : 1), most = split * kMostSplits;
        if (position < (by_size < most ? by_size : most))
            return split;
    }
}

/// Queries share a KV head's keys by 16: heads of a row, and of further rows of its sequence.
inline constexpr int kQueryTile = 16;
/// Scores that a block has at once.
inline constexpr int kScoreTokens = 256;

struct AttentionParams {
    const RowInput* rows;     ///< [row_count]; a window of the row's own goes before the step's
    const KvBlockRef* blocks; ///< the step's table; row r's block of position p is at first_block + p / 32
    KvLayerView cache;
    const float* q;          ///< [row_count][heads][key_dim], not scaled
    const MatrixView* sinks; ///< [heads] floats, logits of an empty key; null: none
    float* out;              ///< [row_count][heads][value_dim]
    float* partials;         ///< attention_scratch_floats() floats of anything, aligned to 16 bytes
    std::int32_t row_count, heads;
    std::int32_t
        value_dim;       ///< of the cache, or with a latent cache those of a key's first that are its value
    std::int32_t window; ///< tokens that a query sees at most; 0: all
    float scale;         ///< of scores
};

/// Of AttentionParams::partials: weighted values [rows][heads][kMostSplits][value_dim in whole groups of 32],
/// then a maximum and a sum each.
constexpr std::size_t attention_scratch_floats(int rows, int heads, int value_dim) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(heads) * kMostSplits *
           (static_cast<std::size_t>(kv_groups(value_dim)) * 32 + 2);
}

inline constexpr int kAttendThreads = 256, kMergeThreads = 128;

/// Attend, the splits of every row. Any grid serves: blocks take what there is to do in turn.
inline GridSize attend_grid(const AttentionParams& p, int multiprocessors) {
    const auto most = static_cast<unsigned>(2 * multiprocessors),
               work = static_cast<unsigned>(p.row_count * p.heads) * kMostSplits;
    return {work < most ? work : most, 1};
}
/// AttendMerge, after it: `out` of every row with a position.
inline GridSize merge_grid(const AttentionParams& p) {
    return {static_cast<unsigned>(p.row_count * p.heads),
            static_cast<unsigned>((kv_groups(p.value_dim) + 3) / 4)};
}

/// Consecutive rows of one sequence whose queries share keys.
struct RowTile {
    std::int32_t row, rows;  ///< the first; none where it belongs to the tile of one before it
    std::int32_t from, last; ///< tokens that some of them see
    std::int32_t split;      ///< tokens of a split; the same for all of them
};

/// One split of a tile, for up to kQueryTile query heads of a KV head.
struct AttendWork {
    RowTile tile;
    std::int32_t begin; ///< its first token
    std::int32_t kv_head, first_head, heads;
};

struct alignas(16) FragmentWords {
    std::uint32_t word[4];
};

struct AttendShared {
    /// Queries as pairs of 16-bit floats, [32 dimensions][first, second][queries 0.., 8..][lane]: lane 4g + t
    /// has dimensions 8t .. 8t + 7 of query g.
    FragmentWords q[kMostKeyDim / 32 * 4 * 32];
    /// Weights as pairs, [16 tokens][first, second][lane]: fragments of mma_half.
    FragmentWords weights[kScoreTokens / 16 * 2 * 32];
    float scores[kQueryTile][kScoreTokens + 8]; ///< afterwards what warps that share values have to add
    float query_scale[kQueryTile];              ///< a power of two that a query was divided by
    float most[kQueryTile], sum[kQueryTile], correction[kQueryTile];
    std::int32_t first[kQueryTile], last[kQueryTile]; ///< tokens that a query sees; none: first > last
    AttendWork work;
};

#define SWITCHYARD_ATTENTION_KERNELS(X)                                                                      \
    X(Attend, attend, AttentionParams, AttendShared, kAttendThreads, 2)                                      \
    X(AttendMerge, attend_merge, AttentionParams, NoShared, kMergeThreads, 8)

} // namespace switchyard::cuda
