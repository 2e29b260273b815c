// NVIDIA's cuBLASLt, opened where it is installed: products of prompts' rows with dense weights.
#pragma once

#include "kernels/cuda/library/cuda_stream.h"

#include <memory>

namespace switchyard::cuda {

/// nullptr where there is no cuBLASLt of this runtime's generation, or it does not start.
std::unique_ptr<DenseProducts> open_cublas(std::shared_ptr<CudaContext> context);

} // namespace switchyard::cuda
