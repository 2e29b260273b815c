// Attention of some queries over one KV head's keys and values.
#pragma once

#include "engine/backends/cpu/step_run.h"

#include <span>

namespace switchyard::cpu {

/// The keys and values of one KV head in one block, in the layout of the kernels.
struct KvBlockView {
    BlockType type;
    const std::byte* keys;
    const std::byte* values; ///< null: the value is the first value_dim values of the key (MLA)
};

/// Where queries find the keys and values of a KV head.
class KvSource {
  public:
    virtual ~KvSource() = default;
    /// Block `block` of the sequence; valid until the next call, on the exact path for good.
    virtual KvBlockView block(int block) = 0;
    /// Where that block will be read from memory; nowhere, where it is made on the way.
    virtual KvBlockView ahead(int) { return {BlockType::F16, nullptr, nullptr}; }
};

/// The cache's own blocks.
class CachedKv : public KvSource {
  public:
    CachedKv(StepRun& run, const BatchSequence& sequence, int layer, int kv_head, bool values_in_keys)
        : run_(run), sequence_(sequence), layer_(layer), kv_head_(kv_head), values_in_keys_(values_in_keys) {}
    KvBlockView block(int block) override;
    KvBlockView ahead(int block) override { return this->block(block); }

  private:
    StepRun& run_;
    const BatchSequence& sequence_;
    int layer_, kv_head_;
    bool values_in_keys_;
};

/// Queries that share a sequence and a KV head. They are in ascending order of position.
struct QueryGroup {
    int key_dim, value_dim;
    Sight sight;
    float cap;  ///< AttentionStep's
    bool exact; ///< all in double, from blocks in F32
    int count;
    const float* q;                ///< [count][key_dim], the score scale multiplied in
    const std::int32_t* positions; ///< [count]
    const float* sinks;            ///< [count] logits of an empty key, or null
    float* out;                    ///< [count][accumulator_floats(value_dim)], normalised
};

/// Tokens of a piece. A query's softmax runs over each piece of the context by itself, and the pieces are
/// merged in ascending order: so threads can share one query's context, and its bits do not tell whether they
/// did.
inline constexpr int kPieceTokens = 512;
static_assert(kPieceTokens % kKvBlockTokens == 0);

/// Pieces that some query between two positions sees.
struct PieceRange {
    int first, last; ///< both included
    int count() const { return last - first + 1; }
};
PieceRange pieces_of(int first_position, int last_position, Sight sight);

/// What attend() and attend_piece() need of a thread's own memory for `count` queries of these dimensions.
void hold_attention(const StepShape& shape, int key_dim, int value_dim, int count, ScratchSizes& sizes);

/// All of it by one thread. Exactly (sums in double), or by the kernels, block by block in ascending order.
/// What a stopped step leaves in `out` is anything.
void attend(StepRun& run, ThreadContext& w, const QueryGroup& queries, KvSource& source);

/// One piece, to `state`, whatever that holds. Not for the exact path.
void attend_piece(StepRun& run, ThreadContext& w, const QueryGroup& queries, KvSource& source, int piece,
                  const SoftmaxStates& state);
/// Merges the sinks into the states of all pieces, as if they came last, and writes `out`. Spoils `all`.
void finish(const QueryGroup& queries, const SoftmaxStates& all);

/// Floats of the states of `count` queries.
std::size_t state_floats(int count, int value_dim);
/// States in memory of so many floats.
SoftmaxStates states_in(float* memory, int count);

/// Whether a sequence's cache is that of the exact path.
inline bool exact_cache(const StepRun& run, const BatchSequence& sequence) {
    return run.kv.type(sequence.blocks[0]) == BlockType::F32;
}

/// The batch in groups of at most `most` rows each, or `most_decompressed`.
void group_rows(const Batch& batch, int most, int most_decompressed, std::vector<RowGroup>& groups);

} // namespace switchyard::cpu
