// All kernels made ready for a device.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/kernel_list.h"

namespace switchyard::cuda {

#define SWITCHYARD_DECLARE_PREPARE(name, function, Params, Shared, threads, blocks) int prepare_##function();
SWITCHYARD_CUDA_KERNELS(SWITCHYARD_DECLARE_PREPARE)
#undef SWITCHYARD_DECLARE_PREPARE

#define SWITCHYARD_DECLARE_REGISTERS(name, function, Params, Shared, threads, blocks)                        \
    int registers_##function(int* count);
SWITCHYARD_CUDA_KERNELS(SWITCHYARD_DECLARE_REGISTERS)
#undef SWITCHYARD_DECLARE_REGISTERS

/// For the calling thread's device. `check(error, name)` gets what CUDA said of each.
template <typename Check>
void prepare_kernels(Check&& check) {
#define SWITCHYARD_PREPARE(name, function, Params, Shared, threads, blocks)                                  \
    check(prepare_##function(), #name);
    SWITCHYARD_CUDA_KERNELS(SWITCHYARD_PREPARE)
#undef SWITCHYARD_PREPARE
}

} // namespace switchyard::cuda
