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

// gelu(x) = x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)) = x * sigmoid(x (kGelu1 + kGelu3 x^2))
inline constexpr float kGelu1 = 1.5957691216057308f, kGelu3 = 0.071354816272600251f;

__device__ inline float join_halves(const GatedMatrices& m, float gate, float up) {
    switch (m.activation) {
    case GatedActivation::Silu:
        return multiply_rounded(silu(gate), up);
    case GatedActivation::Gelu: {
        const float inner = fmaf(kGelu3, multiply_rounded(gate, gate), kGelu1);
        return multiply_rounded(sigmoid_times(gate, multiply_rounded(gate, inner)), up);
    }
    case GatedActivation::Relu:
        return multiply_rounded(gate < 0.0f ? 0.0f : gate, up);
    default: { // as the CPU's: what is not a number stays that
        const float limit = m.clamp_limit;
        const float g = limit < gate ? limit : gate;
        const float u = up < -limit ? -limit : limit < up ? limit : up;
        return multiply_rounded(sigmoid_times(g, multiply_rounded(m.clamp_alpha, g)), add_rounded(u, m.clamp_one));
    }
    }
}

} // namespace switchyard::cuda
