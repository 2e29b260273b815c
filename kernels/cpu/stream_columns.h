// Unpacking the blocks of streamed types to 8-bit integers in x86 vectors, 32 columns of a row at a time; the
// twin of the columns in streamed.cpp.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/streamed.h"
#include "kernels/grids.h"

#include <immintrin.h>

namespace switchyard::cpu {
namespace {

inline std::uint32_t load_word(const void* p) {
    std::uint32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

/// Four entries of a grid of eights.
template <std::size_t kEntries>
inline __m256i four_entries(const Grid<kEntries, 8>& grid, unsigned a, unsigned b, unsigned c, unsigned d) {
    const auto entry = [&grid](unsigned i) {
        long long bits;
        __builtin_memcpy(&bits, &grid[i], sizeof bits);
        return bits;
    };
    return _mm256_setr_epi64x(entry(a), entry(b), entry(c), entry(d));
}

/// Eight entries of a grid of fours, by 32-bit lanes.
template <std::size_t kEntries>
inline __m256i eight_entries(const Grid<kEntries, 4>& grid, __m256i index) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(&grid), index, 4);
}

inline __m256i eight_bytes(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

/// All bits of byte i set where bit i of `bits` is.
inline __m256i byte_mask(std::uint32_t bits) {
    const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i one = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), spread);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, one), one);
}

/// Negated where bit i of `signs` is set.
inline __m256i with_signs(__m256i values, std::uint32_t signs) {
    const __m256i mask = byte_mask(signs);
    return _mm256_sub_epi8(_mm256_xor_si256(values, mask), mask);
}

/// Bytes of seven sign bits each, with the eighth that makes their number even.
inline std::uint32_t even_signs(std::uint32_t bytes) {
    std::uint32_t odd = bytes ^ (bytes >> 4 & 0x0f0f0f0fu);
    odd ^= odd >> 2 & 0x03030303u;
    odd ^= odd >> 1 & 0x01010101u;
    return bytes | (odd & 0x01010101u) << 7;
}

/// Four times seven bits in a row to a byte each.
inline std::uint32_t sevens(std::uint32_t bits) {
    return (bits & 0x7fu) | (bits & 0x3f80u) << 1 | (bits & 0x1fc000u) << 2 | (bits & 0xfe00000u) << 3;
}

inline __m256i columns(const BlockIQ3_S& b, int sub) {
    const __m256i bit = _mm256_set1_epi32(1), shifts = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i high = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(b.qh[sub]), shifts), bit);
    const __m256i index = _mm256_or_si256(eight_bytes(b.q + sub * 8), _mm256_slli_epi32(high, 8));
    return with_signs(eight_entries(kGrid3S, index), load_word(b.signs + sub * 4));
}

inline __m256i columns(const BlockIQ3_XXS& b, int sub) {
    const __m256i values = eight_entries(kGrid3Xxs, eight_bytes(b.q + sub * 8));
    return with_signs(values, even_signs(sevens(b.signs_scale[sub])));
}

inline __m256i columns(const BlockIQ2_S& b, int sub) {
    const std::uint8_t* q = b.q + sub * 4;
    const unsigned high = b.qh[sub];
    const __m256i values = four_entries(kGrid2S, q[0] | (high & 3u) << 8, q[1] | (high & 12u) << 6,
                                        q[2] | (high & 48u) << 4, q[3] | (high & 192u) << 2);
    return with_signs(values, load_word(b.signs + sub * 4));
}

inline __m256i columns(const BlockIQ2_XS& b, int sub) {
    const std::uint16_t* q = b.q + sub * 4;
    const unsigned q0 = q[0], q1 = q[1], q2 = q[2], q3 = q[3];
    const std::uint32_t signs = q0 >> 9 | q1 >> 9 << 8 | q2 >> 9 << 16 | q3 >> 9 << 24;
    return with_signs(four_entries(kGrid2Xs, q0 & 511u, q1 & 511u, q2 & 511u, q3 & 511u), even_signs(signs));
}

inline __m256i columns(const BlockIQ2_XXS& b, int sub) {
    const auto& s = b.sub[sub];
    return with_signs(four_entries(kGrid2Xxs, s.q[0], s.q[1], s.q[2], s.q[3]),
                      even_signs(sevens(s.signs_scale)));
}

/// Eight times ternary values, less one where `minus` is set, else plus one.
inline __m256i in_eighths(__m256i values, __m256i minus) {
    const __m256i two = _mm256_add_epi8(values, values), four = _mm256_add_epi8(two, two);
    return _mm256_add_epi8(_mm256_add_epi8(four, four), _mm256_or_si256(minus, _mm256_set1_epi8(1)));
}

inline __m256i columns(const BlockIQ1_M& b, int sub) {
    const std::uint8_t* q = b.q + sub * 4;
    const unsigned low = b.qh[sub * 2], high = b.qh[sub * 2 + 1];
    const __m256i values = four_entries(kGrid1, q[0] | (low & 7u) << 8, q[1] | (low & 0x70u) << 4,
                                        q[2] | (high & 7u) << 8, q[3] | (high & 0x70u) << 4);
    // Bits 3 and 7 of the two bytes: a group of eight each.
    const auto all = [](unsigned bits, unsigned bit) { return bits & bit ? -1ll : 0ll; };
    return in_eighths(values, _mm256_setr_epi64x(all(low, 8), all(low, 128), all(high, 8), all(high, 128)));
}

inline __m256i columns(const BlockIQ1_S& b, int sub) {
    const std::uint8_t* q = b.q + sub * 4;
    const unsigned high = b.qh[sub];
    const __m256i values = four_entries(kGrid1, q[0] | (high & 7u) << 8, q[1] | (high & 0x38u) << 5,
                                        q[2] | (high & 0x1c0u) << 2, q[3] | (high >> 9 & 7u) << 8);
    return in_eighths(values, _mm256_set1_epi8(static_cast<char>(high & 0x8000u ? -1 : 0)));
}

inline __m256i columns(const BlockTQ2_0& b, int sub) {
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b.q + sub / 4 * 32));
    const __m256i pairs =
        _mm256_and_si256(_mm256_srl_epi16(q, _mm_cvtsi32_si128(sub % 4 * 2)), _mm256_set1_epi8(3));
    return _mm256_sub_epi8(pairs, _mm256_set1_epi8(1));
}

/// A byte times its power of three, whose leading digit in base 3 (a fraction of 256) is the value plus one.
inline __m256i digits(__m256i bytes, __m256i powers) {
    const __m256i zero = _mm256_setzero_si256(), low = _mm256_set1_epi16(0xff), three = _mm256_set1_epi16(3);
    const auto words = [&](__m256i b, __m256i p) {
        const __m256i shifted = _mm256_and_si256(_mm256_mullo_epi16(b, p), low);
        return _mm256_srli_epi16(_mm256_mullo_epi16(shifted, three), 8);
    };
    // Unpacking and packing within 128 bits undo each other.
    const __m256i first = words(_mm256_unpacklo_epi8(bytes, zero), _mm256_unpacklo_epi8(powers, zero));
    const __m256i second = words(_mm256_unpackhi_epi8(bytes, zero), _mm256_unpackhi_epi8(powers, zero));
    return _mm256_sub_epi8(_mm256_packus_epi16(first, second), _mm256_set1_epi8(1));
}

inline __m256i columns(const BlockTQ1_0& b, int sub) {
    static constexpr std::int8_t kPower[5] = {1, 3, 9, 27, 81};
    if (sub < 5) { // a digit of 32 bytes
        return digits(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(b.q)),
                      _mm256_set1_epi8(kPower[sub]));
    }
    const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b.q + 32));
    if (sub < 7) { // two digits of 16 bytes
        return digits(
            _mm256_set_m128i(sixteen, sixteen),
            _mm256_set_m128i(_mm_set1_epi8(kPower[2 * sub - 9]), _mm_set1_epi8(kPower[2 * sub - 10])));
    }
    // The last digit of the 16 bytes, and four digits of 4 bytes.
    const __m128i four = _mm_set1_epi32(static_cast<int>(load_word(b.qh)));
    const __m128i powers = _mm_setr_epi32(0x01010101, 0x03030303, 0x09090909, 0x1b1b1b1b);
    return digits(_mm256_set_m128i(four, sixteen), _mm256_set_m128i(powers, _mm_set1_epi8(kPower[4])));
}

inline __m256i columns(const BlockQ8_K& b, int sub) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b.q + 32 * sub));
}

} // namespace
} // namespace switchyard::cpu
