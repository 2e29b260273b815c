// Reading blocks for streamed products: scales for all instruction sets, columns for the scalar twin.
#include "kernels/cpu/streamed.h"

#include "kernels/cpu/half.h"
#include "kernels/grids.h"

#include <bit>
#include <cstring>

namespace switchyard::cpu {
namespace {

int nibble(const std::uint8_t* packed, int i) { return packed[i / 2] >> (i % 2 * 4) & 15; }

/// The scale of an odd number: 2 n + 1.
std::int8_t odd(unsigned n) { return static_cast<std::int8_t>(2 * n + 1); }

/// Seven sign bits stand for eight: the number of minus signs is even.
unsigned eight_signs(unsigned seven) {
    return seven | (static_cast<unsigned>(std::popcount(seven)) & 1u) << 7;
}

/// Values of a grid, negated where bit i of `signs` is set.
template <std::size_t kValues>
void put(const std::array<std::int8_t, kValues>& entry, unsigned signs, std::int8_t* q) {
    for (std::size_t i = 0; i < kValues; ++i) {
        q[i] = static_cast<std::int8_t>(signs >> i & 1u ? -entry[i] : entry[i]);
    }
}

/// Eight times a ternary value moved by an eighth.
void put_shifted(const std::array<std::int8_t, 8>& entry, bool minus, std::int8_t* q) {
    for (std::size_t i = 0; i < 8; ++i) {
        q[i] = static_cast<std::int8_t>(8 * entry[i] + (minus ? -1 : 1));
    }
}

// ---- Columns

void columns(const BlockIQ3_S& b, int sub, std::int8_t* q) {
    for (int g = 0; g < 8; ++g) {
        const std::size_t index = b.q[sub * 8 + g] | (b.qh[sub] >> g & 1u) << 8;
        put(kGrid3S[index], static_cast<unsigned>(b.signs[sub * 4 + g / 2]) >> (g % 2 * 4), q + g * 4);
    }
}

void columns(const BlockIQ3_XXS& b, int sub, std::int8_t* q) {
    for (int g = 0; g < 8; ++g) {
        const unsigned signs = eight_signs(b.signs_scale[sub] >> (g / 2 * 7) & 127u);
        put(kGrid3Xxs[b.q[sub * 8 + g]], signs >> (g % 2 * 4), q + g * 4);
    }
}

void columns(const BlockIQ2_S& b, int sub, std::int8_t* q) {
    for (int g = 0; g < 4; ++g) {
        const std::size_t index = b.q[sub * 4 + g] | (b.qh[sub] >> (g * 2) & 3u) << 8;
        put(kGrid2S[index], b.signs[sub * 4 + g], q + g * 8);
    }
}

void columns(const BlockIQ2_XS& b, int sub, std::int8_t* q) {
    for (int g = 0; g < 4; ++g) {
        const unsigned packed = b.q[sub * 4 + g];
        put(kGrid2Xs[packed & 511u], eight_signs(packed >> 9), q + g * 8);
    }
}

void columns(const BlockIQ2_XXS& b, int sub, std::int8_t* q) {
    for (int g = 0; g < 4; ++g) {
        put(kGrid2Xxs[b.sub[sub].q[g]], eight_signs(b.sub[sub].signs_scale >> (g * 7) & 127u), q + g * 8);
    }
}

void columns(const BlockIQ1_M& b, int sub, std::int8_t* q) {
    for (int g = 0; g < 4; ++g) {
        const unsigned high = static_cast<unsigned>(nibble(b.qh, sub * 4 + g));
        put_shifted(kGrid1[b.q[sub * 4 + g] | (high & 7u) << 8], (high & 8u) != 0, q + g * 8);
    }
}

void columns(const BlockIQ1_S& b, int sub, std::int8_t* q) {
    const unsigned high = b.qh[sub];
    for (int g = 0; g < 4; ++g) {
        put_shifted(kGrid1[b.q[sub * 4 + g] | (high >> (g * 3) & 7u) << 8], (high & 0x8000u) != 0, q + g * 8);
    }
}

void columns(const BlockTQ2_0& b, int sub, std::int8_t* q) {
    for (int i = 0; i < 32; ++i) {
        q[i] = static_cast<std::int8_t>((b.q[sub / 4 * 32 + i] >> (sub % 4 * 2) & 3) - 1);
    }
}

/// Digit `n` of a byte that is a fraction of 256 in base 3, less one.
std::int8_t digit(std::uint8_t byte, int n) {
    static constexpr std::uint8_t kPower[5] = {1, 3, 9, 27, 81};
    const auto shifted = static_cast<std::uint8_t>(byte * kPower[n]);
    return static_cast<std::int8_t>((shifted * 3 >> 8) - 1);
}

void columns(const BlockTQ1_0& b, int sub, std::int8_t* q) {
    for (int i = 0; i < 32; ++i) {
        const int at = 32 * sub + i;
        if (at < 160) { // five digits of 32 bytes
            q[i] = digit(b.q[at % 32], at / 32);
        } else if (at < 240) { // five digits of 16 bytes
            q[i] = digit(b.q[32 + at % 16], (at - 160) / 16);
        } else { // four digits of 4 bytes
            q[i] = digit(b.qh[at % 4], (at - 240) / 4);
        }
    }
}

void columns(const BlockQ8_K& b, int sub, std::int8_t* q) { std::memcpy(q, b.q + 32 * sub, 32); }

template <class Block>
void read_columns(const std::byte* block, int sub, std::int8_t (&q)[32], StreamedScales& scales) {
    const auto& b = *reinterpret_cast<const Block*>(block);
    columns(b, sub, q);
    read_scales(b, scales);
}

} // namespace

// ---- Scales

void read_scales(const BlockIQ3_S& b, StreamedScales& out) {
    out.d = half_value(b.d);
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(static_cast<unsigned>(nibble(b.scales, i / 2)));
    }
}

void read_scales(const BlockIQ3_XXS& b, StreamedScales& out) {
    out.d = half_value(b.d) * 0.25f;
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(b.signs_scale[i / 2] >> 28);
    }
}

void read_scales(const BlockIQ2_S& b, StreamedScales& out) {
    out.d = half_value(b.d) * 0.125f;
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(static_cast<unsigned>(nibble(b.scales, i)));
    }
}

void read_scales(const BlockIQ2_XS& b, StreamedScales& out) {
    out.d = half_value(b.d) * 0.125f;
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(static_cast<unsigned>(nibble(b.scales, i)));
    }
}

void read_scales(const BlockIQ2_XXS& b, StreamedScales& out) {
    out.d = half_value(b.d) * 0.125f;
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(b.sub[i / 2].signs_scale >> 28);
    }
}

void read_scales(const BlockIQ1_M& b, StreamedScales& out) {
    unsigned half = 0;
    for (int i = 0; i < 4; ++i) {
        half |= static_cast<unsigned>(b.scales[i] >> 12) << (4 * i);
    }
    out.d = half_value(static_cast<Half>(half)) * 0.125f; // the values are in eighths
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(b.scales[i / 4] >> (i % 4 * 3) & 7u);
    }
}

void read_scales(const BlockIQ1_S& b, StreamedScales& out) {
    out.d = half_value(b.d) * 0.125f;
    for (int i = 0; i < 16; ++i) {
        out.scale[i] = odd(b.qh[i / 2] >> 12 & 7u);
    }
}

void read_scales(const BlockTQ2_0& b, StreamedScales& out) {
    out.d = half_value(b.d);
    std::memset(out.scale, 1, sizeof out.scale);
}

void read_scales(const BlockTQ1_0& b, StreamedScales& out) {
    out.d = half_value(b.d);
    std::memset(out.scale, 1, sizeof out.scale);
}

void read_scales(const BlockQ8_K& b, StreamedScales& out) {
    out.d = b.d;
    std::memset(out.scale, 1, sizeof out.scale);
}

StreamedColumns streamed_columns(BlockType type) {
    switch (type) {
    case BlockType::IQ3_S:
        return read_columns<BlockIQ3_S>;
    case BlockType::IQ3_XXS:
        return read_columns<BlockIQ3_XXS>;
    case BlockType::IQ2_S:
        return read_columns<BlockIQ2_S>;
    case BlockType::IQ2_XS:
        return read_columns<BlockIQ2_XS>;
    case BlockType::IQ2_XXS:
        return read_columns<BlockIQ2_XXS>;
    case BlockType::IQ1_M:
        return read_columns<BlockIQ1_M>;
    case BlockType::IQ1_S:
        return read_columns<BlockIQ1_S>;
    case BlockType::TQ2_0:
        return read_columns<BlockTQ2_0>;
    case BlockType::TQ1_0:
        return read_columns<BlockTQ1_0>;
    case BlockType::Q8_K:
        return read_columns<BlockQ8_K>;
    default:
        return nullptr;
    }
}

bool streamed(BlockType type) { return streamed_columns(type) != nullptr; }

} // namespace switchyard::cpu
