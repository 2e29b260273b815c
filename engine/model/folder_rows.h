// Rows of a Hugging Face folder's tensors in the order and form that the engine reads.
#pragma once

#include "kernels/blocks.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace switchyard {

/// How many values a tensor of this shape has; one without dimensions has one.
std::size_t value_count(std::span<const std::int64_t> shape);

/// Rows [first, first + count) of an FP8 matrix [rows, cols] with its scales [ceil(rows / 128), ceil(cols /
/// 128)] (floats, maybe unaligned), as rows of `type`: FP8, where cols is a multiple of 64, or F32.
void make_f8_rows(BlockType type, const std::byte* codes, const std::byte* scales, std::int64_t cols,
                  std::int64_t first, std::int64_t count, std::byte* out);

/// Rows of heads with `dim` rows each, of `stride` bytes: row i of a head's first half and row i of its
/// second become neighbours.
void interleave_rows(const std::byte* in, std::int64_t rows, std::int64_t dim, std::size_t stride,
                     std::byte* out);

/// Rows [rows, cols] of `type` to [cols, rows] of `to`: the same type, or F32 from FP8. PRECOND: types of
/// single values; or FP8, to FP8 where rows and cols are multiples of 64 and the rows of a block share their
/// scales.
void transpose(BlockType type, const std::byte* in, std::int64_t rows, std::int64_t cols, BlockType to,
               std::byte* out);

} // namespace switchyard
