// How many blocks of a kernel a multiprocessor holds at once, by what was asked of the driver when the device
// was opened: while launches are recorded it might not answer.
#pragma once

#include "kernels/cuda/library/cuda_error.h"
#include "kernels/cuda/library/prepare.h"

#include <algorithm>

namespace switchyard::cuda {

class Residence {
  public:
    /// For the calling thread's device; throws DeviceError.
    explicit Residence(CudaContext& context) {
        const auto ask = [&](cudaDeviceAttr what) {
            int value = 0;
            context.check(cudaDeviceGetAttribute(&value, what, context.index),
                          "the device does not tell its limits");
            return value;
        };
        registers_ = ask(cudaDevAttrMaxRegistersPerMultiprocessor);
        threads_ = ask(cudaDevAttrMaxThreadsPerMultiProcessor);
        shared_ = ask(cudaDevAttrMaxSharedMemoryPerMultiprocessor);
        reserved_ = ask(cudaDevAttrReservedSharedMemoryPerBlock);
#define SWITCHYARD_ASK(name, function, Params, Shared, thread_count, blocks)                                 \
    {                                                                                                        \
        Own& own = own_[static_cast<std::size_t>(Kernel::name)];                                             \
        context.check(static_cast<cudaError_t>(registers_##function(&own.registers)), #name);                \
        own.threads = thread_count;                                                                          \
        own.shared = std::is_empty_v<Shared> ? 0 : sizeof(Shared);                                           \
    }
        SWITCHYARD_CUDA_KERNELS(SWITCHYARD_ASK)
#undef SWITCHYARD_ASK
    }
    int blocks(Kernel kernel, std::size_t more_shared) const {
        const Own& own = own_[static_cast<std::size_t>(kernel)];
        // A warp takes registers in pieces of 256 (CUDA's programming guide, compute capabilities).
        const int of_block = (own.threads + 31) / 32 * ((own.registers * 32 + 255) / 256 * 256);
        const std::size_t bytes = own.shared + more_shared + static_cast<std::size_t>(reserved_);
        return std::min(
            {of_block > 0 ? registers_ / of_block : 0, threads_ / own.threads,
             static_cast<int>(static_cast<std::size_t>(shared_) / std::max<std::size_t>(bytes, 1))});
    }

  private:
    struct Own {
        int registers = 0, threads = 1;
        std::size_t shared = 0;
    };
    int registers_ = 0, threads_ = 0, shared_ = 0,
        reserved_ = 0; ///< of a multiprocessor; the last of a block
    Own own_[static_cast<std::size_t>(Kernel::kCount)];
};

} // namespace switchyard::cuda
