// When a stage of a step may touch what the stages in front of it write: a stage is a device function, which
// is a launch of its own or a part of one that goes through several (row_program_kernels.h).
#pragma once

#include "kernels/cuda/device_code.h"

namespace switchyard::cuda {

/// A launch of its own, behind other launches.
struct BehindLaunch {
    static constexpr bool kRunsAhead = false;
    __device__ static void wait() { wait_for_previous(); }
    __device__ static void let_next_start() { cuda::let_next_start(); }
};

/// Behind a stage of the same launch, which all blocks pass. What is known beforehand (weights) may be asked
/// for while the wait lasts.
struct BehindStage {
    static constexpr bool kRunsAhead = true;
    const std::uint32_t* arrived; ///< at the end of the stage in front; null: there is none

    /// By the block.
    __device__ void wait() const {
        if (arrived) {
            if (threadIdx.x == 0)
                wait_for_arrivals(arrived, gridDim.x);
            sync_block();
        }
    }
    __device__ static void let_next_start() {}
};

} // namespace switchyard::cuda
