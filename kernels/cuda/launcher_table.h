// The launchers of all kernels, by kernel. A library that runs kernels has them, with CUDA or without.
#pragma once

#include "kernels/cuda/kernel_list.h"

namespace switchyard::cuda {

/// Starts a kernel on `stream` (what that is, the library knows). Returns 0, or CUDA's error.
using Launcher = int (*)(void* stream, const Launch& launch);

#define SWITCHYARD_DECLARE_LAUNCHER(name, function, Params, Shared, threads, blocks)                         \
    int launch_##function(void* stream, const Launch& launch);
SWITCHYARD_CUDA_KERNELS(SWITCHYARD_DECLARE_LAUNCHER)
#undef SWITCHYARD_DECLARE_LAUNCHER

/// Throws DeviceError where there is nothing to start.
inline Launcher launcher_of(const Launch& launch) {
    static constexpr Launcher kLaunchers[] = {
#define SWITCHYARD_LAUNCHER(name, function, Params, Shared, threads, blocks) launch_##function,
        SWITCHYARD_CUDA_KERNELS(SWITCHYARD_LAUNCHER)
#undef SWITCHYARD_LAUNCHER
    };
    if (launch.grid.x == 0 || launch.grid.y == 0)
        throw DeviceError(std::string("an empty grid for ") + kernel_name(launch.kernel), false);
    return kLaunchers[static_cast<std::size_t>(launch.kernel)];
}

} // namespace switchyard::cuda
