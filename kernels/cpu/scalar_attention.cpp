// Attention over one KV block: the scalar twin.
#include "kernels/cpu/scalar.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::cpu::scalar {
namespace {

/// The tokens [first, last) as floats: keys to k [32][head_dim], values to v [32][padded value_dim].
void read_block(const AttendArgs& args, KvRange range, float* k, float* v) {
    const int width = accumulator_floats(args.value_dim);
    for (int t = range.first; t < range.last; ++t) {
        float* key = k + t * args.head_dim;
        float* value = v + t * width;
        load_k(args.type, args.k_block, args.head_dim, t, key);
        std::fill(value, value + width, 0.0f);
        if (args.v_block) {
            load_v(args.type, args.v_block, args.value_dim, t, value);
        } else {
            std::copy(key, key + args.value_dim, value);
        }
    }
}

/// cap * tanh(score / cap)
float capped(float score, float cap) { return cap * (1.0f - 2.0f / (exp(score / cap * 2.0f) + 1.0f)); }

} // namespace

void attend_block(const AttendArgs& args) {
    const int width = accumulator_floats(args.value_dim);
    float* keys = args.scratch;
    float* values = args.scratch + kKvTokens * args.head_dim;
    for (int i = 0; i < args.queries; ++i) {
        const KvRange range = args.ranges[i];
        if (range.first >= range.last) {
            continue;
        }
        read_block(args, range, keys, values);
        const float* q = args.q + i * args.q_stride;
        float p[kKvTokens];
        float largest = args.max[i];
        for (int t = range.first; t < range.last; ++t) {
            p[t] = 0.0f;
            for (int d = 0; d < args.head_dim; ++d) {
                p[t] = std::fma(q[d], keys[t * args.head_dim + d], p[t]);
            }
            p[t] = args.cap > 0.0f ? capped(p[t], args.cap) : p[t];
            largest = std::max(largest, p[t]);
        }
        const float correction = exp(args.max[i] - largest);
        float lane[8];
        for (int t = 0; t < kKvTokens; ++t) {
            p[t] = t >= range.first && t < range.last ? exp(p[t] - largest) : 0.0f;
        }
        for (int l = 0; l < 8; ++l) {
            lane[l] = (p[l] + p[8 + l]) + (p[16 + l] + p[24 + l]);
        }
        args.max[i] = largest;
        args.sum[i] = std::fma(args.sum[i], correction, sum_lanes(lane));
        float* acc = args.acc + i * args.acc_stride;
        for (int d = 0; d < width; ++d) {
            acc[d] *= correction;
            for (int t = range.first; t < range.last; ++t) {
                acc[d] = std::fma(p[t], values[t * width + d], acc[d]);
            }
        }
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
        const float largest = std::max(max, from_max), keep = sum == 0.0f ? 0.0f : exp(max - largest),
                    take = exp(from_max - largest);
        max = largest;
        sum = std::fma(from_sum, take, sum * keep);
        float* acc = args.into.acc + i * width;
        for (int d = 0; d < width; ++d) {
            const float value = args.from.acc ? args.from.acc[i * width + d] : 0.0f;
            acc[d] = std::fma(value, take, acc[d] * keep);
        }
    }
}

} // namespace switchyard::cpu::scalar
