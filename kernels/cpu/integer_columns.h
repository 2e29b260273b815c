// 32 columns of panels times tokens in integers, for activations of 16 and of 8 bits.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/formats.h"

namespace switchyard::cpu {
namespace {

/// The even and odd bytes of a group's weights as 16-bit integers.
template <bool kSigned>
struct Words {
    __m256i even, odd;
    explicit Words(__m256i bytes)
        : even(kSigned ? _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8)
                       : _mm256_and_si256(bytes, _mm256_set1_epi16(0xff))),
          odd(kSigned ? _mm256_srai_epi16(bytes, 8) : _mm256_srli_epi16(bytes, 8)) {}
};

/// What a sum of weights that stand 2^kShift too high starts from, for all 32 columns or, with halves, for
/// 16. A kShift of 0: they do not.
template <class F, int kShift, class Block>
inline __m256i start_of(const Block& x, int half) {
    if (kShift == 0 || (!F::kHalves && half == 1)) {
        return _mm256_setzero_si256();
    }
    const __m256i low = _mm256_set1_epi32(x.neg_low), all = _mm256_set1_epi32(x.neg_sum);
    const __m256i sum = !F::kHalves ? all : half == 0 ? low : _mm256_sub_epi32(all, low);
    return _mm256_slli_epi32(sum, kShift);
}

/// `acc` and what a block's integer sums stand for: of all columns, or of the first 16 and of the others.
template <class F, class Block>
[[gnu::always_inline]] inline __m256 add_sums(const F& format, int sub, const Block& x, __m256i first,
                                              [[maybe_unused]] __m256i second, __m256 acc) {
    __m256 dot = _mm256_cvtepi32_ps(first);
    if constexpr (requires { format.whole_scale(sub, 0); }) {
        dot = _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_mullo_epi32(first, format.whole_scale(sub, 0)),
                                                  _mm256_mullo_epi32(second, format.whole_scale(sub, 1))));
    } else if constexpr (F::kHalves) {
        dot = _mm256_fmadd_ps(dot, format.half_scale(sub, 0),
                              _mm256_mul_ps(_mm256_cvtepi32_ps(second), format.half_scale(sub, 1)));
    }
    acc = _mm256_fmadd_ps(dot, _mm256_mul_ps(format.scale(sub), _mm256_set1_ps(x.scale)), acc);
    if constexpr (F::kMin && F::kHalves) {
        const float low = static_cast<float>(-x.neg_low) * x.scale;
        const float high = static_cast<float>(x.neg_low - x.neg_sum) * x.scale;
        acc = _mm256_fmadd_ps(format.half_min(sub, 0), _mm256_set1_ps(low), acc);
        acc = _mm256_fmadd_ps(format.half_min(sub, 1), _mm256_set1_ps(high), acc);
    } else if constexpr (F::kMin) {
        acc = _mm256_fmadd_ps(format.min(sub), _mm256_set1_ps(x.sum), acc);
    }
    return acc;
}

/// 32 bits in every lane.
inline __m256i in_all_lanes(const void* p) {
    std::int32_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/// How weights of a format meet activations in Blocks: as what they are multiplied, what is read of a token
/// for a group of 4 columns, and how products are summed.
template <class Dot, class F, class Block>
struct Meeting;

template <class Dot, class F>
struct Meeting<Dot, F, I16Block> {
    using Weights = Words<F::kSigned>;

    struct Inputs {
        __m256i even, odd; ///< columns (0, 2) and (1, 3) in every lane, as i16_place has them
        Inputs(const I16Block& x, int group)
            : even(in_all_lanes(x.q + 4 * group)), odd(in_all_lanes(x.q + 4 * group + 2)) {}
    };

    struct Sum {
        __m256i sum;
        [[gnu::always_inline]] void begin(const I16Block& x, int half) {
            sum = start_of<F, F::kOffsetShift>(x, half);
        }
        template <int kBefore>
        [[gnu::always_inline]] void add(const Weights& w, const Inputs& x) {
            sum = Dot::add(Dot::add(sum, w.even, x.even), w.odd, x.odd);
        }
        template <int kGroups>
        [[gnu::always_inline]] __m256i total(const I16Block&, int) {
            return sum;
        }
    };
};

template <class Dot, class F>
struct Meeting<Dot, F, I8Block> {
    /// Weights are unsigned here: signed ones stand half their range higher.
    static constexpr int kShift = F::kSigned ? F::kBits - 1 : F::kOffsetShift;

    struct Weights : Dot::template ByteWeights<F::kBits> {
        explicit Weights(__m256i bytes)
            : Dot::template ByteWeights<F::kBits>(
                  F::kSigned ? _mm256_add_epi8(bytes, _mm256_set1_epi8(static_cast<char>(1 << kShift)))
                             : bytes) {}
    };

    struct Inputs {
        __m256i four;
        Inputs(const I8Block& x, int group) : four(in_all_lanes(x.q + 4 * group)) {}
    };

    struct Sum {
        typename Dot::template ByteSum<F::kBits> sum;
        [[gnu::always_inline]] void begin(const I8Block&, int) {}
        template <int kBefore>
        [[gnu::always_inline]] void add(const Weights& w, const Inputs& x) {
            sum.template add<kBefore>(w, x.four);
        }
        template <int kGroups>
        [[gnu::always_inline]] __m256i total(const I8Block& x, int half) {
            return _mm256_add_epi32(sum.template total<kGroups>(), start_of<F, kShift>(x, half));
        }
    };
};

/// A block of each of T tokens: number `unit` of its row.
template <class Block, int T>
struct BlocksOfRows {
    const Block* rows[T];
    std::int64_t unit = 0;
    const Block& operator[](int t) const { return rows[t][unit]; }
};

/// Adds 32 columns of P panels to acc [P][T]: x[t] are the tokens' blocks.
template <class Dot, class F, class Block, int P, int T, class Blocks>
[[gnu::always_inline]] inline void add_columns(const F* formats, int sub, const Blocks& x, __m256* acc) {
    using Meet = Meeting<Dot, F, Block>;
    using Weights = typename Meet::Weights;
    // Two sums where one would wait for itself.
    constexpr int kSums = F::kHalves || P * T <= 2 ? 2 : 1;
    typename Meet::Sum sums[P][T][kSums];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
        for (int half = 0; half < kSums; ++half) {
#pragma GCC unroll 2
            for (int p = 0; p < P; ++p) {
                sums[p][t][half].begin(x[t], half);
            }
        }
    }
    // kBefore: groups that a sum has already; of the processor's own constants, since sums of 16 bits end
    // there.
    const auto add_group = [&]<int kBefore>(const Weights* weights, int group, int half)
        __attribute__((always_inline)) {
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
            const typename Meet::Inputs inputs(x[t], group);
#pragma GCC unroll 2
            for (int p = 0; p < P; ++p) {
                sums[p][t][half].template add<kBefore>(weights[p], inputs);
            }
        }
    };
    const auto add_pair = [&]<int v>() __attribute__((always_inline)) {
        constexpr int kLow = kSums == 2 ? v : 2 * v, kHigh = kSums == 2 ? v : 2 * v + 1;
        if constexpr (P == 1) {
            const Pair pair = formats[0].weights(sub, v);
            const Weights low(pair.low), high(pair.high);
            add_group.template operator()<kLow>(&low, v, 0);
            add_group.template operator()<kHigh>(&high, v + 4, kSums - 1);
        } else {
            const Pair pairs[] = {formats[0].weights(sub, v), formats[1].weights(sub, v)};
            const Weights low[] = {Weights(pairs[0].low), Weights(pairs[1].low)};
            add_group.template operator()<kLow>(low, v, 0);
            const Weights high[] = {Weights(pairs[0].high), Weights(pairs[1].high)};
            add_group.template operator()<kHigh>(high, v + 4, kSums - 1);
        }
    };
    add_pair.template operator()<0>();
    add_pair.template operator()<1>();
    add_pair.template operator()<2>();
    add_pair.template operator()<3>();
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
            auto& found = sums[p][t];
            __m256& sum = acc[p * T + t];
            const __m256i first = found[0].template total<8 / kSums>(x[t], 0);
            if constexpr (F::kHalves) {
                sum = add_sums<F>(formats[p], sub, x[t], first,
                                  found[kSums - 1].template total<8 / kSums>(x[t], 1), sum);
            } else {
                const __m256i all =
                    kSums == 1 ? first
                               : _mm256_add_epi32(first, found[kSums - 1].template total<8 / kSums>(x[t], 1));
                sum = add_sums<F>(formats[p], sub, x[t], all, all, sum);
            }
        }
    }
}

} // namespace
} // namespace switchyard::cpu
