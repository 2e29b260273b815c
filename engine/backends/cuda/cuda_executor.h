// Runs compiled plans on a device.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/run/backend.h"

namespace switchyard::cuda {

/// Steps are computed one after another. `graphs`: steps of answers alone are recorded once a batch size and
/// started as one.
std::unique_ptr<Executor> make_cuda_executor(std::shared_ptr<const Plan> plan,
                                             std::shared_ptr<DevicePool> pool, bool graphs);

} // namespace switchyard::cuda
