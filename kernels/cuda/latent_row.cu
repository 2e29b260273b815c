#include "kernels/cuda/latent_row.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {
namespace {

// Functions of their own until late: where the compiler has the kernels' parameters before it at once, it keeps
// more of them than there are registers.
__device__ void queries_of_launch(const LatentQueryParams& p) {
    multiply_queries(p, shared_memory<RowProductShared>(), BehindLaunch{});
}
__device__ void values_of_launch(const LatentValueParams& p) {
    multiply_values(p, shared_memory<LatentValueShared>(), BehindLaunch{});
}

} // namespace

static __global__ void __launch_bounds__(kProductThreads, 2)
    latent_query(const __grid_constant__ LatentQueryParams p) {
    queries_of_launch(p);
}
static __global__ void __launch_bounds__(kProductThreads, 2)
    latent_value(const __grid_constant__ LatentValueParams p) {
    values_of_launch(p);
}

SWITCHYARD_LATENT_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
