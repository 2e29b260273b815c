// Tiles of many tokens: weights are unpacked to 16-bit integers once for all tiles of a group.
//
// Unpacking takes a fifth of the instructions of a tile of six tokens, of K-quants more. Like tile.h, part of
// each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/integer_columns.h"
#include "kernels/cpu/token_groups.h"

namespace switchyard::cpu {
namespace {

/// 32 columns of a panel, unpacked: the true weights, in words of even and of odd columns as Words has them,
/// and what sums of their products are multiplied by and taken away.
template <bool kHasMin, bool kHasHalves>
struct WideBlock {
    static constexpr bool kMin = kHasMin, kHalves = kHasHalves;
    static constexpr int kParts = kHalves ? 2 : 1; ///< of the columns, with scales of their own

    __m256i words[8][2]; ///< by groups of 4 columns
    __m256 scales;
    __m256 half_scales[kParts]; // without halves the one is never set: C++ has no empty arrays
    __m256 mins[kMin ? kParts : 1];

    __m256 scale(int) const { return scales; }
    __m256 half_scale(int, int half) const { return half_scales[half]; }
    __m256 min(int) const { return mins[0]; }
    __m256 half_min(int, int half) const { return mins[half]; }

    /// Sub-block `sub` of a format.
    template <class F>
    void set(const F& format, int sub) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            const Pair pair = format.weights(sub, v);
            set_words<F>(v, pair.low);
            set_words<F>(v + 4, pair.high);
        }
        scales = format.scale(sub);
        for (int part = 0; part < kParts; ++part) {
            if constexpr (kHalves) {
                half_scales[part] = format.half_scale(sub, part);
            }
            if constexpr (kMin && kHalves) {
                mins[part] = format.half_min(sub, part);
            } else if constexpr (kMin) {
                mins[part] = format.min(sub);
            }
        }
    }

  private:
    template <class F>
    void set_words(int group, __m256i bytes) {
        const Words<F::kSigned> stored(bytes);
        const __m256i offset = _mm256_set1_epi16(F::kOffsetShift == 0 ? 0 : 1 << F::kOffsetShift);
        words[group][0] = _mm256_sub_epi16(stored.even, offset);
        words[group][1] = _mm256_sub_epi16(stored.odd, offset);
    }
};

/// `blocks` of one or more panels, `count` of each, which take turns, times some tokens' `rows`. `sums`:
/// those of the columns in front, unless the rows start here.
using WideTile = void (*)(const void* blocks, std::int64_t count, bool starts, const I16Block* const* rows,
                          float* sums);

/// P panels of Blocks times T tokens; sums [P][T][8].
template <class Dot, class Block, int P, int T>
void wide_tile(const void* blocks, std::int64_t count, bool starts, const I16Block* const* rows,
               float* sums) {
    const auto* block = static_cast<const Block*>(blocks);
    BlocksOfRows<I16Block, T> x;
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        x.rows[t] = rows[t];
    }
    if (starts) {
        __builtin_memset(sums, 0, sizeof(float) * kPanelRows * P * T);
    }
    for (; x.unit < count; ++x.unit, block += P) {
        __m256i found[Block::kParts][P][T];
#pragma GCC unroll 2
        for (int part = 0; part < Block::kParts; ++part) {
            constexpr int kGroups = 8 / Block::kParts;
            auto& sum = found[part];
#pragma GCC unroll 16
            for (int i = 0; i < P * T; ++i) {
                sum[i / T][i % T] = _mm256_setzero_si256();
            }
#pragma GCC unroll 16
            for (int i = 0; i < 2 * kGroups; ++i) {
                const int group = part * kGroups + i / 2;
                __m256i w[P];
#pragma GCC unroll 4
                for (int p = 0; p < P; ++p) {
                    w[p] = load(&block[p].words[group][i % 2]);
                }
#pragma GCC unroll 16
                for (int t = 0; t < T; ++t) {
                    const __m256i value = in_all_lanes(x[t].q + 4 * group + 2 * (i % 2));
#pragma GCC unroll 4
                    for (int p = 0; p < P; ++p) {
                        sum[p][t] = Dot::add(sum[p][t], w[p], value);
                    }
                }
            }
        }
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
            for (int t = 0; t < T; ++t) {
                float* sum = sums + kPanelRows * (p * T + t);
                _mm256_store_ps(sum, add_sums<Block>(block[p], 0, x[t], found[0][p][t],
                                                     found[Block::kParts - 1][p][t], _mm256_load_ps(sum)));
            }
        }
    }
}

} // namespace
} // namespace switchyard::cpu
