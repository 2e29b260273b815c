// The encoders of all packed formats. Included by encode_baseline.cpp and encode_avx2.cpp, which name the
// namespace (SWITCHYARD_ISA) and set the compiler's instruction set. Only vector extensions and plain
// arithmetic without fused operations: both builds give the same bytes.
#include "engine/quant/encoder.h"
#include "engine/quant/quant.h"
#include "kernels/grids.h"
#include "kernels/k_scales.h"

#include <cstring>

namespace switchyard::SWITCHYARD_ISA {
namespace {

#include "engine/quant/fit.h"

/// Rounds a scale to half precision, staying finite.
Half scale_half(float x) { return float_to_half(clamp(x, -65504.0f, 65504.0f)); }

void encode(BlockQ8_0& b, const float* x, const float*) {
    b.d = scale_half(__builtin_fabsf(extreme(x, 32)) / 127.0f);
    const float inverse = inverse_or_zero(half_to_float(b.d));
    for (int i = 0; i < 32; ++i) {
        b.q[i] = static_cast<std::int8_t>(level(x[i], inverse, -127, 127));
    }
}

void encode(BlockQ4_0& b, const float* x, const float* w) {
    b.d = scale_half(fit_scale(x, w, 32, -8, 1.2f));
    const float inverse = inverse_or_zero(half_to_float(b.d));
    for (int i = 0; i < 16; ++i) {
        const int low = level(x[i], inverse, -8, 7) + 8, high = level(x[i + 16], inverse, -8, 7) + 8;
        b.q[i] = static_cast<std::uint8_t>(low | high << 4);
    }
}

void encode(BlockQ4_1& b, const float* x, const float* w) {
    const Affine fit = fit_affine<false>(x, w, 32, 15, 1.2f);
    b.d = scale_half(fit.scale);
    b.m = scale_half(fit.min);
    const float inverse = inverse_or_zero(half_to_float(b.d)), m = half_to_float(b.m);
    for (int i = 0; i < 16; ++i) {
        const int low = level(x[i] - m, inverse, 0, 15), high = level(x[i + 16] - m, inverse, 0, 15);
        b.q[i] = static_cast<std::uint8_t>(low | high << 4);
    }
}

/// Stores 32 values of five bits: low nibbles in q, bit 4 of value i as bit i of qh.
void store_five_bits(const int* values, std::uint8_t* qh, std::uint8_t* q) {
    std::uint32_t high = 0;
    for (int i = 0; i < 32; ++i) {
        high |= static_cast<std::uint32_t>(values[i] >> 4) << i;
    }
    std::memcpy(qh, &high, sizeof high);
    for (int i = 0; i < 16; ++i) {
        q[i] = static_cast<std::uint8_t>((values[i] & 15) | (values[i + 16] & 15) << 4);
    }
}

void encode(BlockQ5_0& b, const float* x, const float* w) {
    b.d = scale_half(fit_scale(x, w, 32, -16, 1.5f));
    const float inverse = inverse_or_zero(half_to_float(b.d));
    int q[32];
    for (int i = 0; i < 32; ++i) {
        q[i] = level(x[i], inverse, -16, 15) + 16;
    }
    store_five_bits(q, b.qh, b.q);
}

void encode(BlockQ5_1& b, const float* x, const float* w) {
    const Affine fit = fit_affine<false>(x, w, 32, 31, 1.5f);
    b.d = scale_half(fit.scale);
    b.m = scale_half(fit.min);
    const float inverse = inverse_or_zero(half_to_float(b.d)), m = half_to_float(b.m);
    int q[32];
    for (int i = 0; i < 32; ++i) {
        q[i] = level(x[i] - m, inverse, 0, 31);
    }
    store_five_bits(q, b.qh, b.q);
}

/// A super-block of 256 values in kParts sub-blocks, value = d * scale * q - dmin * min.
template <int kParts>
struct AffineBlock {
    float d = 0.0f, dmin = 0.0f; ///< as the halves hold them
    int scale[kParts], min[kParts];
    std::uint8_t q[256];
};

/// Fits and rounds everything; q in 0..top, scales and minima in 0..scale_top.
template <int kParts>
void fit_affine_block(AffineBlock<kParts>& b, const float* x, const float* w, int top, int scale_top,
                      float reach) {
    constexpr int kSize = 256 / kParts;
    Affine fit[kParts];
    float scale_max = 0.0f, min_max = 0.0f;
    for (int j = 0; j < kParts; ++j) {
        fit[j] = fit_affine<true>(x + j * kSize, w + j * kSize, kSize, top, reach);
        scale_max = fit[j].scale > scale_max ? fit[j].scale : scale_max;
        min_max = -fit[j].min > min_max ? -fit[j].min : min_max;
    }
    b.d = half_to_float(scale_half(scale_max / static_cast<float>(scale_top)));
    b.dmin = half_to_float(scale_half(min_max / static_cast<float>(scale_top)));
    const float inverse_d = inverse_or_zero(b.d), inverse_dmin = inverse_or_zero(b.dmin);
    for (int j = 0; j < kParts; ++j) {
        b.scale[j] = level(fit[j].scale, inverse_d, 0, scale_top);
        b.min[j] = level(-fit[j].min, inverse_dmin, 0, scale_top);
        const float inverse = inverse_or_zero(b.d * static_cast<float>(b.scale[j]));
        const float min = b.dmin * static_cast<float>(b.min[j]);
        for (int i = j * kSize; i < (j + 1) * kSize; ++i) {
            b.q[i] = static_cast<std::uint8_t>(level(x[i] + min, inverse, 0, top));
        }
    }
}

/// Low nibbles of runs of 64 values: run's first half below, second half above.
void store_nibbles(const std::uint8_t* q, std::uint8_t* out) {
    for (int i = 0; i < 128; ++i) {
        const std::uint8_t* run = q + i / 32 * 64 + i % 32;
        out[i] = static_cast<std::uint8_t>((run[0] & 15) | (run[32] & 15) << 4);
    }
}

void encode(BlockQ4_K& b, const float* x, const float* w) {
    AffineBlock<8> fit;
    fit_affine_block(fit, x, w, 15, 63, 1.2f);
    b.d = float_to_half(fit.d);
    b.dmin = float_to_half(fit.dmin);
    std::memset(b.scales, 0, sizeof b.scales);
    for (int j = 0; j < 8; ++j) {
        set_k_scale(b.scales, j, {fit.scale[j], fit.min[j]});
    }
    store_nibbles(fit.q, b.q);
}

void encode(BlockQ5_K& b, const float* x, const float* w) {
    AffineBlock<8> fit;
    fit_affine_block(fit, x, w, 31, 63, 1.5f);
    b.d = float_to_half(fit.d);
    b.dmin = float_to_half(fit.dmin);
    std::memset(b.scales, 0, sizeof b.scales);
    std::memset(b.qh, 0, sizeof b.qh);
    for (int j = 0; j < 8; ++j) {
        set_k_scale(b.scales, j, {fit.scale[j], fit.min[j]});
        for (int i = 0; i < 32; ++i) {
            b.qh[i] = static_cast<std::uint8_t>(b.qh[i] | fit.q[j * 32 + i] >> 4 << j);
        }
    }
    store_nibbles(fit.q, b.q);
}

/// Pairs of bits: each half of 128 values is four runs of 32, one above the other.
void store_pairs(const std::uint8_t* q, std::uint8_t* out) {
    for (int i = 0; i < 64; ++i) {
        const std::uint8_t* run = q + i / 32 * 128 + i % 32;
        out[i] = static_cast<std::uint8_t>((run[0] & 3) | (run[32] & 3) << 2 | (run[64] & 3) << 4 |
                                           (run[96] & 3) << 6);
    }
}

void encode(BlockQ2_K& b, const float* x, const float* w) {
    AffineBlock<16> fit;
    fit_affine_block(fit, x, w, 3, 15, 0.9f);
    b.d = float_to_half(fit.d);
    b.dmin = float_to_half(fit.dmin);
    for (int j = 0; j < 16; ++j) {
        b.scales[j] = static_cast<std::uint8_t>(fit.scale[j] | fit.min[j] << 4);
    }
    store_pairs(fit.q, b.q);
}

/// A super-block of 256 values in 16 sub-blocks of 16, value = d * scale * q with signed scales.
struct ScaledBlock {
    Half d;
    int scale[16];
    std::uint8_t q[256]; ///< above the lowest level
};

/// Fits and rounds everything; q in lo..-lo - 1, scales in scale_lo..-scale_lo - 1.
void fit_scaled_block(ScaledBlock& b, const float* x, const float* w, int lo, int scale_lo, float reach) {
    float scale[16];
    for (int j = 0; j < 16; ++j) {
        scale[j] = fit_scale(x + j * 16, w + j * 16, 16, lo, reach);
    }
    b.d = scale_half(extreme(scale, 16) / static_cast<float>(scale_lo));
    const float d = half_to_float(b.d), inverse_d = inverse_or_zero(d);
    for (int j = 0; j < 16; ++j) {
        b.scale[j] = level(scale[j], inverse_d, scale_lo, -scale_lo - 1);
        const float inverse = inverse_or_zero(d * static_cast<float>(b.scale[j]));
        for (int i = j * 16; i < (j + 1) * 16; ++i) {
            b.q[i] = static_cast<std::uint8_t>(level(x[i], inverse, lo, -lo - 1) - lo);
        }
    }
}

void encode(BlockQ3_K& b, const float* x, const float* w) {
    ScaledBlock fit;
    fit_scaled_block(fit, x, w, -4, -32, 0.9f);
    b.d = fit.d;
    std::memset(b.scales, 0, sizeof b.scales);
    std::memset(b.high, 0, sizeof b.high);
    for (int j = 0; j < 16; ++j) {
        set_q3_scale(b.scales, j, fit.scale[j] + 32);
    }
    for (int i = 0; i < 256; ++i) {
        b.high[i % 32] = static_cast<std::uint8_t>(b.high[i % 32] | fit.q[i] >> 2 << (i / 32));
    }
    store_pairs(fit.q, b.q);
}

void encode(BlockQ6_K& b, const float* x, const float* w) {
    ScaledBlock fit;
    fit_scaled_block(fit, x, w, -32, -128, 1.0f);
    b.d = fit.d;
    for (int j = 0; j < 16; ++j) {
        b.scales[j] = static_cast<std::int8_t>(fit.scale[j]);
    }
    for (int half = 0; half < 2; ++half) { // 128 values each, as four runs of 32
        const std::uint8_t* run = fit.q + half * 128;
        for (int i = 0; i < 32; ++i) {
            const int q0 = run[i], q1 = run[i + 32], q2 = run[i + 64], q3 = run[i + 96];
            b.ql[half * 64 + i] = static_cast<std::uint8_t>((q0 & 15) | (q2 & 15) << 4);
            b.ql[half * 64 + 32 + i] = static_cast<std::uint8_t>((q1 & 15) | (q3 & 15) << 4);
            b.qh[half * 32 + i] =
                static_cast<std::uint8_t>(q0 >> 4 | q1 >> 4 << 2 | q2 >> 4 << 4 | q3 >> 4 << 6);
        }
    }
}

void encode(BlockQ8_K& b, const float* x, const float*) {
    b.d = clamp(extreme(x, 256) / -127.0f, -3e38f, 3e38f);
    const float inverse = __builtin_fabsf(b.d) > kNothing ? 1.0f / b.d : 0.0f;
    for (int j = 0; j < 16; ++j) {
        int sum = 0;
        for (int i = j * 16; i < (j + 1) * 16; ++i) {
            b.q[i] = static_cast<std::int8_t>(level(x[i], inverse, -127, 127));
            sum += b.q[i];
        }
        b.sums[j] = static_cast<std::int16_t>(sum);
    }
}

/// Index of the level of IQ4 nearest to x.
int level4(float x) {
    int index = 0;
    for (int i = 1; i < 16; ++i) {
        index += x > 0.5f * static_cast<float>(kLevels4[i - 1] + kLevels4[i]);
    }
    return index;
}

void encode(BlockIQ4_NL& b, const float* x, const float* w) {
    b.d = scale_half(fit_levels(x, w, 32));
    const float inverse = inverse_or_zero(half_to_float(b.d));
    for (int i = 0; i < 16; ++i) {
        b.q[i] = static_cast<std::uint8_t>(level4(x[i] * inverse) | level4(x[i + 16] * inverse) << 4);
    }
}

void encode(BlockIQ4_XS& b, const float* x, const float* w) {
    float scale[8];
    for (int j = 0; j < 8; ++j) {
        scale[j] = fit_levels(x + j * 32, w + j * 32, 32);
    }
    b.d = scale_half(extreme(scale, 8) / -32.0f);
    const float d = half_to_float(b.d), inverse_d = inverse_or_zero(d);
    b.scales_high = 0;
    std::memset(b.scales_low, 0, sizeof b.scales_low);
    for (int j = 0; j < 8; ++j) {
        const int s = level(scale[j], inverse_d, -32, 31);
        b.scales_low[j / 2] = static_cast<std::uint8_t>(b.scales_low[j / 2] | ((s + 32) & 15) << (j % 2 * 4));
        b.scales_high = static_cast<std::uint16_t>(b.scales_high | (s + 32) >> 4 << (2 * j));
        const float inverse = inverse_or_zero(d * static_cast<float>(s));
        for (int i = 0; i < 16; ++i) {
            const float *low = x + j * 32 + i, *high = low + 16;
            b.q[j * 16 + i] =
                static_cast<std::uint8_t>(level4(*low * inverse) | level4(*high * inverse) << 4);
        }
    }
}

void encode(BlockMXFP4& b, const float* x, const float* w) {
    b.e = fit_power(x, w, 32);
    // d of exponent e is 2^(e - 128); its inverse has the biased exponent 255 - e. Levels are at most 12.
    const float inverse = float_of_bits(static_cast<std::uint32_t>(255 - b.e) << 23);
    const auto code = [&](float value) {
        const float size = __builtin_fabsf(value * inverse);
        int index = 0;
        for (int i = 1; i < 8; ++i) {
            index += size > 0.5f * static_cast<float>(kLevelsE2M1[i - 1] + kLevelsE2M1[i]);
        }
        return value < 0.0f && index > 0 ? index | 8 : index;
    };
    for (int i = 0; i < 16; ++i) {
        b.q[i] = static_cast<std::uint8_t>(code(x[i]) | code(x[i + 16]) << 4);
    }
}

/// The nearest E4M3 float to x, which is at most 448: ties to even.
std::uint8_t e4m3(float x) {
    std::uint32_t bits, small;
    std::memcpy(&bits, &x, sizeof bits);
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    const float moved = __builtin_fabsf(x) + 16384.0f; // whose last bit is 2^-9, as of the subnormals
    std::memcpy(&small, &moved, sizeof small);
    const std::uint32_t normal = (magnitude + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20;
    const std::uint32_t code = magnitude < 121u << 23 ? small - (141u << 23) : normal - (120u << 3);
    return static_cast<std::uint8_t>(code | (bits >> 24 & 0x80u));
}

void encode(BlockFP8& b, const float* x, const float*) {
    const float scale = clamp(__builtin_fabsf(extreme(x, 64)) / 448.0f, 0.0f, 3e35f);
    b.scale = scale > 1e-36f ? scale : 0.0f; // its inverse would overflow
    const float inverse = inverse_or_zero(b.scale);
    for (int i = 0; i < 64; ++i) {
        b.q[i] = e4m3(clamp(x[i] * inverse, -448.0f, 448.0f));
    }
}

template <typename Block, int kValues>
void encode_all(const float* values, const float* weights, std::size_t count, std::byte* blocks) {
    for (std::size_t i = 0; i < count / kValues; ++i) {
        Block block;
        encode(block, values + i * kValues, weights + i * kValues);
        std::memcpy(blocks + i * sizeof block, &block, sizeof block);
    }
}

} // namespace

void encode_blocks(BlockType type, const float* values, const float* weights, std::size_t count,
                   std::byte* blocks) {
    switch (type) {
    case BlockType::Q8_0:
        return encode_all<BlockQ8_0, 32>(values, weights, count, blocks);
    case BlockType::Q4_0:
        return encode_all<BlockQ4_0, 32>(values, weights, count, blocks);
    case BlockType::Q4_1:
        return encode_all<BlockQ4_1, 32>(values, weights, count, blocks);
    case BlockType::Q5_0:
        return encode_all<BlockQ5_0, 32>(values, weights, count, blocks);
    case BlockType::Q5_1:
        return encode_all<BlockQ5_1, 32>(values, weights, count, blocks);
    case BlockType::Q4_K:
        return encode_all<BlockQ4_K, 256>(values, weights, count, blocks);
    case BlockType::Q6_K:
        return encode_all<BlockQ6_K, 256>(values, weights, count, blocks);
    case BlockType::Q2_K:
        return encode_all<BlockQ2_K, 256>(values, weights, count, blocks);
    case BlockType::Q3_K:
        return encode_all<BlockQ3_K, 256>(values, weights, count, blocks);
    case BlockType::Q5_K:
        return encode_all<BlockQ5_K, 256>(values, weights, count, blocks);
    case BlockType::Q8_K:
        return encode_all<BlockQ8_K, 256>(values, weights, count, blocks);
    case BlockType::IQ4_NL:
        return encode_all<BlockIQ4_NL, 32>(values, weights, count, blocks);
    case BlockType::IQ4_XS:
        return encode_all<BlockIQ4_XS, 256>(values, weights, count, blocks);
    case BlockType::MXFP4:
        return encode_all<BlockMXFP4, 32>(values, weights, count, blocks);
    case BlockType::FP8:
        return encode_all<BlockFP8, 64>(values, weights, count, blocks);
    default: // encodable() says no
        return;
    }
}

} // namespace switchyard::SWITCHYARD_ISA
