// What reads and writes rows, built twice from encode_blocks.h: for every x86-64 and for AVX2. Both give the
// same bytes.
#pragma once

#include "kernels/blocks.h"
#include "kernels/processor.h"

#include <cstddef>
#include <span>

namespace switchyard {

/// Encodes `count` values (whole blocks) of `type`; `weights` holds one positive weight a column;
/// null: all alike, which gives what ones would.
/// PRECOND: type is a packed one.
using EncodeBlocks = void (*)(BlockType type, const float* values, const float* weights, std::size_t count,
                              std::byte* blocks);

/// Values in 16 bits (F16 or BF16: `type`) to floats, and back.
using Decode16 = void (*)(BlockType type, const std::byte* in, std::span<float> out);
using Encode16 = void (*)(BlockType type, std::span<const float> values, std::byte* out);

struct RowCoder {
    EncodeBlocks encode_blocks;
    Decode16 decode_16;
    Encode16 encode_16;
};
namespace baseline {
extern const RowCoder kRowCoder;
}
namespace avx2 {
extern const RowCoder kRowCoder;
}
inline const RowCoder& row_coder() { return has_avx2() ? avx2::kRowCoder : baseline::kRowCoder; }

} // namespace switchyard
