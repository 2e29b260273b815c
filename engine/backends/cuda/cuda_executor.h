// Runs compiled plans on a device.
#pragma once

#include "engine/backends/cuda/device_step.h"
#include "engine/run/backend.h"

namespace switchyard::cuda {

/// Steps are computed one after another.
std::unique_ptr<Executor> make_cuda_executor(std::shared_ptr<const Plan> plan,
                                             std::shared_ptr<DevicePool> pool,
                                             const DeviceStepOptions& options);

} // namespace switchyard::cuda
