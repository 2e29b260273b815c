// Exponentials of logits, four at a time and in the same bits one at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

namespace switchyard {

using Float4 = float __attribute__((vector_size(16)));
using Int4 = std::int32_t __attribute__((vector_size(16)));

/// e^x for x <= 0 to 2e-7 relative, 0 below -87 and for NaN. `Floats` and `Ints`: vectors of the same length;
/// by reference, so that longer ones than every processor has can be used where it has them.
template <typename Floats, typename Ints>
[[gnu::always_inline]] inline void exp_negative_to(const Floats& x, Floats& result) {
    const Ints usable = x >= -87.0f;
    const Floats safe = usable ? x : Floats{} - 87.0f;
    const Ints n = __builtin_convertvector(safe * 1.44269504f - 0.5f, Ints);
    const Floats steps = __builtin_convertvector(n, Floats);
    const Floats f = (safe - steps * 0.693359375f) + steps * 2.12194440e-4f; // ln 2 in two parts
    Floats p = f * (1.0f / 5040) + 1.0f / 720;
    p = p * f + 1.0f / 120;
    p = p * f + 1.0f / 24;
    p = p * f + 1.0f / 6;
    p = p * f + 0.5f;
    p = p * f + 1.0f;
    p = p * f + 1.0f;
    const Ints power = (n + 127) << 23;
    Floats scale;
    std::memcpy(&scale, &power, sizeof scale);
    result = usable ? p * scale : Floats{};
}

inline Float4 exp_negative(Float4 x) {
    Float4 result;
    exp_negative_to<Float4, Int4>(x, result);
    return result;
}

inline float exp_negative(float x) { return exp_negative(Float4{x, x, x, x})[0]; }

/// Four values from `at` on; beyond the end there is nothing likely.
inline Float4 load(std::span<const float> values, std::size_t at) {
    Float4 four;
    if (at + 4 <= values.size()) {
        std::memcpy(&four, values.data() + at, sizeof four);
        return four;
    }
    four = Float4{} - std::numeric_limits<float>::infinity();
    std::memcpy(&four, values.data() + at, (values.size() - at) * sizeof(float));
    return four;
}

/// Sum of e^((logit - best) * inverse_temperature), always in the same order. With `terms`, they are kept:
/// room for 3 more than there are logits.
inline double mass(std::span<const float> logits, float best, float inverse_temperature,
                   float* terms = nullptr) {
    constexpr std::size_t kRun = 64; // terms summed in single precision
    double total = 0;
    for (std::size_t start = 0; start < logits.size(); start += kRun) {
        Float4 sum{};
        for (std::size_t i = start; i < std::min(logits.size(), start + kRun); i += 4) {
            const Float4 four = exp_negative((load(logits, i) - best) * inverse_temperature);
            sum += four;
            if (terms)
                std::memcpy(terms + i, &four, sizeof four);
        }
        total += static_cast<double>(sum[0]) + sum[1] + sum[2] + sum[3];
    }
    return total;
}

} // namespace switchyard
