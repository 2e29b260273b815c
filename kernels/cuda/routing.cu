#include "kernels/cuda/launchers.h"
#include "kernels/cuda/routing.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kRouteThreads, 2) route(const __grid_constant__ RouteParams p) {
    wait_for_previous();
    let_next_start();
    const int row = static_cast<int>(blockIdx.x) * (kRouteThreads / kWarpLanes) + warp_index();
    if (row >= p.row_count)
        return; // a whole warp
    if (p.rule.experts > 0)
        route_row(p, row);
    gate_row(p, row);
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
        gate_row(p.route, row);
    }
    sync_block();
    build_units(p.units, shared_memory<UnitsShared<1>>());
}

SWITCHYARD_ROUTING_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
