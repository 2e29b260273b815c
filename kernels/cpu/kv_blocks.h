// How a KV head's block of 32 tokens lies in memory.
//   K: [head_dim][32 tokens], so that a vector lane is a token; quantized types add half scales
//      [head_dim / 32][32 tokens]
//   V: [32 tokens][value_dim rounded up to 8], so that a lane is a dimension; quantized types add half scales
//      [32 tokens][value_dim / 32]
// A Q8_0 value is q * scale, a Q4_0 value (q - 8) * scale, which a float holds exactly. A byte of Q4_0 has
// dimension 2i of a token in its low half and 2i + 1 in its high half, so no two tokens share one.
#pragma once

#include "kernels/cpu/kernels.h"

namespace switchyard::cpu {

constexpr int kv_groups(int dims) { return (dims + 31) / 32; }

/// Whether 32 dimensions of a token share a scale.
constexpr bool kv_has_scales(BlockType type) { return type == BlockType::Q8_0 || type == BlockType::Q4_0; }

/// Bytes of `dims` values of a token, its scales aside.
constexpr std::size_t kv_value_bytes(BlockType type, int dims) {
    const auto n = static_cast<std::size_t>(dims);
    return type == BlockType::F32    ? 4 * n
           : type == BlockType::F16  ? 2 * n
           : type == BlockType::Q8_0 ? n
                                     : (n + 1) / 2;
}

/// Where the scales of a block begin.
constexpr std::size_t k_scales_offset(BlockType type, int head_dim) {
    return kv_value_bytes(type, head_dim) * kKvTokens;
}
constexpr std::size_t v_scales_offset(BlockType type, int value_dim) {
    return kv_value_bytes(type, accumulator_floats(value_dim)) * kKvTokens;
}

} // namespace switchyard::cpu
