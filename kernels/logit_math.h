// Exponentials of logits, four at a time and in the same bits one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

namespace switchyard {

using Float4 = float __attribute__((vector_size(16)));
using Int4 = std::int32_t __attribute__((vector_size(16)));

/// e^x for x <= 0 to 2e-7 relative, 0 below -87 and for NaN. `Floats` and `Ints`: vectors of the same length;
/// by reference, so that longer ones than every processor has can be used where it has them. `safe`: x, or
/// -87 where the result is 0, so that x e^x is a number.
template <typename Floats, typename Ints>
[[gnu::always_inline]] inline void exp_negative_to(const Floats& x, Floats& result, Floats& safe) {
    const Ints usable = x >= -87.0f;
    safe = usable ? x : Floats{} - 87.0f;
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
    Float4 result, safe;
    exp_negative_to<Float4, Int4>(x, result, safe);
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

/// The largest of some logits; -infinity where none is a number.
float largest_logit(std::span<const float> logits);

inline constexpr std::size_t kLogitRun = 64; ///< terms summed in single precision

/// Sums over a run of at most kLogitRun logits, with x = (logit - maximum) * inverse_temperature; those that
/// are no number count as nothing.
struct RunMass {
    double sum = 0;      ///< of e^x
    double weighted = 0; ///< of x e^x
    float most = 0;      ///< the largest x; -infinity where none is a number
};
RunMass run_mass(std::span<const float> logits, float maximum, float inverse_temperature);

/// Sum of e^((logit - best) * inverse_temperature), always in the same order. With `terms`, they are kept:
/// room for 3 more than there are logits.
double mass(std::span<const float> logits, float best, float inverse_temperature, float* terms = nullptr);

} // namespace switchyard
