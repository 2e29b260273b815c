// Decoding the formats that take whole vectors from a grid.
#include "engine/quant/decode_blocks.h"
#include "engine/quant/quant.h"
#include "kernels/grids.h"

#include <bit>

namespace switchyard {

namespace {

/// Seven sign bits stand for eight: the number of minus signs is even.
unsigned eight_signs(unsigned seven) {
    return seven | (static_cast<unsigned>(std::popcount(seven)) & 1u) << 7;
}

/// out[i] = scale * entry[i], negated where bit i of `signs` is set.
template <std::size_t kValues>
void put(const std::array<std::int8_t, kValues>& entry, float scale, unsigned signs, float* out) {
    for (std::size_t i = 0; i < kValues; ++i) {
        const float value = scale * static_cast<float>(entry[i]);
        out[i] = signs >> i & 1u ? -value : value;
    }
}

int nibble(const std::uint8_t* packed, int i) { return packed[i / 2] >> (i % 2 * 4) & 15; }

/// scale * (entry + shift), shift being an eighth with the sign that `minus` says.
void put_shifted(const std::array<std::int8_t, 8>& entry, float scale, bool minus, float* out) {
    const float shift = minus ? -0.125f : 0.125f;
    for (int i = 0; i < 8; ++i) {
        out[i] = scale * (static_cast<float>(entry[static_cast<std::size_t>(i)]) + shift);
    }
}

} // namespace

void decode(const BlockIQ3_S& b, float* out) {
    const float d = half_to_float(b.d);
    for (int g = 0; g < 64; ++g) { // groups of 4 values
        const float scale = d * static_cast<float>(1 + 2 * nibble(b.scales, g / 8));
        const std::size_t index = b.q[g] | (b.qh[g / 8] >> (g % 8) & 1u) << 8;
        put(kGrid3S[index], scale, static_cast<unsigned>(b.signs[g / 2]) >> (g % 2 * 4), out + g * 4);
    }
}

void decode(const BlockIQ3_XXS& b, float* out) {
    const float d = half_to_float(b.d);
    for (int g = 0; g < 64; ++g) {
        const std::uint32_t packed = b.signs_scale[g / 8];
        const float scale = d * (0.5f + static_cast<float>(packed >> 28)) * 0.5f;
        const unsigned signs = eight_signs(packed >> (g % 8 / 2 * 7) & 127u);
        put(kGrid3Xxs[b.q[g]], scale, signs >> (g % 2 * 4), out + g * 4);
    }
}

void decode(const BlockIQ2_S& b, float* out) {
    const float d = half_to_float(b.d);
    for (int g = 0; g < 32; ++g) { // groups of 8 values
        const float scale = d * (0.5f + static_cast<float>(nibble(b.scales, g / 2))) * 0.25f;
        const std::size_t index = b.q[g] | (b.qh[g / 4] >> (g % 4 * 2) & 3u) << 8;
        put(kGrid2S[index], scale, b.signs[g], out + g * 8);
    }
}

void decode(const BlockIQ2_XS& b, float* out) {
    const float d = half_to_float(b.d);
    for (int g = 0; g < 32; ++g) {
        const float scale = d * (0.5f + static_cast<float>(nibble(b.scales, g / 2))) * 0.25f;
        const unsigned q = b.q[g];
        put(kGrid2Xs[q & 511u], scale, eight_signs(q >> 9), out + g * 8);
    }
}

void decode(const BlockIQ2_XXS& b, float* out) {
    const float d = half_to_float(b.d);
    for (int g = 0; g < 32; ++g) {
        const auto& sub = b.sub[g / 4];
        const std::uint32_t packed = sub.signs_scale;
        const float scale = d * (0.5f + static_cast<float>(packed >> 28)) * 0.25f;
        put(kGrid2Xxs[sub.q[g % 4]], scale, eight_signs(packed >> (g % 4 * 7) & 127u), out + g * 8);
    }
}

void decode(const BlockIQ1_M& b, float* out) {
    unsigned half = 0;
    for (int i = 0; i < 4; ++i) {
        half |= static_cast<unsigned>(b.scales[i] >> 12) << (4 * i);
    }
    const float d = half_to_float(static_cast<Half>(half));
    for (int g = 0; g < 32; ++g) {
        const int part = g / 2;
        const float scale = d * static_cast<float>(2 * (b.scales[part / 4] >> (part % 4 * 3) & 7) + 1);
        const unsigned high = b.qh[g / 2] >> (g % 2 * 4) & 15u;
        put_shifted(kGrid1[b.q[g] | (high & 7u) << 8], scale, (high & 8u) != 0, out + g * 8);
    }
}

void decode(const BlockIQ1_S& b, float* out) {
    const float d = half_to_float(b.d);
    for (int g = 0; g < 32; ++g) {
        const unsigned high = b.qh[g / 4];
        const float scale = d * static_cast<float>(2 * (high >> 12 & 7u) + 1);
        put_shifted(kGrid1[b.q[g] | (high >> (g % 4 * 3) & 7u) << 8], scale, (high & 0x8000u) != 0,
                    out + g * 8);
    }
}

} // namespace switchyard
