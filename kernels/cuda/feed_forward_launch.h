// Which kernels and grids feed-forward blocks are launched with.
#pragma once

#include "kernels/cuda/kernel_list.h"

#include <algorithm>

namespace switchyard::cuda {

/// Launches whatever routes the parameters' number of rows, and the output gates of dense blocks.
inline void launch_routing(Stream& stream, const RouteFewParams& p, bool dependent) {
    const std::int32_t rows = p.route.row_count;
    if (p.route.rule.experts > 0 && rows <= kFewRouteRows)
        return launch<Kernel::RouteFew>(stream, {1, 1}, p, dependent);
    launch<Kernel::Route>(stream, route_grid(rows), p.route, dependent);
    if (p.route.rule.experts > 0)
        launch<Kernel::Units>(stream, {1, 1}, p.units, true);
}

// As many blocks as fit at once; they go on to what is left.
inline GridSize gate_up_grid(const FeedForwardParams& p, int fitting) {
    return {static_cast<unsigned>(std::min(gate_up_items(p), std::int64_t{fitting})), 1};
}
inline GridSize down_grid(const FeedForwardParams& p, int multiprocessors) {
    return {static_cast<unsigned>(std::min(tile_rows(p.out_width), multiprocessors)), 1};
}

/// The two launches of gated blocks.
inline void launch_gate_up(Stream& stream, const GateUpParams& up, int multiprocessors, bool dependent) {
    const GridSize chunks =
        gate_up_grid(up.layer, up.layer.row_count <= 1 ? 2 * multiprocessors : multiprocessors);
    if (up.layer.row_count <= 1)
        launch<Kernel::GateUpOne>(stream, chunks, up, dependent);
    else if (up.layer.row_count <= 8)
        launch<Kernel::GateUpFew>(stream, chunks, up, dependent);
    else
        launch<Kernel::GateUpMany>(stream, chunks, up, dependent);
}
inline void launch_down(Stream& stream, const FeedForwardParams& p, int multiprocessors, bool dependent) {
    const GridSize outputs = down_grid(p, multiprocessors);
    if (p.row_count <= 1)
        launch<Kernel::DownOne>(stream, outputs, p, dependent);
    else if (p.row_count <= 8)
        launch<Kernel::DownFew>(stream, outputs, p, dependent);
    else
        launch<Kernel::DownMany>(stream, outputs, p, dependent);
}

/// Launches routing (with `route`: of the same rows, into `p`'s list), GateUp and Down for the parameters'
/// number of rows. How many launches that are follows from the parameters alone.
inline void launch_feed_forward(Stream& stream, const FeedForwardParams& p, const RouteFewParams* route,
                                int multiprocessors, bool dependent = false) {
    GateUpParams up = {.layer = p, .routes = false, .route = {}};
    if (route) {
        up.routes = route->route.rule.experts > 0 && p.row_count <= kRoutedRows &&
                    p.most <= routed_choices(p.row_count);
        if (up.routes)
            up.route = *route;
        else
            launch_routing(stream, *route, dependent);
        dependent |= !up.routes;
    }
    launch_gate_up(stream, up, multiprocessors, dependent);
    launch_down(stream, p, multiprocessors, true);
}

/// How GateUpRow is launched. Its blocks wait for each other: there are no more than fit the device at once.
struct GateUpRowPlan {
    GridSize grid;
    int staged;              ///< of a block's experts, those whose router weights it reads ahead
    std::size_t more_shared; ///< bytes
    bool fits;               ///< the device takes it
};
/// `experts`: of the router, if there is one.
inline GateUpRowPlan plan_gate_up_row(const FeedForwardParams& p, int experts, Device& device) {
    const DeviceInfo& info = device.info();
    GateUpRowPlan plan = {};
    for (const int blocks : {2, 1}) { // on a multiprocessor
        plan.grid = gate_up_grid(p, blocks * info.multiprocessors);
        const auto all = static_cast<int>(plan.grid.x);
        plan.staged = std::min((experts + all - 1) / all, kProductParts);
        plan.more_shared = static_cast<std::size_t>(gate_up_row_bytes(p.in_width, plan.staged));
        plan.fits = p.row_count == 1 && p.most <= routed_choices(1) &&
                    sizeof(GateUpRowShared) + plan.more_shared <= info.shared_bytes &&
                    device.resident_blocks(Kernel::GateUpRow, plan.more_shared) >= blocks;
        if (plan.fits)
            break;
    }
    return plan;
}
/// GateUp for one row. PRECOND: the plan is for it, and fits.
inline void launch_gate_up_row(Stream& stream, const GateUpRowParams& p, const GateUpRowPlan& plan,
                               bool dependent = false) {
    launch<Kernel::GateUpRow>(stream, plan.grid, p, dependent, plan.more_shared);
}

} // namespace switchyard::cuda
