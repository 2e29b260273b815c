// The device's clock in the middle of a stream, for the time that stages take.
#pragma once

#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

/// Writes the clock's nanoseconds to `at`.
struct ReadClockParams {
    std::uint64_t* at;
};

#define SWITCHYARD_CLOCK_KERNELS(X) X(ReadClock, read_clock, ReadClockParams, NoShared, 32, 1)

} // namespace switchyard::cuda
