// Latent attention (MLA) of a step that is one row: what is around AttendRow. Each launch does what several
// do for many rows, with the same bits.
#pragma once

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/product_kernels.h"

namespace switchyard::cuda {

/// The products of RowProductParams, one of which makes the queries, and of each head's query with a matrix
/// of its own (k_b: into the latent space). Blocks take the first ones' tile rows, and when all of these are
/// done, the second ones'.
struct LatentQueryParams {
    RowProductParams row;
    const float* q;           ///< [heads][head_stride], what a target of `row` writes
    std::int32_t width;       ///< of a head's query that is multiplied, from its first value
    std::int32_t head_stride; ///< floats
    ProductTarget target;     ///< [heads] matrices of `width` columns; it sets. Of no head: the row alone
    std::uint32_t* arrived;   ///< one, zero at first
};

/// What splits of AttendRow come to, merged as AttendMerge does, times a matrix a head (v_b: out of the
/// latent space).
struct LatentValueParams {
    AttentionParams attention; ///< as AttendRow had it; `out` is not written
    ProductTarget target;      ///< [heads] matrices of value_dim columns; it sets
};

struct LatentValueShared {
    ProductShared<1> product;
    alignas(16) float merged[kMostValueDim];
    float half_scales[kMostValueDim / 32];
    alignas(16) std::byte values[kMostValueDim * sizeof(float)]; ///< the same, in one form
};

/// Blocks that fit a device at once, `resident` on a multiprocessor: they wait for each other.
inline GridSize latent_query_grid(const LatentQueryParams& p, int multiprocessors, int resident) {
    const int most = (resident < 2 ? resident : 2) * multiprocessors,
              items = product_items(p.row.product) + p.target.heads * tile_rows(p.target.matrix_rows);
    return {static_cast<unsigned>(items < most ? items : most), 1};
}
inline GridSize latent_value_grid(const LatentValueParams& p, int multiprocessors) {
    const int items = p.target.heads * tile_rows(p.target.matrix_rows);
    return {static_cast<unsigned>(items < 2 * multiprocessors ? items : 2 * multiprocessors), 1};
}

#define SWITCHYARD_LATENT_ROW_KERNELS(X)                                                                     \
    X(LatentQuery, latent_query, LatentQueryParams, RowProductShared, kProductThreads, 2)                    \
    X(LatentValue, latent_value, LatentValueParams, LatentValueShared, kProductThreads, 2)

} // namespace switchyard::cuda
