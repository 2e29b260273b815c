// Vector functions shared by the AVX2 files; the same operations in the same order as the scalar twins.
#pragma once

#include "kernels/cpu/exp_constants.h"

#include <immintrin.h>

namespace switchyard::cpu {
namespace {

/// 2^n for -126 <= n <= 127.
inline __m256 power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

inline __m256 exp8(__m256 x) {
    using namespace exp_constants;
    // A NaN is the second operand of max and min, which they return.
    x = _mm256_min_ps(_mm256_set1_ps(kHighest), _mm256_max_ps(_mm256_set1_ps(kLowest), x));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(kInverseLn2)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(kLn2High), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(kLn2Low), r);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(kC[4]), r, _mm256_set1_ps(kC[3]));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC[2]));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC[1]));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(kC[0]));
    p = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), _mm256_set1_ps(1.0f));
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(_mm256_mul_ps(p, power_of_two(half)), power_of_two(_mm256_sub_epi32(whole, half)));
}

/// The sum of the lanes, in the order of scalar::sum_lanes.
inline float sum_lanes(__m256 v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline float largest_lane(__m256 v) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// All bits set in the first `n` lanes (0..8).
inline __m256i first_lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// Calls step(load, store, i) for each 8 of `n` values: whole vectors, then one masked; loads beyond n give
/// 0.
template <class Whole, class Part>
inline void for_vectors(int n, const Whole& whole, const Part& part) {
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        whole(i);
    }
    if (i < n) {
        part(i, first_lanes(n - i));
    }
}

/// y[i] = f(i'th vectors of the inputs), for inputs a and b; y may be either.
template <class F>
inline void map2(const float* a, const float* b, float* y, int n, const F& f) {
    for_vectors(
        n, [&](int i) { _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i))); },
        [&](int i, __m256i mask) {
            _mm256_maskstore_ps(y + i, mask,
                                f(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask)));
        });
}

} // namespace
} // namespace switchyard::cpu
