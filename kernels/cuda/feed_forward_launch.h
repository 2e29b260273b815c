// Which kernels and grids feed-forward blocks are launched with.
#pragma once

#include "kernels/cuda/kernel_list.h"

#include <algorithm>

namespace switchyard::cuda {

/// Launches GateUp and Down for the parameters' number of rows. `experts`: that the layer has.
inline void launch_feed_forward(Stream& stream, const FeedForwardParams& p, std::int32_t experts,
                                int multiprocessors, bool dependent = false) {
    const GridSize up = {static_cast<unsigned>(
                             std::min(gate_up_items(p, experts), std::int64_t{2} * multiprocessors)),
                         1},
                   down = {static_cast<unsigned>(tile_rows(p.out_width)), 1};
    if (p.row_count <= 1) {
        launch<Kernel::GateUpOne>(stream, up, p, dependent);
        launch<Kernel::DownOne>(stream, down, p, dependent);
    } else if (p.row_count <= 8) {
        launch<Kernel::GateUpFew>(stream, up, p, dependent);
        launch<Kernel::DownFew>(stream, down, p, dependent);
    } else {
        launch<Kernel::GateUpMany>(stream, up, p, dependent);
        if (p.row_count <= 32)
            launch<Kernel::DownSome>(stream, down, p, dependent);
        else
            launch<Kernel::DownAll>(stream, down, p, dependent);
    }
}

} // namespace switchyard::cuda
