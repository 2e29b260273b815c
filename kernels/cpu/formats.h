// Unpacking panels to 8-bit integers in x86 vectors: one Format a block type.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/panels.h"
#include "kernels/grids.h"

#include <immintrin.h>

namespace switchyard::cpu {
namespace {

inline __m256i load(const void* p) {
    __m256i bytes = _mm256_loadu_si256(static_cast<const __m256i*>(p));
    asm("" : "+x"(bytes)); // else what is used twice is read twice, and reading is what products wait for
    return bytes;
}
inline __m256 load_halves(const Half* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i load_bytes_signed(const std::int8_t* p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i load_bytes(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i low_halves(__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(0x0f)); }
inline __m256i high_halves(__m256i v) { return low_halves(_mm256_srli_epi16(v, 4)); }

// A format gives, for sub-block `sub` of a panel's struct, the weights of groups v and v + 4,
// their scale and minimum by row. Its constants: how far the stored weights are above the true ones (as a
// shift), whether they are signed, how many bits they have, whether there is a minimum, and whether each 16
// columns have a scale (and minimum) of their own.

struct Pair {
    __m256i low, high; ///< groups v and v + 4
};

template <BlockType>
struct Format;

/// What the formats of 32 columns with one scale have in common.
template <class P>
struct SimpleFormat {
    using Panel = P;
    static constexpr int kSubs = 1;
    static constexpr bool kSigned = false, kMin = false, kHalves = false;
    const Panel& p;
    explicit SimpleFormat(const Panel& panel) : p(panel) {}
    __m256 scale(int) const { return load_halves(p.d); }
};

template <>
struct Format<BlockType::Q8_0> : SimpleFormat<PanelQ8_0> {
    using SimpleFormat::SimpleFormat;
    static constexpr int kOffsetShift = 0, kBits = 8;
    static constexpr bool kSigned = true;
    Pair weights(int, int v) const { return {load(p.q[v]), load(p.q[v + 4])}; }
};

template <class P>
struct NibbleFormat : SimpleFormat<P> {
    using SimpleFormat<P>::SimpleFormat;
    static constexpr int kBits = 4;
    Pair weights(int, int v) const {
        const __m256i q = load(this->p.q[v]);
        return {low_halves(q), high_halves(q)};
    }
};

template <>
struct Format<BlockType::Q4_0> : NibbleFormat<PanelQ4_0> {
    using NibbleFormat::NibbleFormat;
    static constexpr int kOffsetShift = 3;
};

template <>
struct Format<BlockType::Q4_1> : NibbleFormat<PanelQ4_1> {
    using NibbleFormat::NibbleFormat;
    static constexpr int kOffsetShift = 0;
    static constexpr bool kMin = true;
    __m256 min(int) const { return load_halves(p.m); }
};

/// Groups v and v + 4: bits v and v + 4 of `fifth` above the nibbles.
inline Pair five_bits(const void* nibbles, const void* fifth, int v) {
    const __m256i q = load(nibbles), bits = load(fifth), bit = _mm256_set1_epi8(0x10);
    const __m256i low = _mm256_and_si256(_mm256_slli_epi16(bits, 4 - v), bit);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bits, v), bit);
    return {_mm256_or_si256(low_halves(q), low), _mm256_or_si256(high_halves(q), high)};
}

template <class P>
struct FiveBitFormat : SimpleFormat<P> {
    using SimpleFormat<P>::SimpleFormat;
    static constexpr int kBits = 5;
    Pair weights(int, int v) const { return five_bits(this->p.q[v], this->p.high, v); }
};

template <>
struct Format<BlockType::Q5_0> : FiveBitFormat<PanelQ5_0> {
    using FiveBitFormat::FiveBitFormat;
    static constexpr int kOffsetShift = 4;
};

template <>
struct Format<BlockType::Q5_1> : FiveBitFormat<PanelQ5_1> {
    using FiveBitFormat::FiveBitFormat;
    static constexpr int kOffsetShift = 0;
    static constexpr bool kMin = true;
    __m256 min(int) const { return load_halves(p.m); }
};

/// Levels by nibble, for shuffles within 128 bits.
inline __m256i levels(const std::int8_t (&level)[16]) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(level)));
}
inline Pair level_pair(__m256i levels, const void* nibbles) {
    const __m256i q = load(nibbles);
    return {_mm256_shuffle_epi8(levels, low_halves(q)), _mm256_shuffle_epi8(levels, high_halves(q))};
}

template <>
struct Format<BlockType::IQ4_NL> : SimpleFormat<PanelIQ4_NL> {
    using SimpleFormat::SimpleFormat;
    static constexpr int kOffsetShift = 0, kBits = 8;
    static constexpr bool kSigned = true;
    Pair weights(int, int v) const { return level_pair(levels(kLevels4), p.q[v]); }
};

template <>
struct Format<BlockType::MXFP4> : SimpleFormat<PanelMXFP4> {
    using SimpleFormat::SimpleFormat;
    static constexpr int kOffsetShift = 0, kBits = 5;
    static constexpr bool kSigned = true;
    Pair weights(int, int v) const { return level_pair(levels(kLevelsE2M1), p.q[v]); }
    __m256 scale(int) const { // as mxfp4_scale()
        const __m256i e = load_bytes(p.e), one = _mm256_set1_epi32(1);
        const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, one), 23);
        const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
        return _mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, _mm256_cmpgt_epi32(e, one)));
    }
};

/// What the super-blocks with a minimum per 32 columns have in common.
template <class P>
struct AffineFormat {
    using Panel = P;
    static constexpr int kSubs = 8, kOffsetShift = 0;
    static constexpr bool kSigned = false, kMin = true, kHalves = false;
    const Panel& p;
    __m256 d, m;
    explicit AffineFormat(const Panel& panel) : p(panel), d(load_halves(panel.d)), m(load_halves(panel.m)) {}
    __m256 scale(int sub) const { return _mm256_mul_ps(d, _mm256_cvtepi32_ps(load_bytes(p.sub[sub].scale))); }
    __m256 min(int sub) const { return _mm256_mul_ps(m, negative(load_bytes(p.sub[sub].min))); }
    static __m256 negative(__m256i v) {
        return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_setzero_si256(), v));
    }
};

template <>
struct Format<BlockType::Q4_K> : AffineFormat<PanelQ4_K> {
    using AffineFormat::AffineFormat;
    static constexpr int kBits = 4;
    Pair weights(int sub, int v) const {
        const __m256i q = load(p.sub[sub].q[v]);
        return {low_halves(q), high_halves(q)};
    }
};

template <>
struct Format<BlockType::Q5_K> : AffineFormat<PanelQ5_K> {
    using AffineFormat::AffineFormat;
    static constexpr int kBits = 5;
    Pair weights(int sub, int v) const { return five_bits(p.sub[sub].q[v], p.sub[sub].high, v); }
};

template <>
struct Format<BlockType::Q6_K> {
    using Panel = PanelQ6_K;
    static constexpr int kSubs = 8, kOffsetShift = 5, kBits = 6;
    static constexpr bool kSigned = false, kMin = false, kHalves = true;
    const Panel& p;
    __m256 d;
    explicit Format(const Panel& panel) : p(panel), d(load_halves(panel.d)) {}
    Pair weights(int sub, int v) const {
        const __m256i q = load(p.sub[sub].q[v]), two = _mm256_set1_epi8(0x30);
        const auto bits = [&](int half) { // bits 2 v, 2 v + 1 to 4, 5
            const __m256i h = load(p.sub[sub].high[half]);
            return v < 2 ? _mm256_slli_epi16(h, 4 - 2 * v) : _mm256_srli_epi16(h, 2 * v - 4);
        };
        return {_mm256_or_si256(low_halves(q), _mm256_and_si256(bits(0), two)),
                _mm256_or_si256(high_halves(q), _mm256_and_si256(bits(1), two))};
    }
    __m256 scale(int) const { return d; }
    __m256 half_scale(int sub, int half) const {
        return _mm256_cvtepi32_ps(load_bytes_signed(p.sub[sub].scale[half]));
    }
};

/// Pairs of bits of groups v and v + 4.
inline Pair two_bits(const PanelPairs& q, int v) {
    const __m256i three = _mm256_set1_epi8(3);
    return {_mm256_and_si256(_mm256_srli_epi16(load(q[0]), 2 * v), three),
            _mm256_and_si256(_mm256_srli_epi16(load(q[1]), 2 * v), three)};
}

template <>
struct Format<BlockType::Q3_K> {
    using Panel = PanelQ3_K;
    static constexpr int kSubs = 8, kOffsetShift = 2, kBits = 3;
    static constexpr bool kSigned = false, kMin = false, kHalves = true;
    const Panel& p;
    __m256 d;
    explicit Format(const Panel& panel) : p(panel), d(load_halves(panel.d)) {}
    Pair weights(int sub, int v) const {
        const Pair low = two_bits(p.sub[sub].q, v);
        const __m256i bits = load(p.sub[sub].high), four = _mm256_set1_epi8(4);
        const __m256i first = v < 2 ? _mm256_slli_epi16(bits, 2 - v) : _mm256_srli_epi16(bits, v - 2);
        const __m256i second = _mm256_srli_epi16(bits, v + 2); // bit v + 4 to bit 2
        return {_mm256_or_si256(low.low, _mm256_and_si256(first, four)),
                _mm256_or_si256(low.high, _mm256_and_si256(second, four))};
    }
    __m256 scale(int) const { return d; }
    __m256 half_scale(int sub, int half) const {
        return _mm256_cvtepi32_ps(load_bytes_signed(p.sub[sub].scale[half]));
    }
};

template <>
struct Format<BlockType::Q2_K> {
    using Panel = PanelQ2_K;
    static constexpr int kSubs = 8, kOffsetShift = 0, kBits = 2;
    static constexpr bool kSigned = false, kMin = true, kHalves = true;
    const Panel& p;
    __m256 d, m;
    explicit Format(const Panel& panel) : p(panel), d(load_halves(panel.d)), m(load_halves(panel.m)) {}
    Pair weights(int sub, int v) const { return two_bits(p.sub[sub].q, v); }
    __m256 scale(int) const { return d; }
    __m256 half_scale(int sub, int half) const {
        const __m256i packed = load_bytes(p.sub[sub].scale_min[half]);
        return _mm256_cvtepi32_ps(_mm256_and_si256(packed, _mm256_set1_epi32(15)));
    }
    __m256 half_min(int sub, int half) const {
        const __m256i min = _mm256_srli_epi32(load_bytes(p.sub[sub].scale_min[half]), 4);
        return _mm256_mul_ps(m, _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_setzero_si256(), min)));
    }
};

template <>
struct Format<BlockType::IQ4_XS> {
    using Panel = PanelIQ4_XS;
    static constexpr int kSubs = 8, kOffsetShift = 0, kBits = 8;
    static constexpr bool kSigned = true, kMin = false, kHalves = false;
    const Panel& p;
    __m256 d;
    explicit Format(const Panel& panel) : p(panel), d(load_halves(panel.d)) {}
    Pair weights(int sub, int v) const { return level_pair(levels(kLevels4), p.sub[sub].q[v]); }
    __m256 scale(int sub) const {
        return _mm256_mul_ps(d, _mm256_cvtepi32_ps(load_bytes_signed(p.sub[sub].scale)));
    }
};

} // namespace
} // namespace switchyard::cpu
