// Decoding the formats with blocks of 32 values.
#include "engine/quant/decode_blocks.h"
#include "engine/quant/quant.h"
#include "kernels/grids.h"

#include <cstring>

namespace switchyard {

namespace {

/// The 32 five-bit values of a Q5_0 or Q5_1 block.
void five_bits(const std::uint8_t* qh, const std::uint8_t* q, int* out) {
    std::uint32_t high;
    std::memcpy(&high, qh, sizeof high);
    for (int i = 0; i < 16; ++i) {
        out[i] = static_cast<int>((q[i] & 15u) | (high >> i & 1u) << 4);
        out[i + 16] = static_cast<int>((q[i] >> 4) | (high >> (i + 16) & 1u) << 4);
    }
}

} // namespace

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

void decode(const BlockMXFP4& b, float* out) {
    const float d = mxfp4_scale(b.e);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * static_cast<float>(kLevelsE2M1[b.q[i] & 15]);
        out[i + 16] = d * static_cast<float>(kLevelsE2M1[b.q[i] >> 4]);
    }
}

void decode(const BlockIQ4_NL& b, float* out) {
    const float d = half_to_float(b.d);
    for (int i = 0; i < 16; ++i) {
        out[i] = d * static_cast<float>(kLevels4[b.q[i] & 15]);
        out[i + 16] = d * static_cast<float>(kLevels4[b.q[i] >> 4]);
    }
}

} // namespace switchyard
