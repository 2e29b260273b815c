// Exponentials of logits, in the bits of kernels/logit_math.h.
#pragma once

#include "kernels/cuda/device_code.h"

namespace switchyard::cuda {

/// e^x for x <= 0: the very operations of exp_negative().
__device__ inline float exp_of_negative(float x) {
    const bool usable = x >= -87.0f;
    const float safe = usable ? x : -87.0f;
    const auto n = static_cast<std::int32_t>(add_rounded(multiply_rounded(safe, 1.44269504f), -0.5f));
    const auto steps = static_cast<float>(n);
    const float f = add_rounded(add_rounded(safe, -multiply_rounded(steps, 0.693359375f)),
                                multiply_rounded(steps, 2.12194440e-4f)); // ln 2 in two parts
    float p = add_rounded(multiply_rounded(f, 1.0f / 5040), 1.0f / 720);
    p = add_rounded(multiply_rounded(p, f), 1.0f / 120);
    p = add_rounded(multiply_rounded(p, f), 1.0f / 24);
    p = add_rounded(multiply_rounded(p, f), 1.0f / 6);
    p = add_rounded(multiply_rounded(p, f), 0.5f);
    p = add_rounded(multiply_rounded(p, f), 1.0f);
    p = add_rounded(multiply_rounded(p, f), 1.0f);
    const float power = multiply_rounded(p, bits_float(static_cast<std::uint32_t>(n + 127) << 23));
    return usable ? power : 0.0f;
}

} // namespace switchyard::cuda
