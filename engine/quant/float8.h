// The narrow float formats of Hugging Face folders: FP8 with a scale per 128 x 128 block, and gpt-oss's
// MXFP4.
#pragma once

#include "kernels/blocks.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace switchyard {

/// Rows and columns that share a scale of an FP8 matrix; edge blocks may be partial.
inline constexpr std::int64_t kFloat8Block = 128;

/// E4M3 without infinities: 0x7f and 0xff are NaN, the largest value is 448.
float f8_e4m3_to_float(std::uint8_t bits);

/// One row of an FP8 matrix: out[i] = value i * scales[i / 128]. `scales` is the row of the scale matrix
/// (weight_scale_inv) for these rows; it has ceil(cols / 128) values.
void decode_f8_row(const std::byte* row, const float* scales, std::span<float> out);

/// The same row as blocks of 64, which share their scale with a neighbour: the same numbers. PRECOND: cols is
/// a multiple of 64.
void pack_f8_row(const std::byte* row, const float* scales, std::int64_t cols, BlockFP8* out);

/// gpt-oss keeps 32 values as 16 bytes, two neighbours each (the low half first), and their exponents in a
/// tensor of their own: the same numbers as GGUF's blocks, in another order. PRECOND: cols is a multiple of
/// 32; `values` holds cols / 2 bytes, `exponents` cols / 32.
void pack_mxfp4_row(const std::byte* values, const std::byte* exponents, std::int64_t cols, BlockMXFP4* out);

} // namespace switchyard
