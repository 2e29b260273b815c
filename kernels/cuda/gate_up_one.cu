#include "kernels/cuda/gate_up.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kProductThreads, 2)
    gate_up_one(const __grid_constant__ GateUpParams p) {
    gate_up<1>(p);
}

SWITCHYARD_GATE_UP_ONE_KERNEL(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
