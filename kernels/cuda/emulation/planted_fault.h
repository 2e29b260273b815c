// A fault that is planted into a kernel while it runs on the emulated device, to see that tests find it.
#pragma once

#include "kernels/cuda/device.h"

#include <cstdint>
#include <string>

namespace switchyard::cuda {

struct PlantedFault {
    enum class Kind : std::uint8_t {
        None,
        BlockMeeting, ///< sync_block() is left out, ...
        WarpMeeting,  ///< ... sync_warp(), ...
        PreviousWait, ///< ... wait_for_previous(), ...
        CopyWait,     ///< ... async_wait(), ...
        CopyGroup,    ///< ... async_commit(), ...
        Exchange,     ///< ... a shuffle or vote: each lane knows of itself alone, ...
        TileProduct,  ///< ... a product of tiles, ...
        ArrivalWait,  ///< ... wait_for_arrivals()
        Stride,       ///< threads take the grid for one block larger: their loops end too early
        LostBlock     ///< a block never runs: a grid too small, and what others read stays unwritten
    };
    Kind kind = Kind::None;
    Kernel kernel{};
    unsigned use = 0; ///< which use of each thread it is, from 0; of LostBlock the block's number
};

/// From "kernel:kind:use" as in "GateUpOne:BlockMeeting:2". Throws std::invalid_argument.
PlantedFault parse_fault(const std::string& text);

} // namespace switchyard::cuda
