// Integer sums of rows of ternary blocks times tokens: digits 0 .. 2 as bytes meet the bytes of activations,
// and the one that each digit is too large is taken off with the activations' sum.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/byte_tile.h"
#include "kernels/cpu/row_sums.h"

namespace switchyard::cpu {
namespace {

/// Activations of two sub-blocks of 32 columns, a byte each: `high` and `low` of two vectors.
struct alignas(32) PairedBytes {
    std::uint8_t high[2][32], low[2][32];
    std::int32_t less[2]; ///< of each sub-block: its sum, negative

    __m256i highs(int i) const { return _mm256_load_si256(reinterpret_cast<const __m256i*>(high[i])); }
    __m256i lows(int i) const { return _mm256_load_si256(reinterpret_cast<const __m256i*>(low[i])); }

    /// Columns [16 part, 16 part + 16) of sub-block to half `half` of vector i.
    void set(int i, int half, const I16Block& x, int part) {
        const __m128i order = _mm_setr_epi8(0, 4, 2, 6, 8, 12, 10, 14, 1, 5, 3, 7, 9, 13, 11, 15);
        const __m128i a = _mm_shuffle_epi8(load_sixteen(x.q + 16 * part), order);
        const __m128i b = _mm_shuffle_epi8(load_sixteen(x.q + 16 * part + 8), order);
        _mm_store_si128(reinterpret_cast<__m128i*>(low[i]) + half, _mm_unpacklo_epi64(a, b));
        _mm_store_si128(reinterpret_cast<__m128i*>(high[i]) + half, _mm_unpackhi_epi64(a, b));
    }
};

/// What a type's digits look like in vectors of 32, four pairs of vectors.
template <class Block>
struct DigitsOf;

/// Both halves of a vector are the same columns of sub-blocks j and j + 4, so that their sums stay apart.
template <>
struct DigitsOf<BlockTQ2_0> {
    static constexpr bool kApart = true;
    static int sub_block(int j, int i) { return j + 4 * i; }
    static void set(const I16Block& first, const I16Block& second, PairedBytes& out) {
        for (int i = 0; i < 2; ++i) {
            out.set(i, 0, first, i);
            out.set(i, 1, second, i);
        }
    }

    explicit DigitsOf(const BlockTQ2_0& b) {
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            bytes_[i] = _mm256_set_m128i(load_sixteen(b.q + 32 + 16 * i), load_sixteen(b.q + 16 * i));
        }
    }
    /// Called for j = 0 .. 3.
    [[gnu::always_inline]] void next(int j, __m256i (&digits)[2]) {
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            digits[i] = _mm256_and_si256(_mm256_srli_epi16(bytes_[i], 2 * j), _mm256_set1_epi8(3));
        }
    }

  private:
    __m256i bytes_[2];
};

/// A vector is a sub-block.
template <>
struct DigitsOf<BlockTQ1_0> {
    static constexpr bool kApart = false;
    static int sub_block(int j, int i) { return 2 * j + i; }
    static void set(const I16Block& first, const I16Block& second, PairedBytes& out) {
        for (int half = 0; half < 2; ++half) {
            out.set(0, half, first, half);
            out.set(1, half, second, half);
        }
    }

    /// Bytes are kept less 128: tripling keeps them so.
    explicit DigitsOf(const BlockTQ1_0& b) {
        const __m256i middle = _mm256_set1_epi8(-128);
        const auto* sixteen = reinterpret_cast<const __m128i*>(b.q + 32);
        std::int32_t four;
        __builtin_memcpy(&four, b.qh, sizeof four);
        most_ = _mm256_xor_si256(load(b.q), middle);
        rest_ = _mm256_xor_si256(_mm256_broadcastsi128_si256(_mm_loadu_si128(sixteen)), middle);
        rest_ = _mm256_blend_epi32(rest_, triple(rest_), 0xf0); // digits 0 and 1
        last_ = _mm256_xor_si256(_mm256_set1_epi32(four), middle);
        last_ = _mm256_blend_epi32(last_, triple(last_), 0xaa); // digits 0 to 3
        last_ = _mm256_blend_epi32(last_, triple(triple(last_)), 0xcc);
    }
    /// Called for j = 0 .. 3.
    [[gnu::always_inline]] void next(int j, __m256i (&digits)[2]) {
        digits[0] = digits_of(j < 3 ? most_ : rest_);
        if (j < 2) {
            most_ = triple(most_);
            digits[1] = digits_of(most_);
            most_ = triple(most_);
        } else if (j == 2) { // most_ has no more
            digits[1] = digits_of(rest_);
            rest_ = triple(triple(rest_));
        } else {
            digits[1] = digits_of(_mm256_blend_epi32(triple(triple(rest_)), last_, 0xf0));
        }
    }

  private:
    static __m256i triple(__m256i b) { return _mm256_add_epi8(_mm256_add_epi8(b, b), b); }
    /// The first digit of a byte b is 3 b / 256.
    static __m256i digits_of(__m256i b) {
        const __m256i none = _mm256_cmpgt_epi8(_mm256_set1_epi8(86 - 128), b);
        const __m256i two = _mm256_cmpgt_epi8(b, _mm256_set1_epi8(170 - 128));
        return _mm256_sub_epi8(_mm256_add_epi8(_mm256_set1_epi8(1), none), two);
    }

    __m256i most_, rest_, last_;
};

/// 256 columns; `x` is [4][T].
template <class Dot, class Block, int T>
[[gnu::always_inline]] inline void block_sums(PanelRows<Block> rows, const PairedBytes* x,
                                              RowSums (&out)[T]) {
    using Digits = DigitsOf<Block>;
    constexpr int kSums = Digits::kApart ? 1 : 2;
    __m256i sums[4][T][kSums][kPanelRows];
#pragma GCC unroll 8
    for (int r = 0; r < kPanelRows; ++r) {
        Digits row(*rows[r]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
            __m256i digits[2];
            row.next(j, digits);
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t) {
                const PairedBytes& bytes = x[T * j + t];
                typename Dot::template Bytes<2> found[kSums];
                found[0].add(digits[0], bytes.highs(0), bytes.lows(0));
                found[kSums - 1].add(digits[1], bytes.highs(1), bytes.lows(1));
#pragma GCC unroll 2
                for (int i = 0; i < kSums; ++i) {
                    sums[j][t][i][r] = found[i].sum();
                }
            }
        }
    }
    for (int j = 0; j < 4; ++j) {
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
            __m256i both[2];
            add_lanes(sums[j][t][0], both[0], both[1]);
            if constexpr (!Digits::kApart) {
                both[0] = _mm256_add_epi32(both[0], both[1]);
                __m256i low, high;
                add_lanes(sums[j][t][1], low, high);
                both[1] = _mm256_add_epi32(low, high);
            }
#pragma GCC unroll 2
            for (int i = 0; i < 2; ++i) {
                out[t].sub[Digits::sub_block(j, i)] =
                    _mm256_add_epi32(both[i], _mm256_set1_epi32(x[T * j + t].less[i]));
            }
        }
    }
}

} // namespace
} // namespace switchyard::cpu
