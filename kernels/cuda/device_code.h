// The language kernels are written in: CUDA's own keywords and the few operations of a warp that they use,
// under one name each. nvcc compiles it for devices; the host's compiler, with emulation/device_code.h,
// runs the same sources on the CPU, a fiber for a thread.
#pragma once

#include "kernels/blocks.h"
#include "kernels/cuda/device.h"

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#include "kernels/cuda/device_code_cuda.h"
#else
#include "kernels/cuda/emulation/device_code.h"
#endif

namespace switchyard::cuda {

inline constexpr int kWarpLanes = 32;

__device__ inline int lane_index() { return static_cast<int>(threadIdx.x % kWarpLanes); }
__device__ inline int warp_index() { return static_cast<int>(threadIdx.x / kWarpLanes); }

/// The sum over a warp's lanes, in one fixed order, in every lane.
__device__ inline float warp_sum(float x) {
    for (int distance = kWarpLanes / 2; distance > 0; distance /= 2)
        x += shuffle_xor(x, distance);
    return x;
}
__device__ inline float warp_max(float x) {
    for (int distance = kWarpLanes / 2; distance > 0; distance /= 2)
        x = fmaxf(x, shuffle_xor(x, distance));
    return x;
}

} // namespace switchyard::cuda
