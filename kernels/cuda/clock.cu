#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(32) read_clock(const __grid_constant__ ReadClockParams p) {
    wait_for_previous();
    if (threadIdx.x == 0)
        *p.at = device_time();
    let_next_start();
}

SWITCHYARD_CLOCK_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
