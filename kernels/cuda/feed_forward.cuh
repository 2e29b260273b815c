// Hidden neurons: how their halves are joined, and where they stand.
#pragma once

#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/feed_forward_kernels.h"

namespace switchyard::cuda {

/// Null where there is no bias.
__device__ inline const float* bias_row(const MatrixView* bias, std::int32_t row, std::int32_t width) {
    return bias ? reinterpret_cast<const float*>(bias->data) + std::int64_t{row} * width : nullptr;
}

/// The rows of one unit's hidden neurons.
__device__ inline PreparedRows hidden_rows(const PreparedRows& hidden, std::int64_t column,
                                           std::int32_t width) {
    return {hidden.floats + column,      hidden.bytes + column / 32,       hidden.bfloats + column / 16,
            hidden.halves + column / 16, hidden.half_scales + column / 32, padded_columns(width)};
}

__device__ inline float join_halves(const GatedMatrices& m, float gate, float up) {
    switch (m.activation) {
    case GatedActivation::Silu:
        return multiply_rounded(silu(gate), up);
    case GatedActivation::Gelu:
        return multiply_rounded(gelu(gate), up);
    case GatedActivation::Relu:
        return multiply_rounded(gate < 0.0f ? 0.0f : gate, up);
    default: { // as the CPU's: what is not a number stays that
        const float limit = m.clamp_limit;
        const float g = limit < gate ? limit : gate;
        const float u = up < -limit ? -limit : limit < up ? limit : up;
        const float more = m.activation == GatedActivation::ClampedSilu ? 1.0f : 0.0f;
        return multiply_rounded(sigmoid_times(g, multiply_rounded(m.clamp_alpha, g)), add_rounded(u, more));
    }
    }
}

} // namespace switchyard::cuda
