// The encoders of all packed formats, and rows of 16-bit floats. Included by encode_baseline.cpp and
// encode_avx2.cpp, which name the namespace (SWITCHYARD_ISA) and set the compiler's instruction set. Only
// vector extensions and plain arithmetic without fused operations: both builds give the same bytes.
#include "engine/quant/encoder.h"
#include "engine/quant/quant.h"
#include "kernels/anywhere.h"
#include "kernels/block_fields.h"
#include "kernels/grids.h"
#include "kernels/k_scales.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace switchyard::SWITCHYARD_ISA {
namespace {

#include "kernels/vector_lanes.h"

#include "kernels/fit.h"

#include "kernels/fit_fields.h"

/// The fields of one block, from its values.
template <typename Format, typename Weights>
BlockFields fields_of(const float* x, Weights w) {
    constexpr int kPart = Format::kPart;
    PartFit fit[Format::kParts];
    for (int j = 0; j < Format::kParts; ++j) {
        fit[j] = Format::fit(x + j * kPart, w + j * kPart);
    }
    const Settled settled = Format::settle(fit);
    BlockFields fields;
    fields.d[0] = float_to_half(settled.d);
    fields.m[0] = float_to_half(settled.m);
    fields.wide[0] = settled.d;
    for (int j = 0; j < Format::kParts; ++j) {
        const auto part = Format::part(fit[j], settled);
        fields.scales[j] = static_cast<std::uint8_t>(part.scale);
        fields.mins[j] = static_cast<std::uint8_t>(part.min);
        std::uint8_t* codes = fields.codes + j * kPart;
        const float* from = x + j * kPart;
#pragma GCC unroll 1 // eight at a time instead
        for (int i = 0; i < kPart; ++i) {
            codes[i] = static_cast<std::uint8_t>(part.code(from[i]));
        }
    }
    return fields;
}

// ---- Fields as files pack them

/// 32 values: low nibbles of the first half below those of the second.
void store_nibbles32(const std::uint8_t* codes, std::uint8_t* q) {
    for (int i = 0; i < 16; ++i) {
        q[i] = static_cast<std::uint8_t>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
    }
}

/// Bit 4 of value i as bit i of qh.
void store_fifth_bits(const std::uint8_t* codes, std::uint8_t* qh) {
    std::uint32_t high = 0;
    for (int i = 0; i < 32; ++i) {
        high |= static_cast<std::uint32_t>(codes[i] >> 4) << i;
    }
    std::memcpy(qh, &high, sizeof high);
}

void store(BlockQ8_0& b, const BlockFields& f) {
    b.d = f.d[0];
    std::memcpy(b.q, f.codes, sizeof b.q);
}

void store(BlockQ4_0& b, const BlockFields& f) {
    b.d = f.d[0];
    store_nibbles32(f.codes, b.q);
}

void store(BlockQ4_1& b, const BlockFields& f) {
    b.d = f.d[0];
    b.m = f.m[0];
    store_nibbles32(f.codes, b.q);
}

void store(BlockQ5_0& b, const BlockFields& f) {
    b.d = f.d[0];
    store_fifth_bits(f.codes, b.qh);
    store_nibbles32(f.codes, b.q);
}

void store(BlockQ5_1& b, const BlockFields& f) {
    b.d = f.d[0];
    b.m = f.m[0];
    store_fifth_bits(f.codes, b.qh);
    store_nibbles32(f.codes, b.q);
}

void store(BlockIQ4_NL& b, const BlockFields& f) {
    b.d = f.d[0];
    store_nibbles32(f.codes, b.q);
}

void store(BlockMXFP4& b, const BlockFields& f) {
    b.e = f.scales[0];
    store_nibbles32(f.codes, b.q);
}

void store(BlockFP8& b, const BlockFields& f) {
    b.scale = f.wide[0];
    std::memcpy(b.q, f.codes, sizeof b.q);
}

/// Low nibbles of runs of 64 values: run's first half below, second half above.
void store_nibbles(const std::uint8_t* q, std::uint8_t* out) {
    for (int i = 0; i < 128; ++i) {
        const std::uint8_t* run = q + i / 32 * 64 + i % 32;
        out[i] = static_cast<std::uint8_t>((run[0] & 15) | (run[32] & 15) << 4);
    }
}

void store_k_scales(const BlockFields& f, std::uint8_t* scales) {
    std::memset(scales, 0, 12);
    for (int j = 0; j < 8; ++j) {
        set_k_scale(scales, j, {f.scales[j], f.mins[j]});
    }
}

void store(BlockQ4_K& b, const BlockFields& f) {
    b.d = f.d[0];
    b.dmin = f.m[0];
    store_k_scales(f, b.scales);
    store_nibbles(f.codes, b.q);
}

void store(BlockQ5_K& b, const BlockFields& f) {
    b.d = f.d[0];
    b.dmin = f.m[0];
    store_k_scales(f, b.scales);
    std::memset(b.qh, 0, sizeof b.qh);
    for (int i = 0; i < 256; ++i) {
        b.qh[i % 32] = static_cast<std::uint8_t>(b.qh[i % 32] | f.codes[i] >> 4 << (i / 32));
    }
    store_nibbles(f.codes, b.q);
}

/// Pairs of bits: each half of 128 values is four runs of 32, one above the other.
void store_pairs(const std::uint8_t* q, std::uint8_t* out) {
    for (int i = 0; i < 64; ++i) {
        const std::uint8_t* run = q + i / 32 * 128 + i % 32;
        out[i] = static_cast<std::uint8_t>((run[0] & 3) | (run[32] & 3) << 2 | (run[64] & 3) << 4 |
                                           (run[96] & 3) << 6);
    }
}

void store(BlockQ2_K& b, const BlockFields& f) {
    b.d = f.d[0];
    b.dmin = f.m[0];
    for (int j = 0; j < 16; ++j) {
        b.scales[j] = static_cast<std::uint8_t>(f.scales[j] | f.mins[j] << 4);
    }
    store_pairs(f.codes, b.q);
}

void store(BlockQ3_K& b, const BlockFields& f) {
    b.d = f.d[0];
    std::memset(b.scales, 0, sizeof b.scales);
    std::memset(b.high, 0, sizeof b.high);
    for (int j = 0; j < 16; ++j) {
        set_q3_scale(b.scales, j, f.scales[j]);
    }
    for (int i = 0; i < 256; ++i) {
        b.high[i % 32] = static_cast<std::uint8_t>(b.high[i % 32] | f.codes[i] >> 2 << (i / 32));
    }
    store_pairs(f.codes, b.q);
}

void store(BlockQ6_K& b, const BlockFields& f) {
    b.d = f.d[0];
    std::memcpy(b.scales, f.scales, sizeof b.scales);
    for (int half = 0; half < 2; ++half) { // 128 values each, as four runs of 32
        const std::uint8_t* run = f.codes + half * 128;
        for (int i = 0; i < 32; ++i) {
            const int q0 = run[i], q1 = run[i + 32], q2 = run[i + 64], q3 = run[i + 96];
            b.ql[half * 64 + i] = static_cast<std::uint8_t>((q0 & 15) | (q2 & 15) << 4);
            b.ql[half * 64 + 32 + i] = static_cast<std::uint8_t>((q1 & 15) | (q3 & 15) << 4);
            b.qh[half * 32 + i] =
                static_cast<std::uint8_t>(q0 >> 4 | q1 >> 4 << 2 | q2 >> 4 << 4 | q3 >> 4 << 6);
        }
    }
}

void store(BlockIQ4_XS& b, const BlockFields& f) {
    b.d = f.d[0];
    b.scales_high = 0;
    std::memset(b.scales_low, 0, sizeof b.scales_low);
    for (int j = 0; j < 8; ++j) {
        const int s = f.scales[j];
        b.scales_low[j / 2] = static_cast<std::uint8_t>(b.scales_low[j / 2] | (s & 15) << (j % 2 * 4));
        b.scales_high = static_cast<std::uint16_t>(b.scales_high | s >> 4 << (2 * j));
        store_nibbles32(f.codes + j * 32, b.q + j * 16);
    }
}

template <typename Block, typename Format>
void encode_all(const float* values, const float* weights, std::size_t count, std::byte* blocks) {
    constexpr std::size_t kValues = Format::kPart * Format::kParts;
    for (std::size_t i = 0; i < count / kValues; ++i) {
        Block block;
        const float* x = values + i * kValues;
        store(block,
              weights ? fields_of<Format>(x, weights + i * kValues) : fields_of<Format>(x, AllAlike{}));
        std::memcpy(blocks + i * sizeof block, &block, sizeof block);
    }
}

/// For products alone: no file holds it as weights.
void encode_q8_k(const float* x, BlockQ8_K& b) {
    b.d = clamp(extreme(x, 256) / -127.0f, -3e38f, 3e38f);
    const float inverse = fabsf(b.d) > kNothing ? 1.0f / b.d : 0.0f;
    for (int j = 0; j < 16; ++j) {
        int sum = 0;
        for (int i = j * 16; i < (j + 1) * 16; ++i) {
            b.q[i] = static_cast<std::int8_t>(level(x[i], inverse, -127, 127));
            sum += b.q[i];
        }
        b.sums[j] = static_cast<std::int16_t>(sum);
    }
}

template <typename Convert>
void encode_all_16(std::span<const float> values, std::byte* out, Convert convert) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint16_t bits = convert(values[i]);
        std::memcpy(out + i * 2, &bits, sizeof bits);
    }
}

template <typename Convert>
void decode_all_16(const std::byte* in, std::span<float> out, Convert convert) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, in + i * 2, sizeof bits);
        out[i] = convert(bits);
    }
}

void encode_16(BlockType type, std::span<const float> values, std::byte* out) {
    if (type == BlockType::F16) {
        encode_all_16(values, out, [](float f) { return float_to_half(f); });
    } else {
        encode_all_16(values, out, [](float f) { return float_to_bf16(f); });
    }
}

void decode_16(BlockType type, const std::byte* in, std::span<float> out) {
    if (type == BlockType::F16) {
        decode_all_16(in, out, [](std::uint16_t bits) { return half_to_float(bits); });
    } else {
        decode_all_16(in, out, [](std::uint16_t bits) { return bf16_to_float(bits); });
    }
}

void encode_blocks(BlockType type, const float* values, const float* weights, std::size_t count,
                   std::byte* blocks) {
    switch (type) {
    case BlockType::Q8_0:
        return encode_all<BlockQ8_0, Q8_0Format>(values, weights, count, blocks);
    case BlockType::Q4_0:
        return encode_all<BlockQ4_0, Q4_0Format>(values, weights, count, blocks);
    case BlockType::Q4_1:
        return encode_all<BlockQ4_1, Q4_1Format>(values, weights, count, blocks);
    case BlockType::Q5_0:
        return encode_all<BlockQ5_0, Q5_0Format>(values, weights, count, blocks);
    case BlockType::Q5_1:
        return encode_all<BlockQ5_1, Q5_1Format>(values, weights, count, blocks);
    case BlockType::Q4_K:
        return encode_all<BlockQ4_K, Q4_KFormat>(values, weights, count, blocks);
    case BlockType::Q6_K:
        return encode_all<BlockQ6_K, Q6_KFormat>(values, weights, count, blocks);
    case BlockType::Q2_K:
        return encode_all<BlockQ2_K, Q2_KFormat>(values, weights, count, blocks);
    case BlockType::Q3_K:
        return encode_all<BlockQ3_K, Q3_KFormat>(values, weights, count, blocks);
    case BlockType::Q5_K:
        return encode_all<BlockQ5_K, Q5_KFormat>(values, weights, count, blocks);
    case BlockType::Q8_K:
        for (std::size_t i = 0; i < count / 256; ++i) {
            BlockQ8_K block;
            encode_q8_k(values + i * 256, block);
            std::memcpy(blocks + i * sizeof block, &block, sizeof block);
        }
        return;
    case BlockType::IQ4_NL:
        return encode_all<BlockIQ4_NL, IQ4_NLFormat>(values, weights, count, blocks);
    case BlockType::IQ4_XS:
        return encode_all<BlockIQ4_XS, IQ4_XSFormat>(values, weights, count, blocks);
    case BlockType::MXFP4:
        return encode_all<BlockMXFP4, MXFP4Format>(values, weights, count, blocks);
    case BlockType::FP8:
        return encode_all<BlockFP8, FP8Format>(values, weights, count, blocks);
    default: // encodable() says no
        return;
    }
}

} // namespace

const RowCoder kRowCoder{encode_blocks, decode_16, encode_16};

} // namespace switchyard::SWITCHYARD_ISA
