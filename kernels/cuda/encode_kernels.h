// Re-encoding on the device: rows as a file holds them become tiles of any type that can be encoded, with the
// bits of the CPU's encode_row() (without importance) and pack_tiles(). Rows of the very type are only laid
// out.
#pragma once

#include "kernels/block_fields.h"
#include "kernels/cuda/step_data.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

/// Some rows of a matrix, the first of which begins a tile row.
struct EncodeParams {
    const std::byte* from; ///< blocks of `from_type`, row after row, at a multiple of 4 bytes
    std::byte* out;        ///< tiles of `type`, of these rows: [tile_rows(rows)] tile_row_bytes(type, cols)
    std::int64_t from_stride;  ///< bytes from row to row
    std::int32_t rows, cols;   ///< cols: whole blocks of either type
    BlockType from_type, type; ///< either has tiles
};

// A block takes 256 columns of a tile row: a thread fits a part of 32 columns.
inline constexpr int kEncodeThreads = 128;
inline constexpr int kEncodeColumns = 256;

struct EncodeShared {
    BlockFields fields[kTileRows];
    PartFit fits[kTileRows * 16];
    float values[kTileRows * 8 * 33]; ///< parts of 32, or of 64, and a word between them
};

SWITCHYARD_ANYWHERE constexpr GridSize encode_grid(std::int32_t rows, std::int32_t cols) {
    return {static_cast<unsigned>(tile_rows(rows)),
            static_cast<unsigned>((cols + kEncodeColumns - 1) / kEncodeColumns)};
}

#define SWITCHYARD_ENCODE_KERNELS(X) X(Encode, encode, EncodeParams, EncodeShared, kEncodeThreads, 3)

} // namespace switchyard::cuda
