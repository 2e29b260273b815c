// A device on the CPU: the kernels' own sources, run by fibers, with everything that a real device leaves
// open decided against them. Memory that nobody wrote holds NaN, work begins as late as it may, warps and
// blocks run in a drawn order, and a dependent launch begins before the one before it.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/emulation/planted_fault.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace switchyard::cuda {

struct EmulatedOptions {
    std::size_t memory_bytes = std::size_t{1} << 30; ///< of the device
    std::uint32_t seed = 1;                          ///< of every order that is drawn
    int multiprocessors = 4;
    int resident_blocks = 64; ///< that a multiprocessor holds at most
    int compute = 90;
    std::size_t shared_bytes = std::size_t{227} << 10; ///< that one block may have
    std::size_t l2_bytes = std::size_t{4} << 20;
    bool dense_products = true;  ///< whether there is a library for them
    unsigned early_blocks = 4;   ///< of a dependent launch that begin before the one before it
    unsigned early_launches = 3; ///< dependents in a row that have begun so
    /// The device is lost at this launch; 0: never.
    std::uint64_t lost_at = 0;
    /// Asked at every launch: true where this card loses it. Null: it loses none.
    std::function<bool(const Launch& launch)> loses = nullptr;
    PlantedFault fault = {}; ///< in every launch of its kernel
    /// Asked at every allocation: false where it fails. Null: only a full memory fails.
    std::function<bool(std::size_t bytes)> may_allocate = nullptr;
};

std::unique_ptr<Device> make_emulated_device(const EmulatedOptions& options = {});

/// What a stream was told to do so far: launches, how many of them began as dependents, graphs, and dense
/// products; and of how many shapes of these it was asked.
struct EmulatedCounts {
    std::uint64_t launches = 0, dependent = 0, graphs = 0, products = 0, shapes = 0;
};
EmulatedCounts counts_of(const Device& device);

} // namespace switchyard::cuda
