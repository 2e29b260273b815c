// Rows of layers whose memory has a fixed size, on AVX2.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/math_avx2.h"

namespace switchyard::cpu::avx2 {
namespace {

/// Whole vectors, or the first lanes of one: what lies beyond is 0, and is not written.
struct Whole {
    __m256 load(const float* p) const { return _mm256_loadu_ps(p); }
    void store(float* p, __m256 v) const { _mm256_storeu_ps(p, v); }
};
struct Part {
    __m256i lanes;
    __m256 load(const float* p) const { return _mm256_maskload_ps(p, lanes); }
    void store(float* p, __m256 v) const { _mm256_maskstore_ps(p, lanes, v); }
};

/// 8 * kVectors columns of the state from `column` on: they stay in the first cache between the two passes.
template <int kVectors, class Access>
void delta_columns(const DeltaRuleArgs& a, int column, const Access& access) {
    __m256 sum[kVectors], change[kVectors];
#pragma GCC unroll 4
    for (__m256& s : sum) {
        s = _mm256_setzero_ps();
    }
    const float* const before = a.before + column;
    float* const state = a.state + column;
    const auto decay_of = [&](int i) { return _mm256_set1_ps(a.decays[a.one_decay ? 0 : i]); };
    for (int i = 0; i < a.key_dim; ++i) {
        const float* row = before + std::int64_t{i} * a.value_dim;
        const __m256 k = _mm256_set1_ps(a.k[i]), decay = decay_of(i);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            sum[v] = _mm256_fmadd_ps(k, _mm256_mul_ps(decay, access.load(row + 8 * v)), sum[v]);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
        const __m256 value = access.load(a.v + column + 8 * v);
        change[v] = _mm256_mul_ps(_mm256_set1_ps(a.beta), _mm256_sub_ps(value, sum[v]));
        sum[v] = _mm256_setzero_ps();
    }
    for (int i = 0; i < a.key_dim; ++i) {
        const float* row = before + std::int64_t{i} * a.value_dim;
        float* changed = state + std::int64_t{i} * a.value_dim;
        const __m256 k = _mm256_set1_ps(a.k[i]), q = _mm256_set1_ps(a.q[i]), decay = decay_of(i);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            const __m256 s = _mm256_fmadd_ps(k, change[v], _mm256_mul_ps(decay, access.load(row + 8 * v)));
            access.store(changed + 8 * v, s);
            sum[v] = _mm256_fmadd_ps(q, s, sum[v]);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
        access.store(a.found + column + 8 * v, sum[v]);
    }
}

/// 8 values of a state's row from `j` on.
template <class Access>
void advance(const StateSpaceArgs& a, std::int64_t row, int j, __m256 step, const Access& access,
             __m256& lanes) {
    const __m256 decay =
        a.a ? exp8(_mm256_mul_ps(_mm256_set1_ps(a.time), access.load(a.a + j))) : _mm256_set1_ps(a.decay);
    const __m256 s =
        _mm256_fmadd_ps(step, access.load(a.b + j), _mm256_mul_ps(decay, access.load(a.before + row + j)));
    access.store(a.state + row + j, s);
    lanes = _mm256_fmadd_ps(s, access.load(a.c + j), lanes);
}

} // namespace

void delta_rule(const DeltaRuleArgs& a) {
    int column = 0;
    for (; column + 32 <= a.value_dim; column += 32) {
        delta_columns<4>(a, column, Whole{});
    }
    for (; column + 8 <= a.value_dim; column += 8) {
        delta_columns<1>(a, column, Whole{});
    }
    if (column < a.value_dim) {
        delta_columns<1>(a, column, Part{first_lanes(a.value_dim - column)});
    }
}

void state_space(const StateSpaceArgs& a) {
    for (int p = 0; p < a.head_dim; ++p) {
        const std::int64_t row = std::int64_t{p} * a.state_size;
        const __m256 step = _mm256_set1_ps(a.time * a.x[p]);
        __m256 lanes = _mm256_setzero_ps();
        int j = 0;
        for (; j + 8 <= a.state_size; j += 8) {
            advance(a, row, j, step, Whole{}, lanes);
        }
        if (j < a.state_size) {
            advance(a, row, j, step, Part{first_lanes(a.state_size - j)}, lanes);
        }
        a.out[p] = sum_lanes(lanes);
    }
}

} // namespace switchyard::cpu::avx2
