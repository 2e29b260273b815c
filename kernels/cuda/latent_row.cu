#include "kernels/cuda/latent_row.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kProductThreads, 2)
    latent_query(const __grid_constant__ LatentQueryParams p) {
    multiply_queries(p, shared_memory<RowProductShared>(), BehindLaunch{});
}
static __global__ void __launch_bounds__(kProductThreads, 2)
    latent_value(const __grid_constant__ LatentValueParams p) {
    multiply_values(p, shared_memory<LatentValueShared>(), BehindLaunch{});
}

SWITCHYARD_LATENT_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
