// Matrices as they lie in device memory: every value is found again, with the bits of the file's block.
#include "kernels/cuda/tile_values.cuh"
#include "tests/kernels/cuda/tiled_types.h"
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

struct MatrixTiles : testing::TestWithParam<BlockType> {};

TEST_P(MatrixTiles, HoldWhatTheFileHolds) {
    const BlockType type = GetParam();
    const int values = traits(type).values;
    for (const std::int64_t blocks : {1, 2, 3, 8, 13}) {
        for (const std::int64_t rows : {1, 7, 16, 33}) {
            test::Random random(static_cast<unsigned>(blocks * 100 + rows));
            const std::int64_t cols = values == 1 ? blocks * 19 : blocks * values;
            const auto file = test::random_blocks(type, rows, cols, random);
            const auto expected = test::block_values(type, file, rows, cols);
            // Behind the tiles nothing is written.
            const std::size_t bytes = tiled_bytes(type, rows, cols);
            std::vector<std::byte> tiles(bytes + 64, std::byte{0xee});
            const std::int64_t tile_count = tile_rows(static_cast<int>(rows));
            pack_tiles(type, rows, cols, file.data(), tiles.data(), tile_count / 2, tile_count);
            pack_tiles(type, rows, cols, file.data(), tiles.data(), 0, tile_count / 2);
            for (std::size_t i = bytes; i < tiles.size(); ++i)
                ASSERT_EQ(tiles[i], std::byte{0xee});
            const MatrixView view{tiles.data(), static_cast<std::int32_t>(rows),
                                  static_cast<std::int32_t>(cols), type};
            std::vector<float> found;
            for (std::int64_t r = 0; r < rows; ++r)
                for (int c = 0; c < cols; ++c)
                    found.push_back(TileRowReader(view, r).value(c));
            ASSERT_TRUE(test::same_bits(found, expected))
                << traits(type).name << " " << rows << " x " << cols;
        }
    }
}

TEST_P(MatrixTiles, TakeWhatTheFileTakes) {
    const BlockType type = GetParam();
    EXPECT_EQ(tiled_bytes(type, 32, 1024), 32 * row_bytes(type, 1024));
}

INSTANTIATE_TEST_SUITE_P(Types, MatrixTiles, testing::ValuesIn(tiled_types()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

TEST(MatrixTilesOfOtherTypes, BecomeQ8) {
    for (const BlockType type : test::kAllTypes)
        EXPECT_EQ(device_type(type), tiled(type) ? type : BlockType::Q8_0);
    EXPECT_TRUE(tiled(device_type(BlockType::IQ2_S)));
}

} // namespace
} // namespace switchyard::cuda
