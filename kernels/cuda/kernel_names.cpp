#include "kernels/cuda/kernel_list.h"

namespace switchyard::cuda {

const char* kernel_name(Kernel kernel) {
    static constexpr const char* kNames[] = {
#define SWITCHYARD_NAME(name, function, Params, Shared, threads, blocks) #name,
        SWITCHYARD_CUDA_KERNELS(SWITCHYARD_NAME)
#undef SWITCHYARD_NAME
    };
    return kNames[static_cast<std::size_t>(kernel)];
}

} // namespace switchyard::cuda
