// Attention of some queries over one KV head's cache.
#pragma once

#include "engine/backends/cpu/step_run.h"

namespace switchyard::cpu {

/// Queries that share a sequence and a KV head. They are in ascending order of position.
struct QueryGroup {
    const BatchSequence* sequence;
    int layer, kv_head;
    int key_dim, value_dim;
    bool values_in_keys; ///< MLA: the value is the first value_dim values of the key
    int window;          ///< 0: full
    int count;
    const float* q;                ///< [count][key_dim], the score scale multiplied in
    const std::int32_t* positions; ///< [count]
    const float* sinks;            ///< [count] logits of an empty key, or null
    float* out;                    ///< [count][accumulator_floats(value_dim)], normalised
};

/// Blocks in F32 are computed exactly (sums in double), others by the kernels, block by block in ascending
/// order.
void attend(StepRun& run, Worker& w, const QueryGroup& queries);

/// Rows of one sequence that stand together, at most `most` of them.
struct RowGroup {
    int first, count;
};
std::vector<RowGroup> row_groups(const Batch& batch, int most);

} // namespace switchyard::cpu
