// A card, with CUDA's runtime.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/library/nvml.h"

#include <memory>

namespace switchyard::cuda {

/// Throws DeviceError. `nvml` is for its health.
std::unique_ptr<Device> open_cuda_device(const DeviceInfo& info, std::shared_ptr<const Nvml> nvml);

} // namespace switchyard::cuda
