// Unpacking panels to 8-bit integers in x86 vectors: one Format a block type.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/panels.h"

#include <immintrin.h>

namespace switchyard::cpu {
namespace {

inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
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
// shift), whether they are signed, whether there is a minimum, and whether each 16 columns have a scale of
// their own.

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
    static constexpr int kOffsetShift = 0;
    static constexpr bool kSigned = true;
    Pair weights(int, int v) const { return {load(p.q[v]), load(p.q[v + 4])}; }
};

template <class P>
struct NibbleFormat : SimpleFormat<P> {
    using SimpleFormat<P>::SimpleFormat;
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

template <class P>
struct FiveBitFormat : SimpleFormat<P> {
    using SimpleFormat<P>::SimpleFormat;
    Pair weights(int, int v) const {
        const __m256i q = load(this->p.q[v]), bits = load(this->p.high), bit = _mm256_set1_epi8(0x10);
        const __m256i low = _mm256_and_si256(_mm256_slli_epi16(bits, 4 - v), bit);
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bits, v), bit);
        return {_mm256_or_si256(low_halves(q), low), _mm256_or_si256(high_halves(q), high)};
    }
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

template <>
struct Format<BlockType::Q4_K> {
    using Panel = PanelQ4_K;
    static constexpr int kSubs = 8, kOffsetShift = 0;
    static constexpr bool kSigned = false, kMin = true, kHalves = false;
    const Panel& p;
    __m256 d, m;
    explicit Format(const Panel& panel) : p(panel), d(load_halves(panel.d)), m(load_halves(panel.m)) {}
    Pair weights(int sub, int v) const {
        const __m256i q = load(p.sub[sub].q[v]);
        return {low_halves(q), high_halves(q)};
    }
    __m256 scale(int sub) const { return _mm256_mul_ps(d, _mm256_cvtepi32_ps(load_bytes(p.sub[sub].scale))); }
    __m256 min(int sub) const {
        const __m256i negative = _mm256_sub_epi32(_mm256_setzero_si256(), load_bytes(p.sub[sub].min));
        return _mm256_mul_ps(m, _mm256_cvtepi32_ps(negative));
    }
};

template <>
struct Format<BlockType::Q6_K> {
    using Panel = PanelQ6_K;
    static constexpr int kSubs = 8, kOffsetShift = 5;
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

} // namespace
} // namespace switchyard::cpu
