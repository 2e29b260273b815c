// Attention of a step that is one row: what RowSteps, Attend and AttendMerge do, in one launch and with the
// same bits. Each block changes the queries of its own work; the token's keys and values are changed by all
// whose split it is in, and stored by one.
#pragma once

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/row_kernels.h"

namespace switchyard::cuda {

struct AttendRowParams {
    AttentionParams attention; ///< of one row; its `q` is read with latent attention alone
    /// Of values that attention reads: each unit a head, of latent keys a token. `copied` says which part of
    /// a unit of queries follows what `attention.q` has of the query; its `copy` is not used.
    RowStepsParams steps;
    std::int32_t queries; ///< which of the steps' values are the queries
    /// [kv_heads * query_head_tiles()], zeros at first: the last of a tile's blocks merges its splits. Null:
    /// the next launch does (LatentValue).
    std::uint32_t* arrived;
};

/// Whether the row's steps are such that AttendRow takes them. Those with a cap no program takes.
constexpr bool attends_row(const AttendRowParams& p) {
    const KvLayerView& cache = p.attention.cache;
    const bool latent = cache.value_dim == 0;
    if (p.steps.values != (latent ? 2 : 3))
        return false;
    for (std::int32_t v = 0; v < p.steps.values; ++v) {
        const RowValue& value = p.steps.value[v];
        const bool fits =
            v == p.queries
                ? (latent ? value.unit <= kMostLatentUnit : value.unit == cache.key_dim) &&
                      value.width == p.attention.heads * value.unit
                : value.store != RowStore::None &&
                      value.unit == (value.store == RowStore::Keys ? cache.key_dim : cache.value_dim);
        if (!fits)
            return false;
    }
    return true;
}

#define SWITCHYARD_ATTEND_ROW_KERNELS(X)                                                                     \
    X(AttendRow, attend_row, AttendRowParams, AttendShared, kAttendThreads, 2)

} // namespace switchyard::cuda
