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

__device__ void multiply_row(const RowProductParams& p) {
    RowProductShared& shared = shared_memory<RowProductShared>();
    const PreparedRows in = row_in(shared.values, shared.half_scales, p.width);
    TargetWork<1> work(p.product, in, shared.product);
    std::uint32_t form = 0;
    multiply_items<1>(work, [&](BlockType type) {
        if (form == 0) {
            let_next_start();
            wait_for_previous();
        }
        if (input_format(type) != form)
            prepare_row(p, in, shared, type, form == 0);
        form = input_format(type);
    });
}

} // namespace

static __global__ void __launch_bounds__(kProductThreads, 2)
    product_row(const __grid_constant__ RowProductParams p) {
    multiply_row(p);
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
