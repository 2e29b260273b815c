// Matrices of random blocks in a device's memory.
#pragma once

#include "kernels/cuda/matrix_tiles.h"
#include "tests/kernels/cuda/test_device.h"
#include "tests/kernels/reference.h"

namespace switchyard::cuda {

/// A matrix as a file's blocks, as values and on the device.
struct PlacedMatrix {
    BlockType type;
    int rows, cols;
    std::vector<std::byte> file;
    std::vector<float> values; ///< [rows][cols]
    MatrixView view;

    float at(int row, int col) const { return values[static_cast<std::size_t>(row * cols + col)]; }
};

inline PlacedMatrix place_blocks(Device& device, Stream& stream, BlockType type, int rows, int cols,
                                 std::vector<std::byte> blocks) {
    PlacedMatrix m{type, rows, cols, std::move(blocks), {}, {}};
    m.values = test::block_values(type, m.file, rows, cols);
    std::vector<std::byte> tiles(tiled_bytes(type, rows, cols));
    pack_tiles(type, rows, cols, m.file.data(), tiles.data(), 0, tile_rows(rows));
    m.view = {upload(device, stream, tiles), rows, cols, type};
    return m;
}
inline PlacedMatrix place_matrix(Device& device, Stream& stream, BlockType type, int rows, int cols,
                                 test::Random& random) {
    return place_blocks(device, stream, type, rows, cols, test::random_blocks(type, rows, cols, random));
}

} // namespace switchyard::cuda
