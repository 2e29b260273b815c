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
    const auto most = std::int64_t{multiprocessors}; // one block fits at a time; it goes on to what is left
    const GridSize chunks = {static_cast<unsigned>(std::min(gate_up_items(p), most)), 1},
                   outputs = {static_cast<unsigned>(std::min(std::int64_t{tile_rows(p.out_width)}, most)), 1};
    if (p.row_count <= 1) {
        launch<Kernel::GateUpOne>(stream, chunks, up, dependent);
        launch<Kernel::DownOne>(stream, outputs, p, true);
    } else if (p.row_count <= 8) {
        launch<Kernel::GateUpFew>(stream, chunks, up, dependent);
        launch<Kernel::DownFew>(stream, outputs, p, true);
    } else {
        launch<Kernel::GateUpMany>(stream, chunks, up, dependent);
        launch<Kernel::DownMany>(stream, outputs, p, true);
    }
}

} // namespace switchyard::cuda
