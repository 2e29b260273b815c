#include "kernels/race.h"

#include "kernels/processor.h"

#include <algorithm>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace switchyard {
namespace {

/// Lets ids from `first` on, a multiple of four, into the race. -log(1 - u) is no smaller than u, so few
/// logarithms are computed.
void race_in_fours(RaceLeader& leader, std::span<const float> weights, std::size_t first, float floor,
                   std::uint64_t seed, std::uint64_t position) {
    for (std::size_t id = first; id < weights.size(); id += 4) {
        const auto four = weights.subspan(id, std::min<std::size_t>(4, weights.size() - id));
        const auto may_win = [&](float weight) {
            return weight > 0 && weight >= floor && !(kLeastExponential > leader.arrival * weight);
        };
        if (std::ranges::none_of(four, may_win))
            continue;
        const PhiloxBlock bits = four_draw_bits(seed, position, static_cast<std::uint32_t>(id / 4));
        for (std::size_t i = 0; i < four.size(); ++i) {
            const float least = static_cast<float>(bits.word[i]) * (0.999f / 4294967296.0f);
            if (may_win(four[i]) && !(least > leader.arrival * four[i]))
                leader.join(exponential(bits.word[i]) / four[i], static_cast<std::int32_t>(id + i));
        }
    }
}

#if defined(__x86_64__)
/// Word k of eight blocks.
struct EightBlocks {
    __m256i word[4];
};

/// Both halves of the products of eight words with `factor`.
[[gnu::target("avx2"), gnu::always_inline]] inline void multiply_words(__m256i words, __m256i factor,
                                                                       __m256i& low, __m256i& high) {
    const __m256i even = _mm256_mul_epu32(words, factor);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(words, 32), factor);
    low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i mixed(__m256i high, __m256i word,
                                                                 std::uint32_t key) {
    return _mm256_xor_si256(_mm256_xor_si256(high, word), _mm256_set1_epi32(static_cast<int>(key)));
}

/// philox() of eight counters.
[[gnu::target("avx2"), gnu::always_inline]] inline EightBlocks philox_eight(EightBlocks x,
                                                                            std::uint64_t seed) {
    const __m256i factor0 = _mm256_set1_epi32(static_cast<int>(0xD2511F53));
    const __m256i factor1 = _mm256_set1_epi32(static_cast<int>(0xCD9E8D57));
    auto key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        __m256i low0, high0, low1, high1;
        multiply_words(x.word[0], factor0, low0, high0);
        multiply_words(x.word[2], factor1, low1, high1);
        x = {{mixed(high1, x.word[1], key0), low1, mixed(high0, x.word[3], key1), low0}};
        key0 += 0x9E3779B9;
        key1 += 0xBB67AE85;
    }
    return x;
}

/// Bit i: whether id i of eight may arrive before the leader. `words`: their bits; no smaller than what they
/// stand for is twice their upper 31, whatever rounding makes of it.
[[gnu::target("avx2"), gnu::always_inline]] inline unsigned may_win(__m256i words, __m256 weights,
                                                                    __m256 floor, float arrival) {
    const __m256 least = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(words, 1)),
                                       _mm256_set1_ps(0.999f / 2147483648.0f));
    const __m256 latest = _mm256_mul_ps(_mm256_set1_ps(arrival), weights);
    const __m256 early = _mm256_cmp_ps(least, latest, _CMP_LE_OQ);
    const __m256 runs = _mm256_and_ps(_mm256_cmp_ps(weights, floor, _CMP_GE_OQ),
                                      _mm256_cmp_ps(weights, _mm256_setzero_ps(), _CMP_GT_OQ));
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_and_ps(early, runs)));
}

/// The same as race_in_fours() for whole groups of 32 ids; returns the first id behind them.
[[gnu::target("avx2")]] std::size_t race_in_eights(RaceLeader& leader, std::span<const float> weights,
                                                   float floor, std::uint64_t seed, std::uint64_t position) {
    const __m256 least_weight = _mm256_set1_ps(floor);
    std::size_t id = 0;
    for (; id + 32 <= weights.size(); id += 32) {
        const __m256i blocks = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(id / 4)),
                                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        const EightBlocks bits =
            philox_eight({{blocks, _mm256_set1_epi32(static_cast<int>(position)),
                           _mm256_set1_epi32(static_cast<int>(position >> 32)), _mm256_setzero_si256()}},
                         seed);
        // Words of blocks to words of ids: vector k has those of blocks k and k + 4.
        const __m256i a = _mm256_unpacklo_epi32(bits.word[0], bits.word[1]),
                      b = _mm256_unpackhi_epi32(bits.word[0], bits.word[1]),
                      c = _mm256_unpacklo_epi32(bits.word[2], bits.word[3]),
                      d = _mm256_unpackhi_epi32(bits.word[2], bits.word[3]);
        const __m256i ids[] = {_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c),
                               _mm256_unpacklo_epi64(b, d), _mm256_unpackhi_epi64(b, d)};
        for (std::size_t k = 0; k < 4; ++k) {
            const float* at = weights.data() + id + 4 * k;
            const __m256 w = _mm256_set_m128(_mm_loadu_ps(at + 16), _mm_loadu_ps(at));
            unsigned open = may_win(ids[k], w, least_weight, leader.arrival);
            if (open == 0)
                continue;
            alignas(32) std::uint32_t words[8];
            _mm256_store_si256(reinterpret_cast<__m256i*>(words), ids[k]);
            for (; open != 0; open &= open - 1) {
                const auto lane = static_cast<std::size_t>(__builtin_ctz(open));
                const std::size_t place = 4 * k + (lane < 4 ? lane : 12 + lane);
                leader.join(exponential(words[lane]) / weights[id + place],
                            static_cast<std::int32_t>(id + place));
            }
        }
    }
    return id;
}
#else
std::size_t race_in_eights(RaceLeader&, std::span<const float>, float, std::uint64_t, std::uint64_t) {
    return 0;
}
#endif

} // namespace

std::int32_t race_all(std::span<const float> weights, float floor, std::uint64_t seed,
                      std::uint64_t position) {
    RaceLeader leader;
    const std::size_t from = has_avx2() ? race_in_eights(leader, weights, floor, seed, position) : 0;
    race_in_fours(leader, weights, from, floor, seed, position);
    return leader.id;
}

} // namespace switchyard
