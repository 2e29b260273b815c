// Products with packed weights: the scalar twin.
#include "kernels/cpu/panels.h"
#include "kernels/cpu/scalar.h"

#include <algorithm>
#include <cmath>

namespace switchyard::cpu::scalar {
namespace {

float dot_floats(BlockType type, const std::byte* panel, int row, std::int64_t cols, const float* x) {
    float acc = 0.0f;
    for (std::int64_t k = 0; k < cols; ++k) {
        acc = std::fma(decode_float(type, panel, k, row), x[k], acc);
    }
    return acc;
}

int integer(const I16Block& x, int i) { return x.q[i16_place(i)]; }
int integer(const I8Block& x, int i) { return x.q[i]; }

/// Adds 32 columns: integers within each scale (exact), then one fma for the block and one for the minimum.
/// Whole scales belong to the integers.
template <class Block>
float add_block(const DecodedBlock& w, const Block& x, float acc) {
    std::int32_t low = 0, high = 0;
    for (int i = 0; i < 16; ++i) {
        low += w.q[i] * integer(x, i);
        high += w.q[16 + i] * integer(x, 16 + i);
    }
    if (!w.halves) {
        acc = std::fma(static_cast<float>(low + high), w.d * x.scale, acc);
        return std::fma(w.m[0], x.sum, acc);
    }
    if (w.whole) {
        const auto scale = [&](int half) { return static_cast<std::int32_t>(w.scale[half]); };
        return std::fma(static_cast<float>(low * scale(0) + high * scale(1)), w.d * x.scale, acc);
    }
    const float dot = std::fma(static_cast<float>(low), w.scale[0], static_cast<float>(high) * w.scale[1]);
    acc = std::fma(dot, w.d * x.scale, acc);
    acc = std::fma(w.m[0], static_cast<float>(-x.neg_low) * x.scale, acc);
    return std::fma(w.m[1], static_cast<float>(x.neg_low - x.neg_sum) * x.scale, acc);
}

template <class Block>
float dot_integers(BlockType type, const std::byte* panel, int row, std::int64_t cols, const std::byte* x) {
    float acc = 0.0f;
    DecodedBlock block;
    for (std::int64_t b = 0; b < cols / 32; ++b) {
        decode_block(type, panel, b, row, block);
        acc = add_block(block, reinterpret_cast<const Block*>(x)[b], acc);
    }
    return acc;
}

float dot(ActivationFormat format, BlockType type, const std::byte* panel, int row, std::int64_t cols,
          const std::byte* x) {
    switch (format) {
    case ActivationFormat::I16:
        return dot_integers<I16Block>(type, panel, row, cols, x);
    case ActivationFormat::I8:
        return dot_integers<I8Block>(type, panel, row, cols, x);
    case ActivationFormat::F32:
        break;
    }
    return dot_floats(type, panel, row, cols, reinterpret_cast<const float*>(x));
}

} // namespace

bool takes_bytes(BlockType) { return true; }

void matmul(const MatmulArgs& args) {
    const PackedMatrix& w = args.weights;
    const ActivationFormat format = activation_format(w.type, args.activation_bits);
    const std::int64_t last_row = std::min(w.rows, args.last_panel * kPanelRows);
    for (std::int64_t r = args.first_panel * kPanelRows; r < last_row; ++r) {
        const auto [panel, row] = panel_row(w, r);
        for (int t = 0; t < args.tokens; ++t) {
            const auto at = static_cast<std::size_t>(args.index ? args.index[t] : t) * args.activation_stride;
            const std::byte* x = args.activations + at;
            const float acc = dot(format, w.type, panel, row, w.cols, x);
            float& y = args.y[t * args.y_stride + r];
            y = args.accumulate ? y + acc : acc;
        }
    }
}

} // namespace switchyard::cpu::scalar
