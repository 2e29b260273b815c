#include "kernels/cuda/gate_up_row.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kProductThreads, 2)
    gate_up_row(const __grid_constant__ GateUpRowParams p) {
    gate_up_of_row(p, shared_memory<GateUpRowShared>(), BehindLaunch{});
}

SWITCHYARD_GATE_UP_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
