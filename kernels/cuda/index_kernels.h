// The lightning indexer of sparse attention (IndexStep of a plan): its keys, how a row scores the blocks of
// keys that it sees, and which of them it chooses. A row's scores and its choice are its own, whatever else
// is in the batch.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/step_data.h"

#include <algorithm>
#include <cstddef>

namespace switchyard::cuda {

// ---- Keys

inline constexpr int kMostIndexDim = 1024; ///< values of a key
inline constexpr int kIndexKeySteps = 4;   ///< norms and rotations of a key

/// A norm or a rotation of a whole key, in place.
struct IndexKeyStep {
    const float* cosines; ///< rotation: [rows][dims / 2], of a RopeTable; null: a norm
    const float* sines;
    const MatrixView* gain; ///< norm: [dim] floats; null: 1
    const MatrixView* bias; ///< norm: [dim]; null: none
    float epsilon;
    std::int32_t centred;                   ///< norm: LayerNorm's
    std::int32_t offset, dims, interleaved; ///< rotation: as row_kernels.h's
};

/// Norms and rotates each row's key, and keeps it in the cache. Grid: index_keys_grid().
struct IndexKeysParams {
    const RowInput* rows;     ///< [grid]
    const KvBlockRef* blocks; ///< the step's table
    KvRowsView cache;         ///< a row a token
    const float* keys;        ///< [grid][dim]
    std::int32_t steps;
    IndexKeyStep step[kIndexKeySteps];
};
inline constexpr int kIndexKeyThreads = 128;
constexpr GridSize index_keys_grid(int rows) { return {static_cast<unsigned>(rows), 1}; }

struct IndexKeyShared {
    float key[kMostIndexDim];
    float sums[kIndexKeyThreads / 32];
};

// ---- Choices

/// What rows chose.
struct ChoiceTable {
    std::int32_t* chosen; ///< [rows][choices][stride], ascending
    std::int32_t choices; ///< of a row
    std::int32_t stride;  ///< at least count() of each row
    std::int32_t top;     ///< blocks that are chosen at most
    std::int32_t block;   ///< keys that are chosen together
    std::int32_t tokens;  ///< that share a key

    /// Blocks of keys that a row sees, and how many of them it chooses.
    SWITCHYARD_ANYWHERE constexpr std::int32_t blocks(std::int32_t position) const {
        return ((position + 1) / tokens + block - 1) / block;
    }
    SWITCHYARD_ANYWHERE constexpr std::int32_t count(std::int32_t position) const {
        return top < blocks(position) ? top : blocks(position);
    }
    SWITCHYARD_ANYWHERE std::int32_t* of(std::int64_t row, std::int32_t choice) const {
        return chosen + (row * choices + choice) * stride;
    }
};

/// Scores of the blocks that rows see, where not all are chosen anyway (IndexScores), then the choice
/// (IndexChoice): the best blocks, of equals the earlier.
struct IndexParams {
    const RowInput* rows;     ///< [row_count]
    const KvBlockRef* blocks; ///< the step's table
    KvRowsView keys;
    ChoiceTable table; ///< of the first row
    const float* q;    ///< [row_count][heads][dim]
    const float*
        weights;   ///< [row_count][heads]: one choice by their sum; null: one a head, a block's best key
    float* scores; ///< [row_count][choices][stride]
    std::int32_t row_count, heads;
    std::int32_t stride; ///< at least the blocks that any row sees
    std::int32_t local;  ///< blocks, the last that a row sees, that it chooses whatever their scores
    float scale;         ///< of weighted sums
};

inline constexpr int kIndexScoreThreads = 128, kIndexChoiceThreads = 256;
inline constexpr int kIndexScoreHeads = 8; ///< that a lane scores at a time

/// Bytes of a key in shared memory, so that lanes meet in few banks.
SWITCHYARD_ANYWHERE constexpr std::int32_t staged_key_bytes(const KvRowsView& keys) {
    return keys.stride * 2 + 16;
}
/// Shared memory of IndexScores: a row's queries, 16 bytes a weight, and 32 keys of each warp.
constexpr std::size_t index_scores_bytes(const KvRowsView& keys, int heads) {
    return static_cast<std::size_t>(heads) * static_cast<std::size_t>(keys.stride + 4) * sizeof(float) +
           static_cast<std::size_t>(kIndexScoreThreads) * static_cast<std::size_t>(staged_key_bytes(keys));
}
/// `context`: tokens that a row sees at most.
inline GridSize index_scores_grid(const IndexParams& p, int context, int multiprocessors) {
    const int keys = context / p.keys.tokens,
              units = p.table.block == 1 ? (keys + 31) / 32 : (keys + p.table.block - 1) / p.table.block,
              blocks = (units + kIndexScoreThreads / 32 - 1) / (kIndexScoreThreads / 32);
    return {static_cast<unsigned>(std::clamp(blocks, 1, 2 * multiprocessors)),
            static_cast<unsigned>(p.row_count)};
}
inline GridSize index_choice_grid(const IndexParams& p) {
    return {static_cast<unsigned>(p.table.choices), static_cast<unsigned>(p.row_count)};
}

/// A digit of the scores' order at a time, and what comes before each warp.
struct IndexChoiceShared {
    std::uint32_t digits[256];
    std::uint32_t of_warp[kIndexChoiceThreads / 32];
    std::uint32_t prefix, need; ///< of the least score that is chosen; how many of those that equal it
};

#define SWITCHYARD_INDEX_KERNELS(X)                                                                          \
    X(IndexKeys, index_keys, IndexKeysParams, IndexKeyShared, kIndexKeyThreads, 8)                           \
    X(IndexScores, index_scores, IndexParams, NoShared, kIndexScoreThreads, 3)                               \
    X(IndexChoice, index_choice, IndexParams, IndexChoiceShared, kIndexChoiceThreads, 4)

} // namespace switchyard::cuda
