// Norm, rope, activations and sums: scalar twins.
#include "kernels/cpu/exp_constants.h"
#include "kernels/cpu/scalar.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace switchyard::cpu::scalar {
namespace {

/// 2^n for -126 <= n <= 127.
float power_of_two(int n) { return std::bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23); }

float sigmoid_times(float x, float argument) { return x / (1.0f + exp(-argument)); }

template <class Block>
using Integer = std::remove_cvref_t<decltype(Block::q[0])>;

template <class Block>
constexpr int place(int i) {
    return std::is_same_v<Block, I16Block> ? i16_place(i) : i;
}

template <class Block>
void quantize(const float* x, std::int64_t cols, float largest_integer, std::byte* out) {
    for (std::int64_t b = 0; b < cols / 32; ++b, x += 32, out += sizeof(Block)) {
        Block block{};
        std::uint32_t largest = 0; // compared as integers, a NaN is the largest of all
        for (int i = 0; i < 32; ++i) {
            largest = std::max(largest, std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffu);
        }
        block.scale = std::bit_cast<float>(largest) / largest_integer;
        if (largest >= 0x7f800000u) {
            block.scale = std::numeric_limits<float>::quiet_NaN();
        } else if (block.scale < 1e-36f) { // its inverse would overflow
            block.scale = 0.0f;
        } else {
            const float inverse = 1.0f / block.scale;
            for (int i = 0; i < 32; ++i) {
                const auto q = static_cast<Integer<Block>>(std::nearbyint(x[i] * inverse));
                block.q[place<Block>(i)] = q;
                block.neg_sum -= q;
                block.neg_low -= i < 16 ? q : 0;
            }
        }
        block.sum = block.scale * static_cast<float>(-block.neg_sum);
        std::memcpy(out, &block, sizeof block);
    }
}

} // namespace

float exp(float x) {
    using namespace exp_constants;
    if (std::isnan(x)) {
        return x;
    }
    x = std::min(std::max(x, kLowest), kHighest);
    const float n = std::nearbyint(x * kInverseLn2);
    float r = std::fma(n, -kLn2High, x);
    r = std::fma(n, -kLn2Low, r);
    float p = std::fma(kC[4], r, kC[3]);
    p = std::fma(p, r, kC[2]);
    p = std::fma(p, r, kC[1]);
    p = std::fma(p, r, kC[0]);
    p = std::fma(p, r * r, r) + 1.0f;
    // In two steps, for results outside the normal range.
    const int whole = static_cast<int>(n), half = whole >> 1;
    return p * power_of_two(half) * power_of_two(whole - half);
}

void quantize_i16(const float* x, std::int64_t cols, std::byte* out) {
    quantize<I16Block>(x, cols, 32767.0f, out);
}
void quantize_i8(const float* x, std::int64_t cols, std::byte* out) {
    quantize<I8Block>(x, cols, 127.0f, out);
}
void quantize_i8_words(const float* x, std::int64_t cols, std::byte* out) {
    quantize<I16Block>(x, cols, 127.0f, out);
}

void rms_norm(const float* x, const float* gain, float epsilon, int n, float* out) {
    float lane[32] = {};
    for (int i = 0; i < n; ++i) {
        lane[i % 32] = std::fma(x[i], x[i], lane[i % 32]);
    }
    float folded[8];
    for (int i = 0; i < 8; ++i) {
        folded[i] = (lane[i] + lane[8 + i]) + (lane[16 + i] + lane[24 + i]);
    }
    const float factor = 1.0f / std::sqrt(sum_lanes(folded) / static_cast<float>(n) + epsilon);
    for (int i = 0; i < n; ++i) {
        out[i] = x[i] * factor * gain[i];
    }
}

void rope(float* x, int dims, const float* cos, const float* sin, RopePairs pairs) {
    const int half = dims / 2;
    for (int i = 0; i < half; ++i) {
        float& a = pairs == RopePairs::Interleaved ? x[2 * i] : x[i];
        float& b = pairs == RopePairs::Interleaved ? x[2 * i + 1] : x[half + i];
        const float rotated = std::fma(a, cos[i], -(b * sin[i]));
        b = std::fma(b, cos[i], a * sin[i]);
        a = rotated;
    }
}

void swiglu(const float* gate, const float* up, float* out, int n) {
    for (int i = 0; i < n; ++i) {
        out[i] = sigmoid_times(gate[i], gate[i]) * up[i];
    }
}

void gelu_glu(const float* gate, const float* up, float* out, int n) {
    using namespace exp_constants;
    for (int i = 0; i < n; ++i) {
        const float g = gate[i];
        out[i] = sigmoid_times(g, g * std::fma(kGelu3, g * g, kGelu1)) * up[i];
    }
}

void softmax(float* x, int n) {
    float largest = -std::numeric_limits<float>::infinity();
    for (int i = 0; i < n; ++i) {
        largest = std::max(largest, x[i]);
    }
    float lane[8] = {};
    for (int i = 0; i < n; ++i) {
        x[i] = exp(x[i] - largest);
        lane[i % 8] += x[i];
    }
    const float sum = sum_lanes(lane);
    for (int i = 0; i < n; ++i) {
        x[i] /= sum;
    }
}

void add(const float* x, float* y, int n) {
    for (int i = 0; i < n; ++i) {
        y[i] += x[i];
    }
}

void scale_add(float a, const float* x, float* y, int n) {
    for (int i = 0; i < n; ++i) {
        y[i] = std::fma(a, x[i], y[i]);
    }
}

void scale(float a, const float* x, float* y, int n) {
    for (int i = 0; i < n; ++i) {
        y[i] = a * x[i];
    }
}

} // namespace switchyard::cpu::scalar
