// Functions of gates.
#pragma once

#include "kernels/cuda/device_code.h"

namespace switchyard::cuda {

/// x * sigmoid(y)
__device__ inline float sigmoid_times(float x, float y) { return x / add_rounded(1.0f, expf(-y)); }
__device__ inline float silu(float x) { return sigmoid_times(x, x); }
__device__ inline float softplus(float x) { return add_rounded(fmaxf(x, 0.0f), log1pf(expf(-fabsf(x)))); }

/// x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), the tanh form.
__device__ inline float gelu(float x) {
    constexpr float kOne = 1.5957691216057308f, kThree = 0.071354816272600251f;
    return sigmoid_times(x, multiply_rounded(x, fmaf(kThree, multiply_rounded(x, x), kOne)));
}

} // namespace switchyard::cuda
