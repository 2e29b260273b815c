// What GateUp and Down share: units, and joining the halves of a hidden neuron.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/feed_forward_kernels.h"

namespace switchyard::cuda {

/// A gated block at work, routed or dense, as GateUp wants it.
struct UpUnit {
    MatrixView gate, up;
    const float *gate_bias, *up_bias; ///< of this unit, or null
    BlockType down_type;
    const std::int32_t* rows; ///< null: slot i is row i of the batch
    std::int32_t count;
    std::int64_t hidden; ///< column of slot 0
};

__device__ inline const float* bias_row(const MatrixView* bias, std::int32_t row, std::int32_t width) {
    return bias ? reinterpret_cast<const float*>(bias->data) + std::int64_t{row} * width : nullptr;
}

__device__ inline UpUnit routed_up_unit(const FeedForwardParams& p, const FeedForwardUnit& unit) {
    const GatedMatrices& m = p.expert;
    return {unit.gate,
            unit.up,
            bias_row(m.gate_bias, unit.expert, m.width),
            bias_row(m.up_bias, unit.expert, m.width),
            unit.down.type,
            p.pair_rows + unit.first_pair,
            unit.count,
            dense_column(p, p.block_count) + std::int64_t{unit.first_pair} * padded_columns(m.width)};
}
__device__ inline UpUnit dense_up_unit(const FeedForwardParams& p, int block) {
    const GatedMatrices& m = p.blocks[block].matrices;
    return {*m.gate,
            *m.up,
            bias_row(m.gate_bias, 0, m.width),
            bias_row(m.up_bias, 0, m.width),
            m.down->type,
            nullptr,
            p.row_count,
            dense_column(p, block)};
}

/// The rows of one unit's hidden neurons.
__device__ inline PreparedRows hidden_rows(const PreparedRows& hidden, std::int64_t column,
                                           std::int32_t width) {
    return {hidden.floats + column,      hidden.bytes + column / 32,       hidden.bfloats + column / 16,
            hidden.halves + column / 16, hidden.half_scales + column / 32, padded_columns(width)};
}

// gelu(x) = x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)) = x * sigmoid(x (kGelu1 + kGelu3 x^2))
inline constexpr float kGelu1 = 1.5957691216057308f, kGelu3 = 0.071354816272600251f;

/// x * sigmoid(y)
__device__ inline float sigmoid_times(float x, float y) { return x / add_rounded(1.0f, expf(-y)); }

__device__ inline float join_halves(const GatedMatrices& m, float gate, float up) {
    switch (m.activation) {
    case GatedActivation::Silu:
        return multiply_rounded(sigmoid_times(gate, gate), up);
    case GatedActivation::Gelu: {
        const float inner = fmaf(kGelu3, multiply_rounded(gate, gate), kGelu1);
        return multiply_rounded(sigmoid_times(gate, multiply_rounded(gate, inner)), up);
    }
    default: { // as the CPU's: what is not a number stays that
        const float limit = m.clamp_limit;
        const float g = limit < gate ? limit : gate;
        const float u = up < -limit ? -limit : limit < up ? limit : up;
        return multiply_rounded(sigmoid_times(g, multiply_rounded(m.clamp_alpha, g)), add_rounded(u, 1.0f));
    }
    }
}

} // namespace switchyard::cuda
