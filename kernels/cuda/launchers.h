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
    return cudaLaunchKernelEx(&config, kernel, *static_cast<const Params*>(launch.params));
}
/// Loads a kernel and lets it have what a block of the calling thread's device can have, once, so that no
/// launch has to: while launches are recorded it might not be allowed.
inline int prepare_on_device(const void* kernel) {
    int device = 0, most_shared = 0;
    cudaFuncAttributes attributes = {};
    if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess)
        return error;
    if (const cudaError_t error =
            cudaDeviceGetAttribute(&most_shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
        error != cudaSuccess)
        return error;
    if (const cudaError_t error = cudaFuncGetAttributes(&attributes, kernel); error != cudaSuccess)
        return error;
    // A multiprocessor that shares its memory out in another way must be empty first: one way for all, and
    // launches overlap.
    if (const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                                       cudaSharedmemCarveoutMaxShared);
        error != cudaSuccess)
        return error;
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                most_shared - static_cast<int>(attributes.sharedSizeBytes));
}
#define SWITCHYARD_DEFINE_LAUNCHER(name, function, Params, Shared, threads, blocks)                          \
    int launch_##function(void* stream, const Launch& launch) {                                              \
        return launch_on_device<Params>(function, threads, shared_bytes_of<Shared>() + launch.more_shared,   \
                                        stream, launch);                                                     \
    }                                                                                                        \
    int prepare_##function();                                                                                \
    int prepare_##function() { return prepare_on_device(reinterpret_cast<const void*>(function)); }          \
    int registers_##function(int* count);                                                                    \
    int registers_##function(int* count) {                                                                   \
        cudaFuncAttributes attributes = {};                                                                  \
        const cudaError_t error = cudaFuncGetAttributes(&attributes, function);                              \
        *count = attributes.numRegs;                                                                         \
        return error;                                                                                        \
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
