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

/// Where the row's forms begin in shared memory, floats first, in bytes; the last one's end.
struct RowFormPlaces {
    std::int32_t bytes, bfloats, halves, half_scales, end;
};
SWITCHYARD_ANYWHERE constexpr RowFormPlaces row_form_places(std::int32_t width) {
    const std::int32_t padded = padded_columns(width);
    RowFormPlaces p = {};
    p.bytes = padded * static_cast<std::int32_t>(sizeof(float));
    p.bfloats = p.bytes + padded / 32 * static_cast<std::int32_t>(sizeof(ByteBlock));
    p.halves = p.bfloats + padded / 16 * static_cast<std::int32_t>(sizeof(PairBlock));
    p.half_scales = p.halves + padded / 16 * static_cast<std::int32_t>(sizeof(PairBlock));
    p.end = p.half_scales + padded / 32 * 16; // what follows is aligned as the others are
    return p;
}
/// Of all that is behind GateUpRowShared.
SWITCHYARD_ANYWHERE constexpr std::int32_t gate_up_row_bytes(std::int32_t width, std::int32_t staged) {
    return row_form_places(width).end + staged * padded_columns(width) * 4;
}

#define SWITCHYARD_GATE_UP_ROW_KERNELS(X)                                                                    \
    X(GateUpRow, gate_up_row, GateUpRowParams, GateUpRowShared, kProductThreads, 2)

} // namespace switchyard::cuda
