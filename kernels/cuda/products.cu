#include "kernels/cuda/launchers.h"
#include "kernels/cuda/product_targets.cuh"

namespace switchyard::cuda {
namespace {

template <int kRows>
__device__ void multiply_targets(const ProductParams& p) {
    TargetWork<kRows> work(p, p.in, shared_memory<ProductShared<kRows>>());
    multiply_items<kRows>(work, [] {
        let_next_start();
        wait_for_previous();
    });
}

} // namespace

static __global__ void __launch_bounds__(kProductThreads, 2)
    product_row(const __grid_constant__ RowProductParams p) {
    multiply_row(p, shared_memory<RowProductShared>(), BehindLaunch{});
}
static __global__ void __launch_bounds__(kProductThreads, 2)
    product_one(const __grid_constant__ ProductParams p) {
    multiply_targets<1>(p);
}
static __global__ void __launch_bounds__(kProductThreads, 2)
    product_few(const __grid_constant__ ProductParams p) {
    multiply_targets<8>(p);
}
static __global__ void __launch_bounds__(kProductThreads, 1)
    product_many(const __grid_constant__ ProductParams p) {
    multiply_targets<32>(p);
}

SWITCHYARD_PRODUCT_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
