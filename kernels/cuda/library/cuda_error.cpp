#include "kernels/cuda/library/cuda_error.h"

namespace switchyard::cuda {

std::string describe(cudaError_t error) {
    return std::string(cudaGetErrorString(error)) + " (" + cudaGetErrorName(error) + ")";
}

void check(cudaError_t error, const std::string& what) {
    if (error == cudaSuccess)
        return;
    cudaGetLastError(); // an error that passes is forgotten by this
    std::size_t free = 0, total = 0;
    const bool lost = cudaMemGetInfo(&free, &total) != cudaSuccess;
    throw DeviceError(what + ": " + describe(error), lost);
}

} // namespace switchyard::cuda
