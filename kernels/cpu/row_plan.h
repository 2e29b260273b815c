// What products of rows (row_sums.h) read of 256 columns that choose from grids: where the entries are, the
// signs in the order in which columns are multiplied, and the scales.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/blocks.h"
#include "kernels/cpu/formats.h"

namespace switchyard::cpu {
namespace {

/// Columns go in pairs of sub-blocks of 32: vector e of pair p is columns [8 e, 8 e + 8) of sub-block 2 p,
/// then those of 2 p + 1.
struct RowPlan {
    alignas(32) std::uint16_t at[64];    ///< by column: where an entry begins in the grid, in 8 bytes
    alignas(32) std::uint16_t signs[16]; ///< [p][e]: a bit a column
};

/// By sub-block: scales, and for IQ1_S how much an eighth more or less is of them.
struct SubScales {
    __m256i scale, eighth = _mm256_setzero_si256();
};
/// By 16 columns: scales, and for IQ1_M whether its two entries are an eighth less (-1) or more (1).
struct HalfScales {
    __m128i scale, eighth[2] = {};
};

inline __m256i broadcast_eight(const void* p) {
    long long bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return _mm256_set1_epi64x(bits);
}
inline __m128i load_sixteen(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline __m256i words_of(const std::uint8_t* bytes) { return _mm256_cvtepu8_epi16(load_sixteen(bytes)); }
inline void put(std::uint16_t* to, __m256i v) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), v); }
inline __m256i twice(__m256i words) { return _mm256_add_epi16(words, words); }

/// 2 n + 1.
inline __m256i odd_scales(__m256i n) {
    return _mm256_add_epi32(_mm256_add_epi32(n, n), _mm256_set1_epi32(1));
}
inline __m128i odd_scales(__m128i bytes) {
    return _mm_add_epi8(_mm_add_epi8(bytes, bytes), _mm_set1_epi8(1));
}
/// 2 n + 1 of sixteen nibbles in a row.
inline __m128i odd_nibbles(const std::uint8_t (&packed)[8]) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(packed)), mask = _mm_set1_epi8(15);
    return odd_scales(
        _mm_unpacklo_epi8(_mm_and_si128(bytes, mask), _mm_and_si128(_mm_srli_epi16(bytes, 4), mask)));
}

/// A byte for each 8 columns in their order, to the plan's.
inline void put_signs(__m256i bytes, RowPlan& plan) {
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15));
    put(plan.signs, _mm256_shuffle_epi8(bytes, order));
}

/// Bytes of seven sign bits with the eighth, which makes the number of minus signs even.
inline __m256i with_eighth_sign(__m256i bytes) {
    constexpr char o = -128; // in the table: by nibble, whether its number of bits is odd
    const __m256i odd =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, o, o, 0, o, 0, 0, o, o, 0, 0, o, 0, o, o, 0));
    return _mm256_or_si256(bytes, _mm256_xor_si256(_mm256_shuffle_epi8(odd, low_halves(bytes)),
                                                   _mm256_shuffle_epi8(odd, high_halves(bytes))));
}

/// Four times seven bits of each 32-bit lane, a byte each.
inline __m256i seven_bits(__m256i v) {
    const auto part = [](__m256i bits, int mask) { return _mm256_and_si256(bits, _mm256_set1_epi32(mask)); };
    const __m256i low = _mm256_or_si256(part(v, 0x7f), part(_mm256_slli_epi32(v, 1), 0x7f00));
    return _mm256_or_si256(low, _mm256_or_si256(part(_mm256_slli_epi32(v, 2), 0x7f0000),
                                                part(_mm256_slli_epi32(v, 3), 0x7f000000)));
}

/// Each of eight bytes, two from the byte `first` of either half of `bytes` on, in a number of words.
template <int kWords>
inline __m256i spread(__m256i bytes, int first) {
    constexpr int kStep = 8 / kWords; // bytes in each half of the vector
    const __m256i word = _mm256_srli_epi16(
        _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), kStep == 1 ? 3 : 2);
    const __m256i from = _mm256_or_si256(_mm256_add_epi16(word, _mm256_set1_epi16(static_cast<short>(first))),
                                         _mm256_set1_epi16(static_cast<short>(0x8000)));
    return _mm256_shuffle_epi8(bytes, from);
}

inline SubScales prepare(const BlockIQ3_S& b, RowPlan& plan) {
    const __m256i high = broadcast_eight(b.qh);
    const __m256i powers = _mm256_broadcastsi128_si256(_mm_setr_epi16(256, 128, 64, 32, 16, 8, 4, 2));
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) { // bit g of byte sub: bit 8 of entry 8 sub + g
        const __m256i bits = _mm256_mullo_epi16(spread<8>(high, 2 * i), powers);
        put(plan.at + 16 * i,
            _mm256_or_si256(words_of(b.q + 16 * i), _mm256_and_si256(bits, _mm256_set1_epi16(0x100))));
    }
    put_signs(load(b.signs), plan);
    std::int32_t nibbles;
    __builtin_memcpy(&nibbles, b.scales, sizeof nibbles);
    const __m256i shifted =
        _mm256_srlv_epi32(_mm256_set1_epi32(nibbles), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
    return {odd_scales(_mm256_and_si256(shifted, _mm256_set1_epi32(15)))};
}

inline SubScales prepare(const BlockIQ3_XXS& b, RowPlan& plan) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        put(plan.at + 16 * i, words_of(b.q + 16 * i));
    }
    const __m256i signs_scale = load(b.signs_scale);
    put_signs(with_eighth_sign(seven_bits(signs_scale)), plan);
    return {odd_scales(_mm256_srli_epi32(signs_scale, 28))};
}

inline HalfScales prepare(const BlockIQ2_S& b, RowPlan& plan) {
    const __m256i high = broadcast_eight(b.qh);
    const __m256i powers = _mm256_set1_epi64x(0x0008'0020'0080'0200); // fields of two bits to bits 9 and 10
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
        const __m256i bits = _mm256_mullo_epi16(spread<4>(high, 4 * i), powers);
        put(plan.at + 16 * i,
            _mm256_or_si256(twice(words_of(b.q + 16 * i)), _mm256_and_si256(bits, _mm256_set1_epi16(0x600))));
    }
    put_signs(load(b.signs), plan);
    return {odd_nibbles(b.scales)};
}

inline HalfScales prepare(const BlockIQ2_XS& b, RowPlan& plan) {
    const __m256i q[] = {load(b.q), load(b.q + 16)};
    for (int i = 0; i < 2; ++i) {
        put(plan.at + 16 * i, _mm256_and_si256(twice(q[i]), _mm256_set1_epi16(1022)));
    }
    const __m256i signs = _mm256_packus_epi16(_mm256_srli_epi16(q[0], 9), _mm256_srli_epi16(q[1], 9));
    put_signs(with_eighth_sign(_mm256_permute4x64_epi64(signs, 0xd8)), plan);
    return {odd_nibbles(b.scales)};
}

inline SubScales prepare(const BlockIQ2_XXS& b, RowPlan& plan) {
    const __m256 first = _mm256_castsi256_ps(load(b.sub)), second = _mm256_castsi256_ps(load(b.sub + 4));
    const auto every_other = [](__m256 words) {
        return _mm256_permute4x64_epi64(_mm256_castps_si256(words), 0xd8);
    };
    const __m256i q = every_other(_mm256_shuffle_ps(first, second, 0x88));
    const __m256i signs_scale = every_other(_mm256_shuffle_ps(first, second, 0xdd));
    put(plan.at, twice(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(q))));
    put(plan.at + 16, twice(_mm256_cvtepu8_epi16(_mm256_extracti128_si256(q, 1))));
    put_signs(with_eighth_sign(seven_bits(signs_scale)), plan);
    return {odd_scales(_mm256_srli_epi32(signs_scale, 28))};
}

inline HalfScales prepare(const BlockIQ1_M& b, RowPlan& plan) {
    const __m128i high = load_sixteen(b.qh); // a nibble an entry: three bits of index, less or more
    const __m128i three = _mm_set1_epi8(7), second = _mm_srli_epi16(high, 4);
    const __m128i indices[] = {_mm_and_si128(high, three), _mm_and_si128(second, three)};
    const auto put_eight = [&](int first, __m128i words) {
        _mm_store_si128(reinterpret_cast<__m128i*>(plan.at + first), words);
    };
    for (int i = 0; i < 2; ++i) {
        const __m128i q = load_sixteen(b.q + 16 * i);
        const __m128i bits =
            i == 0 ? _mm_unpacklo_epi8(indices[0], indices[1]) : _mm_unpackhi_epi8(indices[0], indices[1]);
        put_eight(16 * i, _mm_unpacklo_epi8(q, bits));
        put_eight(16 * i + 8, _mm_unpackhi_epi8(q, bits));
    }
    // Three bits of a scale to the top of their words.
    const __m256i powers = _mm256_set1_epi64x(0x0010'0080'0400'2000);
    const __m256i order = _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5, 4, 5, 4, 5,
                                           4, 5, 6, 7, 6, 7, 6, 7, 6, 7);
    const __m256i scales = _mm256_srli_epi16(
        _mm256_mullo_epi16(_mm256_shuffle_epi8(broadcast_eight(b.scales), order), powers), 13);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(scales), _mm256_extracti128_si256(scales, 1));
    const auto less_or_more = [](__m128i nibbles) {
        const __m128i bit = _mm_set1_epi8(8);
        return _mm_or_si128(_mm_cmpeq_epi8(_mm_and_si128(nibbles, bit), bit), _mm_set1_epi8(1));
    };
    return {odd_scales(bytes), {less_or_more(high), less_or_more(second)}};
}

inline SubScales prepare(const BlockIQ1_S& b, RowPlan& plan) {
    const __m256i high = _mm256_broadcastsi128_si256(load_sixteen(b.qh));
    // Three bits each to bits 8 .. 10; of the fourth field's word only the upper byte.
    const __m256i powers = _mm256_set1_epi64x(0x0080'0004'0020'0100);
    const auto order = [](char sub) { // of two sub-blocks
        const char a = static_cast<char>(2 * sub), b1 = static_cast<char>(a + 1),
                   c = static_cast<char>(a + 2), d = static_cast<char>(a + 3);
        return _mm_setr_epi8(a, b1, a, b1, a, b1, b1, -128, c, d, c, d, c, d, d, -128);
    };
#pragma GCC unroll 2
    for (char i = 0; i < 2; ++i) {
        const __m256i both =
            _mm256_set_m128i(order(static_cast<char>(4 * i + 2)), order(static_cast<char>(4 * i)));
        const __m256i bits = _mm256_mullo_epi16(_mm256_shuffle_epi8(high, both), powers);
        put(plan.at + 16 * i,
            _mm256_or_si256(words_of(b.q + 16 * i), _mm256_and_si256(bits, _mm256_set1_epi16(0x700))));
    }
    const __m256i words = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(high));
    const __m256i scale = odd_scales(_mm256_and_si256(_mm256_srli_epi32(words, 12), _mm256_set1_epi32(7)));
    const __m256i sign = _mm256_or_si256(_mm256_slli_epi32(words, 16), _mm256_set1_epi32(1));
    return {scale, _mm256_sign_epi32(scale, sign)};
}

} // namespace
} // namespace switchyard::cpu
