// A CUDA library of another build: its number is not ours, and what it gives must not be touched.
#include "kernels/cuda/library_interface.h"

extern "C" __attribute__((visibility("default"))) switchyard::cuda::DeviceList*
switchyard_cuda_open(std::int32_t, switchyard::cuda::LibraryAnswer* answer) {
    answer->abi = switchyard::cuda::library_abi() + 1;
    return reinterpret_cast<switchyard::cuda::DeviceList*>(std::uintptr_t{16});
}
