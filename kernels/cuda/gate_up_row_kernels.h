// GateUp for a step that is one row, of an answer: what Prepare and RouterLogits do for many, in the same
// launch and with the same bits. Each block prepares the row for itself, in shared memory; the router's
// experts are shared out, and blocks go on to routed experts when all logits are there.
#pragma once

#include "kernels/cuda/feed_forward_kernels.h"
#include "kernels/cuda/input_kernels.h"

namespace switchyard::cuda {

struct GateUpRowParams {
    GateUpParams up; ///< of one row; where there is a router it routes. Its prepared inputs are not read.
    const float* in; ///< [layer.in_width]
    const MatrixView* gain;       ///< RMS norm; null: none
    const std::uint32_t* formats; ///< that the gate and up matrices want
    float epsilon;
    std::int32_t staged;      ///< of a block's experts, those whose router weights it reads ahead: one a warp
    const MatrixView* router; ///< [experts][in_width]; null: dense blocks alone, without output gates
    std::uint32_t* arrived;   ///< one, zero at first
};

struct alignas(16) GateUpRowShared {
    GateUpShared<1> up;
    InputShared input;
};

/// Bytes of the row in shared memory in every form: floats, bytes, pairs of both kinds with their scales.
SWITCHYARD_ANYWHERE constexpr std::int32_t row_forms_bytes(std::int32_t width) {
    const std::int32_t padded = padded_columns(width);
    return padded * 4 + padded / 32 * static_cast<std::int32_t>(sizeof(ByteBlock)) +
           2 * (padded / 16 * static_cast<std::int32_t>(sizeof(PairBlock))) + padded / 32 * 16;
}
/// Of all that is behind GateUpRowShared.
SWITCHYARD_ANYWHERE constexpr std::int32_t gate_up_row_bytes(std::int32_t width, std::int32_t staged) {
    return row_forms_bytes(width) + staged * padded_columns(width) * 4;
}

#define SWITCHYARD_GATE_UP_ROW_KERNELS(X)                                                                    \
    X(GateUpRow, gate_up_row, GateUpRowParams, GateUpRowShared, kProductThreads, 2)

} // namespace switchyard::cuda
