#include "kernels/cuda/down.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(down_threads(8), 1)
    down_few(const __grid_constant__ FeedForwardParams p) {
    down(p, shared_memory<DownShared<8>>(), BehindLaunch{});
}

SWITCHYARD_DOWN_FEW_KERNEL(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
