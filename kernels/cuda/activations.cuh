// Functions of gates.
#pragma once

#include "kernels/cuda/device_code.h"

namespace switchyard::cuda {

/// x * sigmoid(y)
__device__ inline float sigmoid_times(float x, float y) { return x / add_rounded(1.0f, expf(-y)); }
__device__ inline float silu(float x) { return sigmoid_times(x, x); }
__device__ inline float softplus(float x) { return add_rounded(fmaxf(x, 0.0f), log1pf(expf(-fabsf(x)))); }

} // namespace switchyard::cuda
