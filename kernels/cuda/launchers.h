// How a kernel is started, by the library that was compiled: each file of kernels defines the launchers of
// its own list.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/launcher_table.h"

namespace switchyard::cuda {

/// Bytes of shared memory that a kernel with this struct asks for.
template <typename Shared>
constexpr std::size_t shared_bytes_of() {
    return std::is_empty_v<Shared> ? 0 : sizeof(Shared);
}

#if defined(__CUDACC__)
template <typename Params>
int launch_on_device(void (*kernel)(Params), int threads, std::size_t shared_bytes, void* stream,
                     const Launch& launch) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(launch.grid.x, launch.grid.y);
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.dynamicSmemBytes = shared_bytes;
    config.stream = static_cast<cudaStream_t>(stream);
    config.attrs = &attribute;
    config.numAttrs = launch.dependent ? 1 : 0;
    // A block gets more than 48 KB only where that was asked for, once a kernel and device.
    if (shared_bytes > std::size_t{48} << 10) {
        const cudaError_t allowed = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                         static_cast<int>(shared_bytes));
        if (allowed != cudaSuccess)
            return allowed;
    }
    return cudaLaunchKernelEx(&config, kernel, *static_cast<const Params*>(launch.params));
}
#define SWITCHYARD_DEFINE_LAUNCHER(name, function, Params, Shared, threads, blocks)                          \
    int launch_##function(void* stream, const Launch& launch) {                                              \
        return launch_on_device<Params>(function, threads, shared_bytes_of<Shared>() + launch.more_shared,   \
                                        stream, launch);                                                     \
    }
#else
#define SWITCHYARD_DEFINE_LAUNCHER(name, function, Params, Shared, threads, blocks)                          \
    int launch_##function(void* stream, const Launch& launch) {                                              \
        return emulation::enqueue(                                                                           \
            stream, launch, threads, shared_bytes_of<Shared>() + launch.more_shared, sizeof(Params),         \
            [](const void* params) { function(*static_cast<const Params*>(params)); });                      \
    }
#endif

} // namespace switchyard::cuda
