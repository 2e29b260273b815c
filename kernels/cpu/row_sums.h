// Integer sums of rows of streamed blocks times tokens: each row as its bytes lie, sums within a vector,
// eight rows at a time so that what is left of a vector's lanes becomes a lane a row.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/half.h"
#include "kernels/cpu/row_plan.h"
#include "kernels/cpu/tile.h"

namespace switchyard::cpu {
namespace {

/// Sums of 256 columns of eight rows: [sub-block of 32][row], with the scales of their columns.
struct RowSums {
    __m256i sub[8];
};

/// The blocks of the same 256 columns of a panel's rows.
template <class Block>
using PanelRows = const Block* const (&)[kPanelRows];

/// Word i of row r becomes word r of row i.
inline void transpose(const __m256i (&rows)[kPanelRows], __m256i (&out)[8]) {
    __m256i pairs[8], fours[8];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        pairs[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) { // rows 4 i .. 4 i + 3
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
            fours[4 * i + 2 * j] = _mm256_unpacklo_epi64(pairs[4 * i + j], pairs[4 * i + 2 + j]);
            fours[4 * i + 2 * j + 1] = _mm256_unpackhi_epi64(pairs[4 * i + j], pairs[4 * i + 2 + j]);
        }
    }
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) {
        out[g] = _mm256_permute2x128_si256(fours[g], fours[4 + g], 0x20);
        out[g + 4] = _mm256_permute2x128_si256(fours[g], fours[4 + g], 0x31);
    }
}

/// Sums of four lanes: the low halves of eight rows, and their high halves.
inline void add_lanes(const __m256i (&rows)[kPanelRows], __m256i& low, __m256i& high) {
    const auto four = [&](int r) {
        return _mm256_hadd_epi32(_mm256_hadd_epi32(rows[r], rows[r + 1]),
                                 _mm256_hadd_epi32(rows[r + 2], rows[r + 3]));
    };
    const __m256i first = four(0), second = four(4);
    low = _mm256_permute2x128_si256(first, second, 0x20);
    high = _mm256_permute2x128_si256(first, second, 0x31);
}

// ---- Grids

/// Activations of a pair of sub-blocks as RowPlan has their columns.
struct alignas(32) PairedWords {
    std::int16_t q[4][16];     ///< [e]
    std::int32_t eights[2][8]; ///< sums of vectors k and 2 + k, twice, for either sub-block: [k]
    std::int32_t sum[2];       ///< of each sub-block

    PairedWords() = default;
    PairedWords(const I16Block& first, const I16Block& second) {
        const __m256i in_order = _mm256_broadcastsi128_si256( // see i16_place
            _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
        const __m256i one = _mm256_set1_epi16(1);
        __m256i sums[4];
        for (int e = 0; e < 4; ++e) {
            const __m256i both =
                _mm256_set_m128i(load_sixteen(second.q + 8 * e), load_sixteen(first.q + 8 * e));
            const __m256i words = _mm256_shuffle_epi8(both, in_order);
            _mm256_store_si256(reinterpret_cast<__m256i*>(q[e]), words);
            sums[e] = _mm256_madd_epi16(words, one);
        }
        for (int k = 0; k < 2; ++k) {
            const __m256i half = _mm256_hadd_epi32(sums[k], sums[2 + k]);
            _mm256_store_si256(reinterpret_cast<__m256i*>(eights[k]), _mm256_hadd_epi32(half, half));
        }
        sum[0] = -first.neg_sum;
        sum[1] = -second.neg_sum;
    }
    __m256i vector(int e) const { return _mm256_load_si256(reinterpret_cast<const __m256i*>(q[e])); }
    __m256i eight(int k) const { return _mm256_load_si256(reinterpret_cast<const __m256i*>(eights[k])); }
};

/// Entries of eight bytes at two places.
inline __m128i two_eights(const void* grid, unsigned first, unsigned second) {
    const auto* at = static_cast<const char*>(grid);
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at + std::size_t{8} * first));
    return _mm_castps_si128(
        _mm_loadh_pi(_mm_castsi128_ps(low), reinterpret_cast<const __m64*>(at + std::size_t{8} * second)));
}

inline std::uint32_t two_places(const std::uint16_t* at) {
    std::uint32_t two;
    __builtin_memcpy(&two, at, sizeof two);
    asm("" : "+r"(two)); // else the compiler reads each
    return two;
}

// The entries of vector e of pair p, as words, without signs.
template <auto& kGrid>
struct EightWords {
    static constexpr bool kSigns = true;
    static __m256i entries(const RowPlan& plan, int p, int e) {
        const auto* grid = reinterpret_cast<const char*>(&kGrid);
        const auto* at = plan.at + 8 * p + e;
        return _mm256_inserti128_si256(_mm256_castsi128_si256(load_sixteen(grid + std::size_t{8} * at[0])),
                                       load_sixteen(grid + std::size_t{8} * at[4]), 1);
    }
};
template <auto& kGrid>
struct FourWords {
    static constexpr bool kSigns = true;
    static __m256i entries(const RowPlan& plan, int p, int e) {
        // Two places a read: reading is what these types wait for.
        const std::uint32_t first = two_places(plan.at + 16 * p + 2 * e);
        const std::uint32_t second = two_places(plan.at + 16 * p + 8 + 2 * e);
        return _mm256_set_m128i(two_eights(&kGrid, second & 0xffffu, second >> 16),
                                two_eights(&kGrid, first & 0xffffu, first >> 16));
    }
};
struct EightBytes { // half as long: as words the grid would be as large as the first-level cache
    static constexpr bool kSigns = false;
    static __m256i entries(const RowPlan& plan, int p, int e) {
        const auto* at = plan.at + 8 * p + e;
        return _mm256_cvtepi8_epi16(two_eights(&kGrid1, at[0], at[4]));
    }
};
template <class Block>
struct GridOf;
template <>
struct GridOf<BlockIQ3_S> : FourWords<kWords3S> {};
template <>
struct GridOf<BlockIQ3_XXS> : FourWords<kWords3Xxs> {};
template <>
struct GridOf<BlockIQ2_S> : EightWords<kWords2S> {};
template <>
struct GridOf<BlockIQ2_XS> : EightWords<kWords2Xs> {};
template <>
struct GridOf<BlockIQ2_XXS> : EightWords<kWords2Xxs> {};
template <>
struct GridOf<BlockIQ1_M> : EightBytes {};
template <>
struct GridOf<BlockIQ1_S> : EightBytes {};

/// Scales of eight rows by sub-block.
template <class Block>
struct PanelSubScales {
    static constexpr bool kEighths = std::is_same_v<Block, BlockIQ1_S>;
    __m256i scale[8], eighth[kEighths ? 8 : 1];

    PanelSubScales(PanelRows<Block> rows, RowPlan (&plans)[kPanelRows]) {
        __m256i scales[kPanelRows], eighths[kPanelRows];
#pragma GCC unroll 8
        for (int r = 0; r < kPanelRows; ++r) {
            const SubScales row = prepare(*rows[r], plans[r]);
            scales[r] = row.scale;
            eighths[r] = row.eighth;
        }
        transpose(scales, scale);
        if constexpr (kEighths) {
            transpose(eighths, eighth);
        }
    }
};

/// Scales of eight rows by 16 columns, as they meet sums of two rows: for each pair of sub-blocks the first
/// one's two of one row, of the other row, then the second one's.
template <class Block>
struct PanelHalfScales {
    static constexpr bool kEighths = std::is_same_v<Block, BlockIQ1_M>;
    alignas(16) std::int8_t scale[4][4][8], eighth[2][kEighths ? 4 : 1][4][8]; ///< [rows / 2][pair]

    PanelHalfScales(PanelRows<Block> rows, RowPlan (&plans)[kPanelRows]) {
        const auto join = [](__m128i even, __m128i odd, std::int8_t(&out)[4][8]) {
            _mm_store_si128(reinterpret_cast<__m128i*>(out[0]), _mm_unpacklo_epi16(even, odd));
            _mm_store_si128(reinterpret_cast<__m128i*>(out[2]), _mm_unpackhi_epi16(even, odd));
        };
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            const HalfScales even = prepare(*rows[2 * i], plans[2 * i]);
            const HalfScales odd = prepare(*rows[2 * i + 1], plans[2 * i + 1]);
            join(even.scale, odd.scale, scale[i]);
            if constexpr (kEighths) {
                join(even.eighth[0], odd.eighth[0], eighth[0][i]);
                join(even.eighth[1], odd.eighth[1], eighth[1][i]);
            }
        }
    }
};

/// The words of pair p of a row, with their signs.
template <class Dot, class Grid>
[[gnu::always_inline]] inline void read_pair(const RowPlan& plan, int p, __m256i (&words)[4]) {
#pragma GCC unroll 4
    for (int e = 0; e < 4; ++e) {
        words[e] = Grid::entries(plan, p, e);
        if constexpr (Grid::kSigns) {
            words[e] = Dot::negated(words[e], plan.signs[4 * p + e]);
        }
    }
}

/// Sums of a pair of sub-blocks; `x` are the tokens'.
template <class Dot, class Block, int T>
[[gnu::always_inline]] inline void pair_sums(const RowPlan (&plans)[kPanelRows],
                                             const PanelSubScales<Block>& scales, int p, const PairedWords* x,
                                             RowSums (&out)[T]) {
    __m256i sums[T][kPanelRows];
#pragma GCC unroll 8
    for (int r = 0; r < kPanelRows; ++r) {
        __m256i words[4];
        read_pair<Dot, GridOf<Block>>(plans[r], p, words);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
            __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 4
            for (int e = 0; e < 4; ++e) {
                sum = Dot::add(sum, words[e], x[t].vector(e));
            }
            sums[t][r] = sum;
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        __m256i both[2];
        add_lanes(sums[t], both[0], both[1]);
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            const int sub = 2 * p + i;
            if constexpr (PanelSubScales<Block>::kEighths) {
                const __m256i eighths =
                    _mm256_mullo_epi32(_mm256_set1_epi32(x[t].sum[i]), scales.eighth[sub]);
                out[t].sub[sub] = _mm256_add_epi32(
                    _mm256_mullo_epi32(_mm256_slli_epi32(both[i], 3), scales.scale[sub]), eighths);
            } else {
                out[t].sub[sub] = _mm256_mullo_epi32(both[i], scales.scale[sub]);
            }
        }
    }
}

template <class Dot, class Block, int T>
[[gnu::always_inline]] inline void pair_sums(const RowPlan (&plans)[kPanelRows],
                                             const PanelHalfScales<Block>& scales, int p,
                                             const PairedWords* x, RowSums (&out)[T]) {
    __m256i sums[T][kPanelRows]; // two lanes of each half of a sub-block
#pragma GCC unroll 8
    for (int r = 0; r < kPanelRows; ++r) {
        __m256i words[4];
        read_pair<Dot, GridOf<Block>>(plans[r], p, words);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
            const auto half = [&](int e) __attribute__((always_inline)) {
                const __m256i first = Dot::add(_mm256_setzero_si256(), words[e], x[t].vector(e));
                return Dot::add(first, words[e + 1], x[t].vector(e + 1));
            };
            sums[t][r] = _mm256_hadd_epi32(half(0), half(2));
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        __m256i scaled[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            __m256i sum = _mm256_hadd_epi32(sums[t][2 * i], sums[t][2 * i + 1]);
            if constexpr (PanelHalfScales<Block>::kEighths) {
                sum = _mm256_slli_epi32(sum, 3);
#pragma GCC unroll 2
                for (int k = 0; k < 2; ++k) {
                    sum = _mm256_add_epi32(
                        sum, _mm256_sign_epi32(x[t].eight(k), load_bytes_signed(scales.eighth[k][i][p])));
                }
            }
            scaled[i] = _mm256_mullo_epi32(sum, load_bytes_signed(scales.scale[i][p]));
        }
        const __m256i first = _mm256_hadd_epi32(scaled[0], scaled[1]);
        const __m256i second = _mm256_hadd_epi32(scaled[2], scaled[3]);
        out[t].sub[2 * p] = _mm256_permute2x128_si256(first, second, 0x20);
        out[t].sub[2 * p + 1] = _mm256_permute2x128_si256(first, second, 0x31);
    }
}

/// 256 columns; `x` is [4 pairs][T].
template <class Dot, class Block, int T>
[[gnu::always_inline]] inline void block_sums(PanelRows<Block> rows, const PairedWords* x,
                                              RowSums (&out)[T]) {
    using OfRow = decltype(prepare(*rows[0], std::declval<RowPlan&>()));
    using Scales =
        std::conditional_t<std::is_same_v<OfRow, SubScales>, PanelSubScales<Block>, PanelHalfScales<Block>>;
    RowPlan plans[kPanelRows];
    const Scales scales(rows, plans);
    for (int p = 0; p < 4; ++p, x += T) {
        pair_sums<Dot, Block, T>(plans, scales, p, x, out);
    }
}

} // namespace
} // namespace switchyard::cpu
