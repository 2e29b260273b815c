// RMS norm of a group of a row's values, by a block of kInputThreads.
#pragma once

#include "kernels/cuda/inputs.cuh"

namespace switchyard::cuda {

/// out = norm(in) * gain, with the bits of NormGroups. `out` may be `in`.
__device__ inline void norm_group(const float* in, const float* gain, float epsilon, int size, float* out,
                                  InputShared& shared) {
    RowSource source(in, gain, size);
    find_rms(source, epsilon, shared);
    for (int first = 4 * static_cast<int>(threadIdx.x); first < size; first += 4 * kInputThreads) {
        float v[4];
        source.read(first, v);
        for (int i = 0; i < 4 && first + i < size; ++i)
            out[first + i] = v[i];
    }
}

} // namespace switchyard::cuda
