// Norm, rope, activations, sums, and activations as integers on AVX2.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/math_avx2.h"

namespace switchyard::cpu::avx2 {
namespace {

__m256 sigmoid_times(__m256 x, __m256 argument) {
    const __m256 e = exp8(_mm256_xor_ps(argument, _mm256_set1_ps(-0.0f)));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

std::int32_t sum_integers(__m128i v) {
    v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1)));
}

/// The largest of 32 magnitudes as an integer, in which a NaN is above infinity.
std::uint32_t largest_magnitude(const __m256* x) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i most = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(x[i]), mask));
    }
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1))));
}

// A half of 128 bits is a group of four: i16_place orders it, packing alternates the groups of two vectors.
void store_integers(const __m256i (&q)[4], I16Block& block) {
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
        const __m256i words = _mm256_packs_epi32(_mm256_shuffle_epi32(q[2 * i], 0xd8),
                                                 _mm256_shuffle_epi32(q[2 * i + 1], 0xd8));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.q) + i, _mm256_permute4x64_epi64(words, 0xd8));
    }
}

// Packed twice, groups of four come as 0 2 4 6 1 3 5 7.
void store_integers(const __m256i (&q)[4], I8Block& block) {
    const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.q), _mm256_permutevar8x32_epi32(bytes, order));
}

/// 32 values times `inverse`, rounded to integers in `block`, with their sums.
template <class Block>
void round_block(const __m256* x, float inverse, Block& block) {
    const __m256 factor = _mm256_set1_ps(inverse);
    __m256i q[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], factor));
    }
    const __m256i low = _mm256_add_epi32(q[0], q[1]), high = _mm256_add_epi32(q[2], q[3]);
    const auto total = [](__m256i v) {
        return sum_integers(_mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
    };
    block.neg_low = -total(low);
    block.neg_sum = block.neg_low - total(high);
    store_integers(q, block);
}

/// `largest`: the largest integer.
template <class Block>
void quantize_blocks(const float* x, std::int64_t cols, float largest, std::byte* out) {
    auto* block = reinterpret_cast<Block*>(out);
    for (std::int64_t b = 0; b < cols / 32; ++b, x += 32, ++block) {
        __m256 values[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            values[i] = _mm256_loadu_ps(x + 8 * i);
        }
        const std::uint32_t bits = largest_magnitude(values);
        float magnitude;
        __builtin_memcpy(&magnitude, &bits, sizeof magnitude);
        float scale = magnitude / largest;
        if (bits < 0x7f800000u && scale >= 1e-36f) {
            round_block(values, 1.0f / scale, *block);
        } else {
            scale = bits < 0x7f800000u ? 0.0f : __builtin_nanf("");
            __builtin_memset(block->q, 0, sizeof block->q);
            block->neg_low = block->neg_sum = 0;
        }
        block->scale = scale;
        block->sum = scale * static_cast<float>(-block->neg_sum);
    }
}

} // namespace

void quantize_i16(const float* x, std::int64_t cols, std::byte* out) {
    quantize_blocks<I16Block>(x, cols, 32767.0f, out);
}

void quantize_i8(const float* x, std::int64_t cols, std::byte* out) {
    quantize_blocks<I8Block>(x, cols, 127.0f, out);
}

void quantize_i8_words(const float* x, std::int64_t cols, std::byte* out) {
    quantize_blocks<I16Block>(x, cols, 127.0f, out);
}

void rms_norm(const float* x, const float* gain, float epsilon, int n, float* out) {
    __m256 lanes[4];
#pragma GCC unroll 4
    for (__m256& lane : lanes) {
        lane = _mm256_setzero_ps();
    }
    int i = 0;
    for (; i + 32 <= n; i += 32) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
            const __m256 v = _mm256_loadu_ps(x + i + 8 * j);
            lanes[j] = _mm256_fmadd_ps(v, v, lanes[j]);
        }
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j, i += 8) {
        if (i < n) { // zeros beyond n change nothing
            const __m256 v = _mm256_maskload_ps(x + i, first_lanes(n - i));
            lanes[j] = _mm256_fmadd_ps(v, v, lanes[j]);
        }
    }
    const float squares =
        sum_lanes(_mm256_add_ps(_mm256_add_ps(lanes[0], lanes[1]), _mm256_add_ps(lanes[2], lanes[3])));
    const __m128 mean = _mm_set_ss(squares / static_cast<float>(n) + epsilon);
    const __m256 factor = _mm256_set1_ps(1.0f / _mm_cvtss_f32(_mm_sqrt_ss(mean)));
    map2(x, gain, out, n, [&](__m256 v, __m256 g) { return _mm256_mul_ps(_mm256_mul_ps(v, factor), g); });
}

namespace {

void rope_pair(float& a, float& b, float cos, float sin) {
    const float rotated = __builtin_fmaf(a, cos, -(b * sin));
    b = __builtin_fmaf(b, cos, a * sin);
    a = rotated;
}

/// cos and sin of four pairs, each twice.
__m256 doubled(const float* p) {
    const __m128 v = _mm_loadu_ps(p);
    return _mm256_set_m128(_mm_unpackhi_ps(v, v), _mm_unpacklo_ps(v, v));
}

} // namespace

void rope(float* x, int dims, const float* cos, const float* sin, RopePairs pairs) {
    const int half = dims / 2;
    int i = 0;
    if (pairs == RopePairs::Interleaved) {
        for (; i + 4 <= half; i += 4) {
            const __m256 v = _mm256_loadu_ps(x + 2 * i), swapped = _mm256_permute_ps(v, 0xb1);
            // even: a cos - (b sin); odd: b cos + (a sin)
            _mm256_storeu_ps(
                x + 2 * i, _mm256_fmaddsub_ps(v, doubled(cos + i), _mm256_mul_ps(swapped, doubled(sin + i))));
        }
        for (; i < half; ++i) {
            rope_pair(x[2 * i], x[2 * i + 1], cos[i], sin[i]);
        }
        return;
    }
    for (; i + 8 <= half; i += 8) {
        const __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + half + i);
        const __m256 c = _mm256_loadu_ps(cos + i), s = _mm256_loadu_ps(sin + i);
        _mm256_storeu_ps(x + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
        _mm256_storeu_ps(x + half + i, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
    }
    for (; i < half; ++i) {
        rope_pair(x[i], x[half + i], cos[i], sin[i]);
    }
}

void swiglu(const float* gate, const float* up, float* out, int n) {
    map2(gate, up, out, n, [](__m256 g, __m256 u) { return _mm256_mul_ps(sigmoid_times(g, g), u); });
}

void gelu_glu(const float* gate, const float* up, float* out, int n) {
    const __m256 one = _mm256_set1_ps(exp_constants::kGelu1), three = _mm256_set1_ps(exp_constants::kGelu3);
    map2(gate, up, out, n, [&](__m256 g, __m256 u) {
        const __m256 argument = _mm256_mul_ps(g, _mm256_fmadd_ps(three, _mm256_mul_ps(g, g), one));
        return _mm256_mul_ps(sigmoid_times(g, argument), u);
    });
}

void softmax(float* x, int n) {
    const __m256 lowest = _mm256_set1_ps(-__builtin_inff());
    __m256 most = lowest;
    for_vectors(
        n, [&](int i) { most = _mm256_max_ps(most, _mm256_loadu_ps(x + i)); },
        [&](int i, __m256i mask) {
            const __m256 v = _mm256_maskload_ps(x + i, mask);
            most = _mm256_max_ps(most, _mm256_blendv_ps(lowest, v, _mm256_castsi256_ps(mask)));
        });
    const __m256 largest = _mm256_set1_ps(largest_lane(most));
    __m256 lanes = _mm256_setzero_ps();
    for_vectors(
        n,
        [&](int i) {
            const __m256 e = exp8(_mm256_sub_ps(_mm256_loadu_ps(x + i), largest));
            _mm256_storeu_ps(x + i, e);
            lanes = _mm256_add_ps(lanes, e);
        },
        [&](int i, __m256i mask) {
            const __m256 e = exp8(_mm256_sub_ps(_mm256_maskload_ps(x + i, mask), largest));
            _mm256_maskstore_ps(x + i, mask, e);
            lanes = _mm256_add_ps(lanes, _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
        });
    const __m256 sum = _mm256_set1_ps(sum_lanes(lanes));
    map2(x, x, x, n, [&](__m256 v, __m256) { return _mm256_div_ps(v, sum); });
}

void add(const float* x, float* y, int n) {
    map2(x, y, y, n, [](__m256 a, __m256 b) { return _mm256_add_ps(a, b); });
}

void scale_add(float a, const float* x, float* y, int n) {
    const __m256 factor = _mm256_set1_ps(a);
    map2(x, y, y, n, [&](__m256 v, __m256 sum) { return _mm256_fmadd_ps(factor, v, sum); });
}

void scale(float a, const float* x, float* y, int n) {
    const __m256 factor = _mm256_set1_ps(a);
    map2(x, x, y, n, [&](__m256 v, __m256) { return _mm256_mul_ps(factor, v); });
}

} // namespace switchyard::cpu::avx2
