// From the blocks of a file to their fields. `at` says which of the neighbours in a BlockFields a block of 32
// or 64 columns is.
#pragma once

#include "kernels/block_fields.h"
#include "kernels/k_scales.h"

namespace switchyard {

SWITCHYARD_ANYWHERE inline std::uint32_t load_word(const void* bytes) {
    std::uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/// Sixteen bytes of two nibbles: the low ones are the first 16 columns.
SWITCHYARD_ANYWHERE inline void load_nibbles32(const std::uint8_t* q, int first, BlockFields& f) {
    for (int i = 0; i < 16; i += 4) {
        const std::uint32_t word = load_word(q + i);
        set_code_word(f, first + i, word & 0x0f0f0f0fu);
        set_code_word(f, first + 16 + i, word >> 4 & 0x0f0f0f0fu);
    }
}
/// A bit each of four columns, from the low bits of `bits` to those of a word's bytes.
SWITCHYARD_ANYWHERE inline std::uint32_t spread_bits(std::uint32_t bits) {
    return (bits & 1u) | (bits & 2u) << 7 | (bits & 4u) << 14 | (bits & 8u) << 21;
}
SWITCHYARD_ANYWHERE inline void load_fifth_bits(const std::uint8_t* qh, int first, BlockFields& f) {
    const std::uint32_t bits = load_word(qh);
    for (int i = 0; i < 32; i += 4)
        set_code_word(f, first + i, code_word(f, first + i) | spread_bits(bits >> i) << 4);
}
SWITCHYARD_ANYWHERE inline void load_bytes(const void* q, int first, int count, BlockFields& f) {
    for (int i = 0; i < count; i += 4)
        set_code_word(f, first + i, load_word(static_cast<const std::uint8_t*>(q) + i));
}

SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ8_0& b, int at, BlockFields& f) {
    f.d[at] = b.d;
    load_bytes(b.q, 32 * at, 32, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockFP8& b, int at, BlockFields& f) {
    f.wide[at] = b.scale;
    load_bytes(b.q, 64 * at, 64, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ4_0& b, int at, BlockFields& f) {
    f.d[at] = b.d;
    load_nibbles32(b.q, 32 * at, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockIQ4_NL& b, int at, BlockFields& f) {
    f.d[at] = b.d;
    load_nibbles32(b.q, 32 * at, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockMXFP4& b, int at, BlockFields& f) {
    f.scales[at] = b.e;
    load_nibbles32(b.q, 32 * at, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ4_1& b, int at, BlockFields& f) {
    f.d[at] = b.d;
    f.m[at] = b.m;
    load_nibbles32(b.q, 32 * at, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ5_0& b, int at, BlockFields& f) {
    f.d[at] = b.d;
    load_nibbles32(b.q, 32 * at, f);
    load_fifth_bits(b.qh, 32 * at, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ5_1& b, int at, BlockFields& f) {
    f.d[at] = b.d;
    f.m[at] = b.m;
    load_nibbles32(b.q, 32 * at, f);
    load_fifth_bits(b.qh, 32 * at, f);
}

// ---- Super-blocks

/// 32 bytes hold two blocks of 32 columns, low nibbles and high ones. With `high_bits`, bit n of its byte i
/// is the fifth bit of column i of block n.
SWITCHYARD_ANYWHERE inline void load_k_codes(const std::uint8_t* q, const std::uint8_t* high_bits,
                                             BlockFields& f) {
    for (int c = 0; c < 256; c += 4) {
        std::uint32_t codes = load_word(q + c / 64 * 32 + c % 32) >> (c / 32 % 2 * 4) & 0x0f0f0f0fu;
        if (high_bits)
            codes |= (load_word(high_bits + c % 32) >> (c / 32) & 0x01010101u) << 4;
        set_code_word(f, c, codes);
    }
}
SWITCHYARD_ANYWHERE inline void load_k_scales(const std::uint8_t* scales, BlockFields& f) {
    for (int j = 0; j < 8; ++j) {
        const KScale s = k_scale(scales, j);
        f.scales[j] = static_cast<std::uint8_t>(s.scale);
        f.mins[j] = static_cast<std::uint8_t>(s.min);
    }
}
/// Two bits of four columns from `first` on: 32 bytes hold four blocks of 32 columns, one above the other.
SWITCHYARD_ANYWHERE inline std::uint32_t load_pairs(const std::uint8_t* pairs, int first) {
    return load_word(pairs + first / 128 * 32 + first % 32) >> (first / 32 % 4 * 2) & 0x03030303u;
}

SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ4_K& b, int, BlockFields& f) {
    f.d[0] = b.d;
    f.m[0] = b.dmin;
    load_k_scales(b.scales, f);
    load_k_codes(b.q, nullptr, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ5_K& b, int, BlockFields& f) {
    f.d[0] = b.d;
    f.m[0] = b.dmin;
    load_k_scales(b.scales, f);
    load_k_codes(b.q, b.qh, f);
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ6_K& b, int, BlockFields& f) {
    f.d[0] = b.d;
    for (int j = 0; j < 16; ++j)
        f.scales[j] = static_cast<std::uint8_t>(b.scales[j]);
    for (int c = 0; c < 256; c += 4) { // 128 columns share 64 bytes of ql: two blocks low, two high
        const std::uint32_t low = load_word(b.ql + c / 128 * 64 + c % 64) >> (c / 64 % 2 * 4) & 0x0f0f0f0fu;
        set_code_word(f, c, low | load_pairs(b.qh, c) << 4);
    }
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ3_K& b, int, BlockFields& f) {
    f.d[0] = b.d;
    for (int j = 0; j < 16; ++j)
        f.scales[j] = static_cast<std::uint8_t>(q3_scale(b.scales, j));
    for (int c = 0; c < 256; c += 4) {
        const std::uint32_t high = load_word(b.high + c % 32) >> (c / 32) & 0x01010101u;
        set_code_word(f, c, load_pairs(b.q, c) | high << 2);
    }
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockQ2_K& b, int, BlockFields& f) {
    f.d[0] = b.d;
    f.m[0] = b.dmin;
    for (int j = 0; j < 16; ++j) {
        f.scales[j] = static_cast<std::uint8_t>(b.scales[j] & 15);
        f.mins[j] = static_cast<std::uint8_t>(b.scales[j] >> 4);
    }
    for (int c = 0; c < 256; c += 4)
        set_code_word(f, c, load_pairs(b.q, c));
}
SWITCHYARD_ANYWHERE inline void load_fields(const BlockIQ4_XS& b, int, BlockFields& f) {
    f.d[0] = b.d;
    for (int j = 0; j < 8; ++j) {
        f.scales[j] = static_cast<std::uint8_t>((b.scales_low[j / 2] >> (j % 2 * 4) & 15) |
                                                (b.scales_high >> (2 * j) & 3) << 4);
        load_nibbles32(b.q + 16 * j, 32 * j, f);
    }
}

/// Calls use(Block()) with the struct of a packed type that has fields; of others it does not.
template <typename Use>
SWITCHYARD_ANYWHERE void with_block_of(BlockType type, const Use& use) {
    switch (type) {
    case BlockType::Q8_0:
        return use(BlockQ8_0());
    case BlockType::Q4_0:
        return use(BlockQ4_0());
    case BlockType::Q4_1:
        return use(BlockQ4_1());
    case BlockType::Q5_0:
        return use(BlockQ5_0());
    case BlockType::Q5_1:
        return use(BlockQ5_1());
    case BlockType::IQ4_NL:
        return use(BlockIQ4_NL());
    case BlockType::MXFP4:
        return use(BlockMXFP4());
    case BlockType::FP8:
        return use(BlockFP8());
    case BlockType::Q4_K:
        return use(BlockQ4_K());
    case BlockType::Q5_K:
        return use(BlockQ5_K());
    case BlockType::Q6_K:
        return use(BlockQ6_K());
    case BlockType::Q3_K:
        return use(BlockQ3_K());
    case BlockType::Q2_K:
        return use(BlockQ2_K());
    case BlockType::IQ4_XS:
        return use(BlockIQ4_XS());
    default:
        return;
    }
}

} // namespace switchyard
