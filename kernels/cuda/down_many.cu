#include "kernels/cuda/down.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(down_threads(32), 1)
    down_many(const __grid_constant__ FeedForwardParams p) {
    down(p, shared_memory<DownShared<32>>(), BehindLaunch{});
}

SWITCHYARD_DOWN_MANY_KERNEL(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
