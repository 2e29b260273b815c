// Matrices encoded on the device: the bits of the CPU's encoder and tiles, for every pair of types.
#include "kernels/cuda/encode_kernels.h"
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/test_device.h"
#include "tests/kernels/cuda/tiled_types.h"
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace switchyard::cuda {
namespace {

/// Rows as a file holds them.
struct FileMatrix {
    BlockType type;
    std::int64_t rows, cols;
    std::vector<std::byte> blocks;
};

FileMatrix file_of(const std::vector<float>& values, BlockType type, std::int64_t rows, std::int64_t cols) {
    FileMatrix file{type, rows, cols,
                    std::vector<std::byte>(static_cast<std::size_t>(rows) * row_bytes(type, cols))};
    for (std::int64_t r = 0; r < rows; ++r)
        encode_row(type, {values.data() + r * cols, static_cast<std::size_t>(cols)},
                   file.blocks.data() + static_cast<std::size_t>(r) * row_bytes(type, cols));
    return file;
}

/// What the CPU makes of it.
std::vector<std::byte> expected_tiles(const FileMatrix& file, BlockType type) {
    FileMatrix encoded = file;
    if (file.type != type)
        encoded = file_of(test::block_values(file.type, file.blocks, file.rows, file.cols), type, file.rows,
                          file.cols);
    std::vector<std::byte> tiles(tiled_bytes(type, file.rows, file.cols));
    pack_tiles(type, file.rows, file.cols, encoded.blocks.data(), tiles.data(), 0,
               tile_rows(static_cast<int>(file.rows)));
    return tiles;
}

class CudaEncode : public testing::TestWithParam<BlockType> {
  protected:
    /// Encodes in two pieces, at a tile row, with something behind the tiles that must stay.
    std::vector<std::byte> encoded(const FileMatrix& file, BlockType type) {
        constexpr std::size_t kBehind = 64;
        const std::size_t bytes = tiled_bytes(type, file.rows, file.cols),
                          stride = row_bytes(file.type, file.cols);
        std::vector<std::byte> blocks = file.blocks;
        blocks.resize((blocks.size() + 15) / 16 * 16, std::byte{0xff});
        std::byte* out = device_->allocate(bytes + kBehind);
        stream_->fill(out + bytes, 0xee, kBehind);
        std::byte* from = upload(*device_, *stream_, blocks);
        const std::int64_t half = file.rows / 2 / kTileRows * kTileRows;
        for (const std::int64_t first : {std::int64_t{0}, half}) {
            const std::int64_t rows = first == half ? file.rows - half : half;
            if (rows == 0)
                continue;
            const EncodeParams params{.from = from + static_cast<std::size_t>(first) * stride,
                                      .out = out + tiled_bytes(type, first, file.cols),
                                      .from_stride = static_cast<std::int64_t>(stride),
                                      .rows = static_cast<std::int32_t>(rows),
                                      .cols = static_cast<std::int32_t>(file.cols),
                                      .from_type = file.type,
                                      .type = type};
            launch<Kernel::Encode>(*stream_, encode_grid(params.rows, params.cols), params, true);
        }
        auto tiles = download(*stream_, out, bytes + kBehind);
        for (std::size_t i = bytes; i < tiles.size(); ++i)
            EXPECT_EQ(tiles[i], std::byte{0xee});
        tiles.resize(bytes);
        device_->release(out);
        device_->release(from);
        return tiles;
    }
    void expect_same(const FileMatrix& file, BlockType type) {
        const auto found = encoded(file, type), expected = expected_tiles(file, type);
        const auto [at, unused] = std::ranges::mismatch(found, expected);
        EXPECT_TRUE(at == found.end())
            << traits(file.type).name << " to " << traits(type).name << ", " << file.rows << " x "
            << file.cols << ": byte " << at - found.begin() << " of " << found.size();
    }

    std::unique_ptr<Device> device_ = make_test_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
};

/// Columns that both types have whole blocks of.
std::int64_t step_of(BlockType a, BlockType b) { return std::max(traits(a).values, traits(b).values); }

TEST_P(CudaEncode, GivesTheBitsOfTheCpuFromEveryType) {
    unsigned seed = 0;
    for (const BlockType from : tiled_types()) {
        test::Random random(++seed);
        const std::int64_t step = step_of(from, GetParam()), cols = step == 1 ? 37 : step * (320 / step + 1),
                           rows = 17 + seed % 7;
        expect_same({from, rows, cols, test::random_blocks(from, rows, cols, random)}, GetParam());
    }
}

TEST_P(CudaEncode, TakesOddShapes) {
    const std::int64_t step = traits(GetParam()).values;
    for (const std::int64_t steps : {1, 2, 3, 9})
        for (const std::int64_t rows : {1, 15, 16, 33}) {
            test::Random random(static_cast<unsigned>(100 * steps + rows));
            const std::int64_t cols = step * steps;
            const auto values = random.normals(static_cast<std::size_t>(rows * cols));
            expect_same(file_of(values, BlockType::BF16, rows, cols), GetParam());
        }
}

/// Whole blocks of zeros, of one sign, of numbers that are hardly any, of such that are hardly finite, of
/// some that are not.
std::vector<float> hard_values(std::size_t count, unsigned seed) {
    test::Random random(seed);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    std::vector<float> values = random.normals(count);
    for (std::size_t first = 0; first < count; first += 16) {
        const unsigned kind = random.bits() % 12;
        const float size = std::ldexp(1.0f, static_cast<int>(random.bits() % 270) - 145);
        for (std::size_t i = first; i < std::min(count, first + 16); ++i) {
            float& x = values[i];
            const bool seldom = random.bits() % 8 == 0;
            switch (kind) {
            case 0:
                x = random.bits() % 2 == 0 ? 0.0f : -0.0f;
                break;
            case 1:
                x = std::fabs(x) + 3.0f;
                break;
            case 2:
                x = -std::fabs(x);
                break;
            case 3:
                x = seldom ? std::numeric_limits<float>::quiet_NaN() : x;
                break;
            case 4:
                x = seldom ? std::copysign(kInfinity, x) : x;
                break;
            case 5:
                x *= 1e-41f;
                break;
            case 6:
                x = std::copysign(3e38f, x);
                break;
            case 7:
                x = 1e-15f * x;
                break;
            case 8:
                x = 0.25f;
                break;
            default:
                x *= size;
            }
        }
    }
    return values;
}

TEST_P(CudaEncode, TakesHardValuesAsTheCpuDoes) {
    for (const unsigned seed : {1u, 2u, 3u}) {
        const std::int64_t rows = 32, cols = 512;
        const auto values = hard_values(static_cast<std::size_t>(rows * cols), seed);
        for (const BlockType from : {BlockType::F32, BlockType::BF16, BlockType::F16})
            expect_same(file_of(values, from, rows, cols), GetParam());
    }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaEncode, testing::ValuesIn(tiled_types()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

} // namespace
} // namespace switchyard::cuda
