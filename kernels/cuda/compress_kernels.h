// Rows that are made of several tokens (CompressStep of a plan): running softmaxes of channels over windows
// of tokens, whose result is normed, rotated and kept in the cache. Windows of a sequence are blocks' work
// each; what one began before the step comes from the sequence's states. Tokens of a window are added in
// their order, so that bits know no chunks.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/state_kernels.h"
#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

inline constexpr int kMostCompressDim = 1024; ///< of a row

/// Grid: compress_grid().
struct CompressParams {
    LayerStates states; ///< of [parts][3][dim], CompressStep's
    const RowInput* rows;
    const KvBlockRef* blocks; ///< the step's table
    KvRowsView cache;
    const float *kv, *gate;          ///< [rows][width]; width is dim, or 2 * dim where windows overlap
    const MatrixView* position_bias; ///< [ratio][width]
    const MatrixView* gain;          ///< [dim]
    const float* frequencies;        ///< [rope_dims / 2]
    std::int32_t dim, ratio, overlaps;
    std::int32_t rope_offset, rope_dims, interleaved;
    float epsilon, magnitude;
};
inline constexpr int kCompressThreads = 256;
/// Two windows more than whole ones, at most, of each sequence.
inline GridSize compress_grid(const CompressParams& p, int rows) {
    return {static_cast<unsigned>(rows / p.ratio + 2), static_cast<unsigned>(p.states.sequence_count)};
}

struct CompressShared {
    float row[kMostCompressDim];
    float sums[kCompressThreads / 32];
};

#define SWITCHYARD_COMPRESS_KERNELS(X)                                                                       \
    X(Compress, compress, CompressParams, CompressShared, kCompressThreads, 4)

} // namespace switchyard::cuda
