// Block formats back to floats, with the operations in the order of the formats' definition, so that the
// result is the same bit for bit everywhere.
#include "engine/quant/quant.h"

#include "engine/base/error.h"
#include "engine/quant/k_scales.h"

#include <cstring>
#include <string>

namespace switchyard {

namespace {

void decode(const BlockQ8_0& b, float* out) {
    const float d = half_to_float(b.d);
    for (int i = 0; i < 32; ++i) {
        out[i] = static_cast<float>(b.q[i]) * d;
    }
}

void decode(const BlockQ4_0& b, float* out) {
    const float d = half_to_float(b.d);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * static_cast<float>((b.q[i] & 15) - 8);
        out[i + 16] = d * static_cast<float>((b.q[i] >> 4) - 8);
    }
}

void decode(const BlockQ4_1& b, float* out) {
    const float d = half_to_float(b.d), m = half_to_float(b.m);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * static_cast<float>(b.q[i] & 15) + m;
        out[i + 16] = d * static_cast<float>(b.q[i] >> 4) + m;
    }
}

/// The 32 five-bit values of a Q5_0 or Q5_1 block.
void five_bits(const std::uint8_t* qh, const std::uint8_t* q, int* out) {
    std::uint32_t high;
    std::memcpy(&high, qh, sizeof high);
    for (int i = 0; i < 16; ++i) {
        out[i] = static_cast<int>((q[i] & 15u) | (high >> i & 1u) << 4);
        out[i + 16] = static_cast<int>((q[i] >> 4) | (high >> (i + 16) & 1u) << 4);
    }
}

void decode(const BlockQ5_0& b, float* out) {
    const float d = half_to_float(b.d);
    int q[32];
    five_bits(b.qh, b.q, q);
    for (int i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(q[i] - 16);
    }
}

void decode(const BlockQ5_1& b, float* out) {
    const float d = half_to_float(b.d), m = half_to_float(b.m);
    int q[32];
    five_bits(b.qh, b.q, q);
    for (int i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(q[i]) + m;
    }
}

void decode(const BlockQ4_K& b, float* out) {
    const float d = half_to_float(b.d), dmin = half_to_float(b.dmin);
    for (int j = 0; j < 8; ++j) { // sub-blocks 2k and 2k+1 share 32 bytes: low and high nibbles
        const KScale s = k_scale(b.scales, j);
        const float scale = d * static_cast<float>(s.scale), min = dmin * static_cast<float>(s.min);
        const std::uint8_t* q = b.q + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; ++i) {
            out[j * 32 + i] = scale * static_cast<float>(q[i] >> shift & 15) - min;
        }
    }
}

void decode(const BlockQ6_K& b, float* out) {
    const float d = half_to_float(b.d);
    // Each half of 128 values is four runs of 32: run r takes its low nibbles from ql, its top two bits from
    // qh.
    for (int run = 0; run < 8; ++run) {
        const int half = run / 4, r = run % 4;
        const std::uint8_t* ql = b.ql + half * 64 + r % 2 * 32;
        const std::uint8_t* qh = b.qh + half * 32;
        for (int i = 0; i < 32; ++i) {
            const int q = (ql[i] >> (r / 2 * 4) & 15) | (qh[i] >> (2 * r) & 3) << 4;
            const float scale = d * static_cast<float>(b.scales[run * 2 + i / 16]);
            out[run * 32 + i] = scale * static_cast<float>(q - 32);
        }
    }
}

template <typename Block, int kValues>
void decode_blocks(const std::byte* blocks, std::span<float> out) {
    const auto* b = reinterpret_cast<const Block*>(blocks); // packed structs: no alignment needed
    for (std::size_t i = 0; i * kValues < out.size(); ++i) {
        decode(b[i], out.data() + i * kValues);
    }
}

template <typename Convert>
void decode_16(const std::byte* in, std::span<float> out, Convert convert) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, in + i * 2, sizeof bits);
        out[i] = convert(bits);
    }
}

} // namespace

void decode_row(BlockType type, const std::byte* blocks, std::span<float> out) {
    switch (type) {
    case BlockType::F32:
        std::memcpy(out.data(), blocks, out.size_bytes());
        return;
    case BlockType::F16:
        return decode_16(blocks, out, half_to_float);
    case BlockType::BF16:
        return decode_16(blocks, out, bf16_to_float);
    case BlockType::Q8_0:
        return decode_blocks<BlockQ8_0, 32>(blocks, out);
    case BlockType::Q4_0:
        return decode_blocks<BlockQ4_0, 32>(blocks, out);
    case BlockType::Q4_1:
        return decode_blocks<BlockQ4_1, 32>(blocks, out);
    case BlockType::Q5_0:
        return decode_blocks<BlockQ5_0, 32>(blocks, out);
    case BlockType::Q5_1:
        return decode_blocks<BlockQ5_1, 32>(blocks, out);
    case BlockType::Q4_K:
        return decode_blocks<BlockQ4_K, 256>(blocks, out);
    case BlockType::Q6_K:
        return decode_blocks<BlockQ6_K, 256>(blocks, out);
    }
    throw Error("cannot decode " + std::string(traits(type).name));
}

} // namespace switchyard
