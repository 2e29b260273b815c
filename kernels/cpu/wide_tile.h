// Tiles of many tokens: weights are unpacked once for all tiles of a group, to 16-bit integers or, for 8-bit
// activations, to bytes.
//
// Unpacking takes a fifth of the instructions of a tile of six tokens, of K-quants more. Like tile.h, part of
// each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/integer_columns.h"
#include "kernels/cpu/token_groups.h"

#include <utility>

namespace switchyard::cpu {
namespace {

/// What sums of the products of a panel's 32 columns are multiplied by and taken away.
template <bool kHasMin, bool kHasHalves>
struct WideScales {
    static constexpr bool kMin = kHasMin, kHalves = kHasHalves;
    static constexpr int kParts = kHalves ? 2 : 1; ///< of the columns, with scales of their own
    static constexpr int kGroups = 8 / kParts;     ///< of 4 columns, of a part

    __m256 scales;
    __m256 half_scales[kParts]; // without halves the one is never set: C++ has no empty arrays
    __m256 mins[kMin ? kParts : 1];

    __m256 scale(int) const { return scales; }
    __m256 half_scale(int, int half) const { return half_scales[half]; }
    __m256 min(int) const { return mins[0]; }
    __m256 half_min(int, int half) const { return mins[half]; }

    /// Those of sub-block `sub` of a format.
    template <class F>
    void set_scales(const F& format, int sub) {
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
};

/// 32 columns of a panel, unpacked: the true weights, in words of even and of odd columns as Words has them.
template <bool kHasMin, bool kHasHalves>
struct WideBlock : WideScales<kHasMin, kHasHalves> {
    using Scales = WideScales<kHasMin, kHasHalves>;
    using Unit = I16Block; ///< of activations

    __m256i words[8][2]; ///< by groups of 4 columns

    /// Sub-block `sub` of a format.
    template <class F>
    void set(const F& format, int sub) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            const Pair pair = format.weights(sub, v);
            set_words<F>(v, pair.low);
            set_words<F>(v + 4, pair.high);
        }
        Scales::set_scales(format, sub);
    }

    /// Sums of the products of part `part` of P blocks with those of T tokens.
    template <class Dot, int P, int T>
    [[gnu::always_inline]] static void multiply(const WideBlock* block, int part,
                                                const BlocksOfRows<Unit, T>& x, __m256i (&sums)[P][T]) {
#pragma GCC unroll 16
        for (int i = 0; i < P * T; ++i) {
            sums[i / T][i % T] = _mm256_setzero_si256();
        }
#pragma GCC unroll 16
        for (int i = 0; i < 2 * Scales::kGroups; ++i) {
            const int group = part * Scales::kGroups + i / 2;
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
                    sums[p][t] = Dot::add(sums[p][t], w[p], value);
                }
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

/// The same for 8-bit activations: unsigned weights, which stand 2^kShift too high unless that is 0, and of
/// which 16 bits hold the sums of a part's products.
template <bool kHasMin, bool kHasHalves, int kShift>
struct WideBytes : WideScales<kHasMin, kHasHalves> {
    using Scales = WideScales<kHasMin, kHasHalves>;
    using Unit = I8Block;

    __m256i bytes[8]; ///< by groups of 4 columns

    template <class F>
    void set(const F& format, int sub) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            const Pair pair = format.weights(sub, v);
            bytes[v] = pair.low;
            bytes[v + 4] = pair.high;
        }
        Scales::set_scales(format, sub);
    }

    template <class Dot, int P, int T>
    [[gnu::always_inline]] static void multiply(const WideBytes* block, int part,
                                                const BlocksOfRows<Unit, T>& x, __m256i (&sums)[P][T]) {
        constexpr int kBits = 4; // of fewer the sums are smaller; who has more is not unpacked (unpacks_once)
        static_assert(Dot::template kByteGroups<kBits> >= Scales::kGroups);
        typename Dot::template ByteSum<kBits> found[P][T];
        const auto add_group = [&]<int kBefore>() __attribute__((always_inline)) {
            const int group = part * Scales::kGroups + kBefore;
            __m256i w[P];
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
                w[p] = load(&block[p].bytes[group]);
            }
#pragma GCC unroll 16
            for (int t = 0; t < T; ++t) {
                const __m256i value = in_all_lanes(x[t].q + 4 * group);
#pragma GCC unroll 4
                for (int p = 0; p < P; ++p) {
                    found[p][t].template add<kBefore>(typename Dot::template ByteWeights<kBits>(w[p]), value);
                }
            }
        };
        [&add_group]<int... kBefore>(std::integer_sequence<int, kBefore...>) __attribute__((always_inline)) {
            (add_group.template operator()<kBefore>(), ...);
        }
        (std::make_integer_sequence<int, Scales::kGroups>());
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
            const __m256i start = start_of<Scales, kShift>(x[t], part);
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
                sums[p][t] = _mm256_add_epi32(found[p][t].template total<Scales::kGroups>(), start);
            }
        }
    }
};

/// `blocks` of one or more panels, `count` of each, which take turns, times some tokens' `rows`. `sums`:
/// those of the columns in front, unless the rows start here.
template <class Unit>
using WideTile = void (*)(const void* blocks, std::int64_t count, bool starts, const Unit* const* rows,
                          float* sums);

/// P panels of Blocks times T tokens; sums [P][T][8].
template <class Dot, class Block, int P, int T>
void wide_tile(const void* blocks, std::int64_t count, bool starts, const typename Block::Unit* const* rows,
               float* sums) {
    const auto* block = static_cast<const Block*>(blocks);
    BlocksOfRows<typename Block::Unit, T> x;
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        x.rows[t] = rows[t];
    }
    if (starts) {
        __builtin_memset(sums, 0, sizeof(float) * kPanelRows * P * T);
    }
    for (; x.unit < count; ++x.unit, block += P) {
        asm("" : "+r"(sums)); // else the compiler copies all sums to the stack for the loop, and back
        __m256i found[Block::kParts][P][T];
#pragma GCC unroll 2
        for (int part = 0; part < Block::kParts; ++part) {
            Block::template multiply<Dot, P, T>(block, part, x, found[part]);
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
