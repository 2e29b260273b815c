// Placing matrices for the device: a file's blocks to the tiles of tile_layout.h. On the host, without CUDA.
#pragma once

#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

/// Whether products read `type` as it is.
bool tiled(BlockType type);

/// What a matrix of `type` is placed as: itself where it is tiled, else Q8_0, the nearest that is.
BlockType device_type(BlockType type);

/// Bytes of a matrix in tiles: the file's, but for rows rounded up to 16 and columns to a group.
/// PRECOND: tiled(type), cols a multiple of traits(type).values.
std::size_t tiled_bytes(BlockType type, std::int64_t rows, std::int64_t cols);

/// Packs tile rows [first, last) of a matrix of `rows` rows, `blocks` as a file holds it, to `out`. Both
/// point at the whole matrix. What lies between a row's end and its last group's becomes zeros.
void pack_tiles(BlockType type, std::int64_t rows, std::int64_t cols, const std::byte* blocks, std::byte* out,
                std::int64_t first_tile_row, std::int64_t last_tile_row);

} // namespace switchyard::cuda
