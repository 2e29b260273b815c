// Products of a prompt's rows with one matrix by the device's own library (DenseProducts): the matrix becomes
// F16 a slice of rows at a time, so that a slice stays in the second-level cache, the library multiplies, and
// what it leaves is taken back from the powers of two. How a matrix is cut follows from it and the device.
#pragma once

#include "kernels/cuda/feed_forward_data.h"
#include "kernels/cuda/prompt_kernels.h"

namespace switchyard::cuda {

inline constexpr int kDenseThreads = 256;

/// Some tile rows of a matrix in F16, times its power of two: to[row - 16 * first_tile][padded]. Those behind
/// the matrix's end are left as they are. Grid: halve_grid().
struct HalveWeightsParams {
    const MatrixView* matrix;
    WeightRanges ranges; ///< of the table that it stands in
    std::int32_t first_tile, tiles;
    std::uint16_t* to; ///< aligned to 16 bytes
    std::int32_t padded;
};
constexpr GridSize halve_grid(const HalveWeightsParams& p) {
    // A warp decodes some 8 blocks of 32 columns.
    const int parts = (p.padded / 32 + 8 * kDenseThreads / 32 - 1) / (8 * kDenseThreads / 32);
    return {static_cast<unsigned>(p.tiles), static_cast<unsigned>(parts)};
}

/// Sums that a library has left, of a slice: row r's are at sums[r * stride ..].
struct DenseSums {
    const float* sums;
    std::int64_t stride;
    std::int32_t first, count; ///< rows of the matrix
    const float* scales;       ///< [rows]: what takes a row's back
};

/// out (+)= (sums + bias) * the row's weight. A block a row.
struct FinishProductParams {
    DenseSums in;
    ProductTarget target; ///< of one head
    const float* row_weights;
    WeightRanges ranges;
};

/// hidden[neuron] = act(gate) * up, of the slice's neurons: their gates' sums stand in front, `ups` floats on
/// are their ups'. A block a row.
struct JoinGatedParams {
    DenseSums in;           ///< of gates
    std::int32_t ups;       ///< floats from a row's gates [slice neurons] to its ups [slice neurons]
    GatedMatrices matrices; ///< of one block of all rows
    float* hidden;          ///< [rows][hidden_stride]
    std::int64_t hidden_stride;
    WeightRanges ranges;
};

#define SWITCHYARD_PROMPT_DENSE_KERNELS(X)                                                                   \
    X(HalveWeights, halve_weights, HalveWeightsParams, NoShared, kDenseThreads, 4)                           \
    X(FinishProduct, finish_product, FinishProductParams, NoShared, kDenseThreads, 4)                        \
    X(JoinGated, join_gated, JoinGatedParams, NoShared, kDenseThreads, 4)

} // namespace switchyard::cuda
