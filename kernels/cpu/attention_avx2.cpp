// Attention over one KV block on AVX2. A block is turned to floats once when several queries share it.
#include "kernels/cpu/isa.h"
#include "kernels/cpu/kv_blocks.h"
#include "kernels/cpu/math_avx2.h"

namespace switchyard::cpu::avx2 {
namespace {

/// 8 values that take whole bytes as floats; Q8_0 values still lack their scale.
template <BlockType kType>
__m256 load_values(const std::byte* base, std::size_t index) {
    if constexpr (kType == BlockType::F32) {
        return _mm256_loadu_ps(reinterpret_cast<const float*>(base) + index);
    } else if constexpr (kType == BlockType::F16) {
        return _mm256_cvtph_ps(
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(reinterpret_cast<const Half*>(base) + index)));
    } else {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(base + index));
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    }
}

/// Q4_0 values from the lanes' lowest 4 bits.
__m256 scaled_nibbles(__m256i nibbles, __m256 scale) {
    const __m256i own = _mm256_and_si256(nibbles, _mm256_set1_epi32(15));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(own, _mm256_set1_epi32(8))), scale);
}

__m256 load_scales(const std::byte* scales, std::size_t index) {
    return _mm256_cvtph_ps(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(reinterpret_cast<const Half*>(scales) + index)));
}

/// Scales of 32 dimensions of a K block by token, as floats; nothing where values have none.
template <BlockType kType>
void load_key_scales(const AttendArgs& args, int d, float* scales) {
    if constexpr (kv_has_scales(kType)) {
        for (int part = 0; part < 4; ++part) {
            const auto at = static_cast<std::size_t>(d / 32 * kKvTokens + 8 * part);
            _mm256_store_ps(scales + 8 * part,
                            load_scales(args.k_block + k_scales_offset(kType, args.head_dim), at));
        }
    }
}

/// Tokens 8 part .. 8 part + 7 of dimension d of a K block.
template <BlockType kType>
__m256 load_keys(const AttendArgs& args, int d, int part, [[maybe_unused]] const float* scales) {
    if constexpr (kType == BlockType::Q4_0) {
        const std::byte* pairs = args.k_block + d / 2 * kKvTokens + 8 * part;
        const __m256i both = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(pairs)));
        return scaled_nibbles(_mm256_srl_epi32(both, _mm_cvtsi32_si128(d % 2 * 4)),
                              _mm256_load_ps(scales + 8 * part));
    } else {
        const __m256 values =
            load_values<kType>(args.k_block, static_cast<std::size_t>(d * kKvTokens + 8 * part));
        if constexpr (kType == BlockType::Q8_0) {
            return _mm256_mul_ps(values, _mm256_load_ps(scales + 8 * part));
        }
        return values;
    }
}

/// The scale of a token's dimensions d .. d + 31, in every lane; 1 where values have none.
template <BlockType kType>
__m256 load_value_scale(const AttendArgs& args, int token, int d) {
    if constexpr (kv_has_scales(kType)) {
        const auto at = static_cast<std::size_t>(token * kv_groups(args.value_dim) + d / 32);
        const auto* scales =
            reinterpret_cast<const Half*>(args.v_block + v_scales_offset(kType, args.value_dim));
        return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(scales[at])));
    }
    return _mm256_set1_ps(1.0f);
}

/// Dimensions d .. d + 7 of a token of a V block.
template <BlockType kType>
__m256 load_value(const AttendArgs& args, int token, int d, [[maybe_unused]] __m256 scale) {
    const auto at = static_cast<std::size_t>(token * accumulator_floats(args.value_dim) + d);
    if constexpr (kType == BlockType::Q4_0) {
        int eight;
        __builtin_memcpy(&eight, args.v_block + at / 2, sizeof(eight));
        const __m256i places = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
        return scaled_nibbles(_mm256_srlv_epi32(_mm256_set1_epi32(eight), places), scale);
    } else {
        const __m256 values = load_values<kType>(args.v_block, at);
        if constexpr (kType == BlockType::Q8_0) {
            return _mm256_mul_ps(values, scale);
        }
        return values;
    }
}

/// Bytes of a dimension of keys, and of 32 dimensions of a token's values, but for scales.
template <BlockType kType>
constexpr std::size_t kLineBytes = kType == BlockType::F32    ? 4 * kKvTokens
                                   : kType == BlockType::F16  ? 2 * kKvTokens
                                   : kType == BlockType::Q8_0 ? kKvTokens
                                                              : kKvTokens / 2;

/// Asks memory for a line of a block that comes next, at the pace at which this one is read: a head's part of
/// a block is too short for the processor to see where it goes on. To the second-level cache: the first one
/// waits for so few lines at once (24 on Zen 4) that it would be the limit.
template <BlockType kType>
void prefetch_line(const std::byte* block, int line) {
    if (block) {
        const std::byte* at = block + static_cast<std::size_t>(line) * kLineBytes<kType>;
        _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T1);
        if constexpr (kLineBytes < kType >> 64) {
            _mm_prefetch(reinterpret_cast<const char*>(at + 64), _MM_HINT_T1);
        }
    }
}

/// score[n][part] = q(n) . keys of tokens 8 part .. 8 part + 7
template <BlockType kType, int N>
void score_queries(const AttendArgs& args, int first_query, __m256 (&score)[N][4]) {
#pragma GCC unroll 4
    for (auto& row : score) {
#pragma GCC unroll 4
        for (__m256& part : row) {
            part = _mm256_setzero_ps();
        }
    }
    const float* q = args.q + first_query * args.q_stride;
    const std::byte* next = first_query == 0 ? args.next_keys : nullptr;
    alignas(32) float scales[kKvTokens];
    for (int group = 0; group < args.head_dim; group += 32) {
        load_key_scales<kType>(args, group, scales);
        const int end = group + 32 < args.head_dim ? group + 32 : args.head_dim;
        for (int d = group; d < end; ++d) {
            prefetch_line<kType>(next, d);
            __m256 values[N];
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) {
                values[n] = _mm256_set1_ps(q[n * args.q_stride + d]);
            }
#pragma GCC unroll 4
            for (int part = 0; part < 4; ++part) {
                const __m256 keys = load_keys<kType>(args, d, part, scales);
#pragma GCC unroll 4
                for (int n = 0; n < N; ++n) {
                    score[n][part] = _mm256_fmadd_ps(values[n], keys, score[n][part]);
                }
            }
        }
    }
}

/// cap * tanh(score / cap), by the operations of the scalar twin.
__m256 capped(__m256 score, float cap) {
    const __m256 one = _mm256_set1_ps(1.0f), two = _mm256_set1_ps(2.0f), limit = _mm256_set1_ps(cap);
    const __m256 power = exp8(_mm256_mul_ps(_mm256_div_ps(score, limit), two));
    return _mm256_mul_ps(limit, _mm256_sub_ps(one, _mm256_div_ps(two, _mm256_add_ps(power, one))));
}

/// Turns scores into weights relative to the new maximum, updates max and sum, returns what acc is multiplied
/// by. Where the query sees nothing the weights are 0 and the factor 1. kWhole: it sees all tokens.
template <bool kWhole>
float weigh(const AttendArgs& args, int query, const __m256 (&score)[4], float* weights) {
    const KvRange range = args.ranges[query];
    const __m256i before = _mm256_set1_epi32(range.first - 1), end = _mm256_set1_epi32(range.last);
    const float old = args.max[query];
    __m256 most = _mm256_set1_ps(old), masked[4], masks[4];
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
        if constexpr (kWhole) {
            masked[part] = score[part];
            most = _mm256_max_ps(most, score[part]);
            continue;
        }
        const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i token = _mm256_add_epi32(_mm256_set1_epi32(8 * part), lanes);
        masks[part] = _mm256_castsi256_ps(
            _mm256_and_si256(_mm256_cmpgt_epi32(token, before), _mm256_cmpgt_epi32(end, token)));
        masked[part] = _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), score[part], masks[part]);
        most = _mm256_max_ps(most, masked[part]);
    }
    const bool empty = !kWhole && range.first >= range.last;
    const float largest = empty ? old : largest_lane(most);
    // Mostly the largest stays, and the factor is exp(0).
    const bool stays = empty || old == largest;
    const float factor = stays ? 1.0f : _mm256_cvtss_f32(exp8(_mm256_set1_ps(old - largest)));
    __m256 p[4];
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
        p[part] = exp8(_mm256_sub_ps(masked[part], _mm256_set1_ps(largest)));
        if constexpr (!kWhole) {
            p[part] = _mm256_and_ps(p[part], masks[part]);
        }
        _mm256_storeu_ps(weights + 8 * part, p[part]);
    }
    const float sum = sum_lanes(_mm256_add_ps(_mm256_add_ps(p[0], p[1]), _mm256_add_ps(p[2], p[3])));
    args.max[query] = largest;
    args.sum[query] = __builtin_fmaf(args.sum[query], factor, sum);
    return factor;
}

/// acc = acc * factor + weights . values, M vectors of dimensions from d on, for N queries that see the same
/// tokens.
template <BlockType kType, int N, int M>
void add_values(const AttendArgs& args, int first_query, KvRange range, int d,
                const float (*weights)[kKvTokens], const float* factors) {
    float* out = args.acc + first_query * args.acc_stride + d;
    const std::byte* next = first_query == 0 && M == 4 ? args.next_values : nullptr;
    const int lines = accumulator_floats(args.value_dim) / 32; // of a token
    __m256 acc[N][M];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
#pragma GCC unroll 4
        for (int m = 0; m < M; ++m) {
            const __m256 old = _mm256_loadu_ps(out + n * args.acc_stride + 8 * m);
            acc[n][m] = _mm256_mul_ps(old, _mm256_set1_ps(factors[n]));
        }
    }
    for (int t = range.first; t < range.last; ++t) {
        prefetch_line<kType>(next, t * lines + d / 32);
        __m256 weight[N];
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) {
            weight[n] = _mm256_set1_ps(weights[n][t]);
        }
        const __m256 scale = load_value_scale<kType>(args, t, d); // M vectors lie within 32 dimensions
#pragma GCC unroll 4
        for (int m = 0; m < M; ++m) {
            const __m256 value = load_value<kType>(args, t, d + 8 * m, scale);
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) {
                acc[n][m] = _mm256_fmadd_ps(weight[n], value, acc[n][m]);
            }
        }
    }
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
#pragma GCC unroll 4
        for (int m = 0; m < M; ++m) {
            _mm256_storeu_ps(out + n * args.acc_stride + 8 * m, acc[n][m]);
        }
    }
}

template <BlockType kType, int N>
void add_all_values(const AttendArgs& args, int first_query, const float (*weights)[kKvTokens],
                    const float* factors) {
    const KvRange range = args.ranges[first_query];
    const int width = accumulator_floats(args.value_dim);
    int d = 0;
    for (; d + 32 <= width; d += 32) {
        add_values<kType, N, 4>(args, first_query, range, d, weights, factors);
    }
    for (; d < width; d += 8) {
        add_values<kType, N, 1>(args, first_query, range, d, weights, factors);
    }
}

template <BlockType kType, int N>
void attend_queries(const AttendArgs& args, int first_query) {
    __m256 score[N][4];
    score_queries<kType, N>(args, first_query, score);
    if (args.cap > 0.0f) {
#pragma GCC unroll 4
        for (auto& row : score) {
#pragma GCC unroll 4
            for (__m256& part : row) {
                part = capped(part, args.cap);
            }
        }
    }
    float weights[N][kKvTokens], factors[N];
    bool same = true;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
        const KvRange a = args.ranges[first_query], b = args.ranges[first_query + n];
        const bool whole = b.first == 0 && b.last == kKvTokens;
        factors[n] = whole ? weigh<true>(args, first_query + n, score[n], weights[n])
                           : weigh<false>(args, first_query + n, score[n], weights[n]);
        same = same && a.first == b.first && a.last == b.last;
    }
    if (same) {
        add_all_values<kType, N>(args, first_query, weights, factors);
        return;
    }
    for (int n = 0; n < N; ++n) { // a token that only some see must not touch the others
        add_all_values<kType, 1>(args, first_query + n, weights + n, factors + n);
    }
}

template <BlockType kType>
void attend_all(const AttendArgs& args) {
    int i = 0;
    for (; i + 3 <= args.queries; i += 3) {
        attend_queries<kType, 3>(args, i);
    }
    if (args.queries - i == 2) {
        attend_queries<kType, 2>(args, i);
    } else if (args.queries - i == 1) {
        attend_queries<kType, 1>(args, i);
    }
}

/// Rows and columns of 8 x 8 floats exchanged.
void transpose(__m256 (&r)[8]) {
    __m256 a[8], b[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        r[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/// Values [32][value_dim] from the first dimensions of the keys [head_dim][32].
void values_from_keys(const AttendArgs& args, const float* keys, float* values) {
    const int width = accumulator_floats(args.value_dim);
    for (int d = 0; d < width; d += 8) {
        for (int part = 0; part < 4; ++part) {
            __m256 block[8];
#pragma GCC unroll 8
            for (int i = 0; i < 8; ++i) {
                block[i] = d + i < args.value_dim ? _mm256_loadu_ps(keys + (d + i) * kKvTokens + 8 * part)
                                                  : _mm256_setzero_ps();
            }
            transpose(block);
#pragma GCC unroll 8
            for (int i = 0; i < 8; ++i) {
                _mm256_storeu_ps(values + (8 * part + i) * width + d, block[i]);
            }
        }
    }
}

/// The block as floats in the scratch memory.
template <BlockType kType>
AttendArgs decoded(const AttendArgs& args) {
    float* keys = args.scratch;
    float* values = keys + args.head_dim * kKvTokens;
    alignas(32) float scales[kKvTokens] = {};
    for (int d = 0; d < args.head_dim; ++d) {
        if (d % 32 == 0) { // a new group
            load_key_scales<kType>(args, d, scales);
        }
        prefetch_line<kType>(args.next_keys, d);
        for (int part = 0; part < 4; ++part) {
            _mm256_storeu_ps(keys + d * kKvTokens + 8 * part, load_keys<kType>(args, d, part, scales));
        }
    }
    if (args.v_block) {
        const int width = accumulator_floats(args.value_dim);
        for (int t = 0; t < kKvTokens; ++t) {
            for (int d = 0; d < width; d += 8) {
                if (d % 32 == 0) {
                    prefetch_line<kType>(args.next_values, (t * width + d) / 32);
                }
                _mm256_storeu_ps(values + t * width + d,
                                 load_value<kType>(args, t, d, load_value_scale<kType>(args, t, d)));
            }
        }
    } else {
        values_from_keys(args, keys, values);
    }
    AttendArgs out = args;
    out.type = BlockType::F32;
    out.k_block = reinterpret_cast<const std::byte*>(keys);
    out.v_block = reinterpret_cast<const std::byte*>(values);
    out.next_keys = out.next_values = nullptr; // asked for
    return out;
}

/// Above this many queries turning the block to floats first costs less than doing it for every three.
constexpr int kDecodeFrom = 7;

template <BlockType kType>
void attend(const AttendArgs& args) {
    if (!args.v_block || (kType != BlockType::F32 && args.queries >= kDecodeFrom)) {
        attend_all<BlockType::F32>(decoded<kType>(args));
    } else {
        attend_all<kType>(args);
    }
}

} // namespace

void attend_block(const AttendArgs& args) {
    switch (args.type) {
    case BlockType::F32:
        return attend<BlockType::F32>(args);
    case BlockType::F16:
        return attend<BlockType::F16>(args);
    case BlockType::Q8_0:
        return attend<BlockType::Q8_0>(args);
    default:
        return attend<BlockType::Q4_0>(args);
    }
}

void merge_states(const MergeStatesArgs& args) {
    const int width = accumulator_floats(args.value_dim);
    for (int i = 0; i < args.queries; ++i) {
        const float from_max = args.from.max[i], from_sum = args.from.sum[i];
        float &max = args.into.max[i], &sum = args.into.sum[i];
        if (from_sum == 0.0f) {
            continue;
        }
        // As std::max.
        const float largest = max < from_max ? from_max : max;
        const __m256 keep = sum == 0.0f ? _mm256_setzero_ps() : exp8(_mm256_set1_ps(max - largest));
        const __m256 take = exp8(_mm256_set1_ps(from_max - largest));
        max = largest;
        sum = __builtin_fmaf(from_sum, _mm256_cvtss_f32(take), sum * _mm256_cvtss_f32(keep));
        float* acc = args.into.acc + i * width;
        for (int d = 0; d < width; d += 8) {
            const __m256 value =
                args.from.acc ? _mm256_loadu_ps(args.from.acc + i * width + d) : _mm256_setzero_ps();
            _mm256_storeu_ps(acc + d,
                             _mm256_fmadd_ps(value, take, _mm256_mul_ps(_mm256_loadu_ps(acc + d), keep)));
        }
    }
}

} // namespace switchyard::cpu::avx2
