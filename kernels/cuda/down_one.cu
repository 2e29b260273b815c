#include "kernels/cuda/down.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(down_threads(1), 1)
    down_one(const __grid_constant__ FeedForwardParams p) {
    down(p, shared_memory<DownShared<1>>(), BehindLaunch{});
}

SWITCHYARD_DOWN_ONE_KERNEL(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
