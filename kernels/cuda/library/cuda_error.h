// CUDA's errors as ours.
#pragma once

#include "kernels/cuda/device.h"

#include <cuda_runtime_api.h>

#include <string>

namespace switchyard::cuda {

/// "out of memory (cudaErrorMemoryAllocation)"
std::string describe(cudaError_t error);

/// Throws DeviceError where `error` is one: "WHAT: out of memory (...)". Also finds out whether the device is
/// lost: an error that comes again at a harmless call stays for ever.
void check(cudaError_t error, const std::string& what);
inline void check(cudaError_t error, const char* what) {
    if (error != cudaSuccess)
        check(error, std::string(what));
}

} // namespace switchyard::cuda
