#include "kernels/cuda/matrix_tiles.h"

#include "kernels/cuda/tile_fields.h"
#include "kernels/file_fields.h"

#include <algorithm>

namespace switchyard::cuda {
namespace {

/// Rows of a tile, as a file holds them; `count` of the 16 are there.
struct FileRows {
    const std::byte* first;
    std::size_t stride;
    std::int64_t count, cols;
};

template <typename Block>
void pack_blocks(BlockType type, const FileRows& rows, std::byte* out) {
    const int values = traits(type).values, per_unit = 256 / values;
    const std::int64_t blocks = rows.cols / values;
    const TileGroup shape = tile_group(type);
    const std::int64_t groups = tile_groups(type, static_cast<int>(rows.cols)),
                       per_group = 256 / shape.columns;
    BlockFields fields[kTileRows];
    for (std::int64_t first = 0; first < blocks; first += per_unit) {
        std::memset(static_cast<void*>(fields), 0, sizeof fields);
        const auto count = static_cast<int>(std::min<std::int64_t>(per_unit, blocks - first));
        for (std::int64_t r = 0; r < rows.count; ++r)
            for (int i = 0; i < count; ++i) {
                Block block;
                std::memcpy(&block,
                            rows.first + static_cast<std::size_t>(r) * rows.stride +
                                static_cast<std::size_t>(first + i) * sizeof block,
                            sizeof block);
                load_fields(block, i, fields[r]);
            }
        const std::int64_t group = first / per_unit * per_group;
        for (int lane = 0; lane < 32; ++lane)
            TileLane<1>(fields, lane, static_cast<int>(std::min(per_group, groups - group)), 0)
                .write(type, out + group * shape.bytes);
    }
}

template <typename Value>
void pack_floats(BlockType type, const FileRows& rows, std::byte* out) {
    const TileGroup shape = tile_group(type);
    for (int column = 0; column < rows.cols; column += shape.columns)
        for (int lane = 0; lane < 32; ++lane)
            write_tile_floats(type, lane, column, out + column / shape.columns * shape.bytes,
                              [&](int upper, int c) -> std::uint32_t {
                                  const int r = lane / 4 + 8 * upper;
                                  Value value = 0;
                                  if (r < rows.count && c < rows.cols)
                                      std::memcpy(&value,
                                                  rows.first + static_cast<std::size_t>(r) * rows.stride +
                                                      static_cast<std::size_t>(c) * sizeof value,
                                                  sizeof value);
                                  return value;
                              });
}

void pack_tile_row(BlockType type, const FileRows& rows, std::byte* out) {
    if (type == BlockType::F32)
        return pack_floats<std::uint32_t>(type, rows, out);
    if (traits(type).values == 1)
        return pack_floats<std::uint16_t>(type, rows, out);
    with_block_of(type, [&](auto block) { pack_blocks<decltype(block)>(type, rows, out); });
}

} // namespace

bool tiled(BlockType type) { return tile_group(type).columns > 0; }

BlockType device_type(BlockType type) { return tiled(type) ? type : BlockType::Q8_0; }

std::size_t tiled_bytes(BlockType type, std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>((rows + kTileRows - 1) / kTileRows) *
           tile_row_bytes(type, static_cast<int>(cols));
}

void pack_tiles(BlockType type, std::int64_t rows, std::int64_t cols, const std::byte* blocks, std::byte* out,
                std::int64_t first_tile_row, std::int64_t last_tile_row) {
    const std::size_t bytes = tile_row_bytes(type, static_cast<int>(cols)), row = row_bytes(type, cols);
    for (std::int64_t tile = first_tile_row; tile < last_tile_row; ++tile) {
        const std::int64_t first = tile * kTileRows;
        pack_tile_row(type,
                      {blocks + static_cast<std::size_t>(first) * row, row,
                       std::min<std::int64_t>(kTileRows, rows - first), cols},
                      out + static_cast<std::size_t>(tile) * bytes);
    }
}

} // namespace switchyard::cuda
