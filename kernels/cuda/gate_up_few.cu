#include "kernels/cuda/gate_up.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kProductThreads, 1)
    gate_up_few(const __grid_constant__ GateUpParams p) {
    gate_up<8>(p);
}

SWITCHYARD_GATE_UP_FEW_KERNEL(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
