// Races of many ids (draw.h) on the processor.
#pragma once

#include "kernels/draw.h"

#include <cstdint>
#include <span>

namespace switchyard {

/// The first of a race of all ids whose weight is above 0 and not below `floor`; -1: there are none. The same
/// id that race() of one after another gives.
std::int32_t race_all(std::span<const float> weights, float floor, std::uint64_t seed,
                      std::uint64_t position);

} // namespace switchyard
