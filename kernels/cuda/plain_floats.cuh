// Vectors that kernels read as plain floats.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

/// Of gains, biases and the like; null where there is none.
__device__ inline const float* plain_floats(const MatrixView* vector) {
    return vector ? reinterpret_cast<const float*>(vector->data) : nullptr;
}

} // namespace switchyard::cuda
