// The encoders, built twice from encode_blocks.h: for every x86-64 and for AVX2. Both give the same bytes.
#pragma once

#include "kernels/blocks.h"

#include <cstddef>

namespace switchyard {

/// Encodes `count` values (whole blocks) of `type`; `weights` holds one positive weight a column;
/// null: all alike, which gives what ones would.
/// PRECOND: type is a packed one.
using EncodeBlocks = void (*)(BlockType type, const float* values, const float* weights, std::size_t count,
                              std::byte* blocks);

namespace baseline {
void encode_blocks(BlockType type, const float* values, const float* weights, std::size_t count,
                   std::byte* blocks);
}
namespace avx2 {
void encode_blocks(BlockType type, const float* values, const float* weights, std::size_t count,
                   std::byte* blocks);
}

} // namespace switchyard
