// How a KV head's block of 32 tokens lies in memory.
//   K: [head_dim][32 tokens], so that a vector lane is a token; Q8_0 adds half scales [head_dim / 32][32
//   tokens] V: [32 tokens][value_dim rounded up to 8], so that a lane is a dimension; Q8_0 adds half scales
//      [32 tokens][value_dim / 32]
// A Q8_0 value is q * scale, which a float holds exactly.
#pragma once

#include "kernels/cpu/kernels.h"

namespace switchyard::cpu {

constexpr int kv_groups(int dims) { return (dims + 31) / 32; }

/// Where the scales of a Q8_0 block begin.
constexpr std::size_t k_scales_offset(int head_dim) { return static_cast<std::size_t>(head_dim) * kKvTokens; }
constexpr std::size_t v_scales_offset(int value_dim) {
    return static_cast<std::size_t>(accumulator_floats(value_dim)) * kKvTokens;
}

} // namespace switchyard::cpu
