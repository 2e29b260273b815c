// Columns of a Q8_0 matrix that are kept nearly as they were: each begins a block, whose scale suits it.
#pragma once

#include "kernels/blocks.h"

#include <cstddef>
#include <span>
#include <vector>

namespace switchyard {

/// Puts `exact` neurons among `neurons`, one at the beginning of each block of 32 from the first on. Returns
/// how many have such a place: the others follow where there is room.
std::size_t lead_blocks(std::vector<int>& neurons, const std::vector<int>& exact);

/// Encodes the first `leads` blocks of a row of Q8_0 again, so that the first value of each is off by at most
/// 2^-11 of itself (by half a step where it is under 1/127 of the block's largest). The block's other values
/// are rounded a little more coarsely.
void encode_leads(std::span<const float> row, std::size_t leads, std::span<std::byte> blocks);

} // namespace switchyard
