// Causal attention over the KV cache: grouped queries, windows, sinks; over a latent cache (MLA) in the
// absorbed form, where the query has been taken into the latent space and a key's first values are its value.
//
// A row's context is cut into splits, whose size follows from its own position alone (attention_split()); a
// split's result is a maximum, a sum and the weighted values, and the last block of a row and KV head to end
// merges them in ascending order. So a row's bits depend on its own query and context, whatever else is in
// the batch.
//
// The decompressed form of latent attention is the same function: v_b (attended latent) = attended v_b
// latent, and q . (k_b^T latent) = (k_b q) . latent. Rows that ask for it (RowInput::decompressed) are
// computed as absorbed ones; they agree to rounding.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/step_data.h"

#include <cstddef>

namespace switchyard::cuda {

/// Dimensions of a key, at most.
inline constexpr int kMostKeyDim = 576;
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

struct AttentionParams {
    const RowInput* rows;     ///< [row_count]; a window of the row's own goes before the step's
    const KvBlockRef* blocks; ///< the step's table; row r's block of position p is at first_block + p / 32
    KvLayerView cache;
    const float* q;          ///< [row_count][heads][key_dim], not scaled
    const MatrixView* sinks; ///< [heads] floats, logits of an empty key; null: none
    float* out;              ///< [row_count][heads][value_dim]
    float* partials;         ///< attention_scratch_floats() floats of anything
    std::uint32_t* arrivals; ///< [row_count * heads], zero; zero again afterwards
    std::int32_t row_count, heads;
    std::int32_t
        value_dim;       ///< of the cache, or with a latent cache those of a key's first that are its value
    std::int32_t window; ///< tokens that a query sees at most; 0: all
    float scale;         ///< of scores
};

constexpr std::size_t attention_scratch_floats(int rows, int heads, int value_dim) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(heads) * kMostSplits *
           (static_cast<std::size_t>(value_dim) + 2);
}

inline constexpr int kAttendThreads = 256;

/// For every row. Any grid serves: blocks take what there is to do in turn.
inline GridSize attend_grid(const AttentionParams& p, int multiprocessors) {
    const auto most = static_cast<unsigned>(2 * multiprocessors),
               work = static_cast<unsigned>(p.row_count * p.heads) * kMostSplits;
    return {work < most ? work : most, 1};
}

struct AttendShared {
    float q[kMostKeyDim];
    float scores[kKvTokens];
    float weights[kKvTokens];
};

#define SWITCHYARD_ATTENTION_KERNELS(X) X(Attend, attend, AttentionParams, AttendShared, kAttendThreads, 2)

} // namespace switchyard::cuda
