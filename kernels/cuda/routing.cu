#include "kernels/cuda/launchers.h"
#include "kernels/cuda/router.cuh"
#include "kernels/cuda/routing.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kRouterThreads, 2)
    router_logits(const __grid_constant__ RouterLogitsParams p) {
    const MatrixView matrix = *p.matrix;
    wait_for_previous();
    let_next_start();
    const int expert = static_cast<int>(blockIdx.x) * (kRouterThreads / kWarpLanes) + warp_index(),
              first = static_cast<int>(blockIdx.y) * kRouterRows;
    if (expert >= p.experts)
        return; // a whole warp
    const float* rows[kRouterRows];
    for (int r = 0; r < kRouterRows; ++r)
        rows[r] = p.in + min(first + r, p.row_count - 1) * p.in_stride;
    float sums[kRouterRows];
    router_dots<kRouterRows>(RouterWeights(matrix, expert), rows, p.in_width, sums);
    for (int r = 0; r < kRouterRows; ++r)
        if (lane_index() == r && first + r < p.row_count)
            p.logits[std::int64_t{first + r} * p.experts + expert] = sums[r];
}

static __global__ void __launch_bounds__(kRouteThreads, 2) route(const __grid_constant__ RouteParams p) {
    wait_for_previous();
    let_next_start();
    const int row = static_cast<int>(blockIdx.x) * (kRouteThreads / kWarpLanes) + warp_index();
    if (row >= p.row_count)
        return; // a whole warp
    if (p.rule.experts > 0)
        route_row(p, row);
    gate_row(p, row, p.in);
}

static __global__ void __launch_bounds__(kUnitsThreads, 1) units(const __grid_constant__ UnitsParams p) {
    wait_for_previous();
    let_next_start();
    build_units(p, shared_memory<UnitsShared<kUnitSorters>>());
}

static __global__ void __launch_bounds__(kUnitsThreads, 1)
    route_few(const __grid_constant__ RouteFewParams p) {
    wait_for_previous();
    let_next_start();
    for (int row = warp_index(); row < p.route.row_count; row += kUnitsThreads / kWarpLanes) {
        if (p.route.rule.experts > 0)
            route_row(p.route, row);
        gate_row(p.route, row, p.route.in);
    }
    sync_block();
    build_units(p.units, shared_memory<UnitsShared<1>>());
}

SWITCHYARD_ROUTING_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
