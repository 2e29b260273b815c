#include "kernels/logit_math.h"

#include "kernels/processor.h"

#include <algorithm>

namespace switchyard {
namespace {

/// Four sums of the terms of every fourth logit each, and the largest x.
struct RunSums {
    Float4 sum{}, weighted{};
    float most = -std::numeric_limits<float>::infinity();
};

float largest_of(const Float4& four) { return std::max({four[0], four[1], four[2], four[3]}); }

/// `from`: the first that is not in the sums yet.
void add_run(std::span<const float> logits, std::size_t from, float maximum, float inverse_temperature,
             RunSums& sums) {
    for (std::size_t i = from; i < logits.size(); i += 4) {
        const Float4 x = (load(logits, i) - maximum) * inverse_temperature;
        Float4 e, safe;
        exp_negative_to<Float4, Int4>(x, e, safe);
        sums.sum += e;
        sums.weighted += safe * e;
        const Float4 none = Float4{} - std::numeric_limits<float>::infinity();
        sums.most = std::max(sums.most, largest_of(x > none ? x : none));
    }
}

/// The same of the sum alone; `terms`: null, or where each goes.
Float4 sum_run(std::span<const float> logits, std::size_t from, float best, float inverse_temperature,
               Float4 sum, float* terms) {
    for (std::size_t i = from; i < logits.size(); i += 4) {
        const Float4 e = exp_negative((load(logits, i) - best) * inverse_temperature);
        sum += e;
        if (terms)
            std::memcpy(terms + i, &e, sizeof e);
    }
    return sum;
}

Float4 largest_four(std::span<const float> logits, std::size_t from, Float4 best) {
    for (std::size_t i = from; i < logits.size(); i += 4) {
        const Float4 four = load(logits, i);
        best = four > best ? four : best;
    }
    return best;
}

#if defined(__x86_64__)
using Float8 = float __attribute__((vector_size(32)));
using Int8 = std::int32_t __attribute__((vector_size(32)));

/// Eight at a time, added four by four: the same sums.
[[gnu::target("avx2")]] std::size_t add_eights(std::span<const float> logits, float maximum,
                                               float inverse_temperature, RunSums& sums) {
    Float4 sum = sums.sum, weighted = sums.weighted;
    Float8 most = Float8{} - std::numeric_limits<float>::infinity();
    std::size_t i = 0;
    for (; i + 8 <= logits.size(); i += 8) {
        Float8 x, e, safe;
        std::memcpy(&x, logits.data() + i, sizeof x);
        x = (x - maximum) * inverse_temperature;
        most = x > most ? x : most;
        exp_negative_to<Float8, Int8>(x, e, safe);
        safe *= e;
        Float4 e4[2], w4[2];
        std::memcpy(e4, &e, sizeof e);
        std::memcpy(w4, &safe, sizeof safe);
        sum += e4[0];
        sum += e4[1];
        weighted += w4[0];
        weighted += w4[1];
    }
    sums = {sum, weighted, sums.most};
    for (std::size_t lane = 0; lane < 8; ++lane)
        sums.most = std::max(sums.most, most[lane]);
    return i;
}

[[gnu::target("avx2")]] std::size_t sum_eights(std::span<const float> logits, float best,
                                               float inverse_temperature, Float4& sum, float* terms) {
    std::size_t i = 0;
    for (; i + 8 <= logits.size(); i += 8) {
        Float8 x, e, safe;
        std::memcpy(&x, logits.data() + i, sizeof x);
        x = (x - best) * inverse_temperature;
        exp_negative_to<Float8, Int8>(x, e, safe);
        Float4 e4[2];
        std::memcpy(e4, &e, sizeof e);
        sum += e4[0];
        sum += e4[1];
        if (terms)
            std::memcpy(terms + i, &e, sizeof e);
    }
    return i;
}

/// Four vectors that do not wait for each other.
[[gnu::target("avx2")]] std::size_t largest_eights(std::span<const float> logits, Float4& best) {
    Float8 most[4];
    for (Float8& m : most)
        m = Float8{} - std::numeric_limits<float>::infinity();
    std::size_t i = 0;
    for (; i + 32 <= logits.size(); i += 32)
#pragma GCC unroll 4
        for (std::size_t k = 0; k < 4; ++k) {
            Float8 x;
            std::memcpy(&x, logits.data() + i + 8 * k, sizeof x);
            most[k] = x > most[k] ? x : most[k];
        }
    for (const Float8& m : most) {
        Float4 halves[2];
        std::memcpy(halves, &m, sizeof m);
        for (const Float4& half : halves)
            best = half > best ? half : best;
    }
    return i;
}
#else
std::size_t add_eights(std::span<const float>, float, float, RunSums&) { return 0; }
std::size_t sum_eights(std::span<const float>, float, float, Float4&, float*) { return 0; }
std::size_t largest_eights(std::span<const float>, Float4&) { return 0; }
#endif

} // namespace

float largest_logit(std::span<const float> logits) {
    Float4 best = Float4{} - std::numeric_limits<float>::infinity();
    const std::size_t from = has_avx2() ? largest_eights(logits, best) : 0;
    return largest_of(largest_four(logits, from, best));
}

RunMass run_mass(std::span<const float> logits, float maximum, float inverse_temperature) {
    RunSums sums;
    const std::size_t from = has_avx2() ? add_eights(logits, maximum, inverse_temperature, sums) : 0;
    add_run(logits, from, maximum, inverse_temperature, sums);
    const Float4 &sum = sums.sum, &weighted = sums.weighted;
    return {static_cast<double>(sum[0]) + sum[1] + sum[2] + sum[3],
            static_cast<double>(weighted[0]) + weighted[1] + weighted[2] + weighted[3], sums.most};
}

double mass(std::span<const float> logits, float best, float inverse_temperature, float* terms) {
    double total = 0;
    for (std::size_t start = 0; start < logits.size(); start += kLogitRun) {
        const auto run = logits.subspan(start, std::min(kLogitRun, logits.size() - start));
        float* run_terms = terms ? terms + start : nullptr;
        Float4 sum{};
        const std::size_t from = has_avx2() ? sum_eights(run, best, inverse_temperature, sum, run_terms) : 0;
        sum = sum_run(run, from, best, inverse_temperature, sum, run_terms);
        total += static_cast<double>(sum[0]) + sum[1] + sum[2] + sum[3];
    }
    return total;
}

} // namespace switchyard
