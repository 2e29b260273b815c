// What a card reaches at most, measured: the rates that everything else is compared with.
#pragma once

#include "kernels/cuda/device.h"

#include <nlohmann/json.hpp>

namespace switchyard::cuda {

struct LimitsOptions {
    bool small = false; ///< sizes for an emulated card: the way is tried, the figures mean nothing
};

/// Best and median of several runs each: bytes read and copied (both directions counted) a second, products
/// of 16-bit floats (by `mma.sync`, and by the maker's library where there is one) and of bytes a second,
/// instructions started a second (a lane's counts as one), and microseconds a launch in a stream, in a graph,
/// and in a graph of dependent launches. Throws DeviceError, std::runtime_error where memory is short.
nlohmann::ordered_json measure_limits(Device& device, const LimitsOptions& options);

/// What the driver took for allocations of many sizes against what was counted for them.
nlohmann::ordered_json check_memory(Device& device, const LimitsOptions& options);

} // namespace switchyard::cuda
