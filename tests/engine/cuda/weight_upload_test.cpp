// Weights on their way to a device: in pieces, by several threads, as they are or encoded there.
#include "engine/backends/cuda/weight_upload.h"
#include "engine/quant/quant.h"
#include "kernels/cuda/emulation/emulated_device.h"
#include "kernels/cuda/matrix_tiles.h"
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

struct UploadedMatrix {
    BlockType type;
    std::int64_t rows, cols;
    std::vector<std::byte> blocks;

    UploadedMatrix(BlockType block_type, std::int64_t row_count, std::int64_t columns, unsigned seed)
        : type(block_type), rows(row_count), cols(columns) {
        test::Random random(seed);
        blocks = test::random_blocks(type, rows, cols, random);
    }
    FileMatrix file() const { return {type, rows, cols, blocks.data()}; }
    /// What the CPU makes of it.
    std::vector<std::byte> tiles(BlockType target) const {
        std::vector<std::byte> encoded = blocks;
        if (target != type) {
            const auto values = test::block_values(type, blocks, rows, cols);
            encoded.resize(static_cast<std::size_t>(rows) * row_bytes(target, cols));
            for (std::int64_t r = 0; r < rows; ++r)
                encode_row(target, {values.data() + r * cols, static_cast<std::size_t>(cols)},
                           encoded.data() + static_cast<std::size_t>(r) * row_bytes(target, cols));
        }
        std::vector<std::byte> out(tiled_bytes(target, rows, cols));
        pack_tiles(target, rows, cols, encoded.data(), out.data(), 0, tile_rows(static_cast<int>(rows)));
        return out;
    }
};

class WeightUploadTest : public testing::Test {
  protected:
    /// Pieces so small that a matrix of some rows is several.
    void start(EmulatedOptions options = {}, std::size_t piece_bytes = 20000) {
        device_ = make_emulated_device(std::move(options));
        pool_ = std::make_shared<DevicePool>(device_);
        upload_ = std::make_unique<WeightUpload>(pool_, piece_bytes);
    }
    std::vector<std::byte> on_device(const std::shared_ptr<std::byte>& memory, std::size_t bytes) {
        std::vector<std::byte> out(bytes);
        const auto stream = device_->make_stream();
        stream->copy_to_host(out.data(), memory.get(), bytes);
        stream->synchronise();
        return out;
    }

    std::shared_ptr<Device> device_;
    std::shared_ptr<DevicePool> pool_;
    std::unique_ptr<WeightUpload> upload_;
};

TEST_F(WeightUploadTest, PiecesOfSeveralThreadsMakeTheMatrixOfTheCpu) {
    start();
    for (const auto& [from, to] : {std::pair{BlockType::BF16, BlockType::Q4_K},
                                   {BlockType::Q8_0, BlockType::Q4_0},
                                   {BlockType::Q6_K, BlockType::Q6_K},
                                   {BlockType::F32, BlockType::F32},
                                   {BlockType::F16, BlockType::FP8}})
        for (const int threads : {1, 3}) {
            const UploadedMatrix matrix(from, 117, 512, 7);
            const auto memory = upload_->tiles(to, matrix.file(), {.threads = threads});
            const auto expected = matrix.tiles(to);
            EXPECT_EQ(on_device(memory, expected.size()), expected)
                << traits(from).name << " to " << traits(to).name << ", " << threads << " threads";
        }
}

TEST_F(WeightUploadTest, WhatTheDeviceCannotReadComesAsFloats) {
    start();
    for (const BlockType from : {BlockType::IQ2_XS, BlockType::TQ1_0, BlockType::IQ1_M}) {
        const UploadedMatrix matrix(from, 40, 256, 3);
        const auto expected = matrix.tiles(BlockType::Q8_0);
        EXPECT_EQ(on_device(upload_->tiles(BlockType::Q8_0, matrix.file(), {.threads = 2}), expected.size()),
                  expected)
            << traits(from).name;
    }
}

TEST_F(WeightUploadTest, VectorsAreFloats) {
    start();
    const UploadedMatrix vector(BlockType::BF16, 1, 9000, 5);
    const auto values = test::block_values(vector.type, vector.blocks, 1, 9000);
    const auto bytes = on_device(upload_->floats(vector.file()), 9000 * sizeof(float));
    EXPECT_EQ(std::memcmp(bytes.data(), values.data(), bytes.size()), 0);
}

TEST_F(WeightUploadTest, WorkThatIsGivenUpLeavesNothingBehind) {
    start();
    const UploadedMatrix matrix(BlockType::BF16, 64, 256, 1);
    upload_->tiles(BlockType::Q8_0, matrix.file(), {.threads = 2}); // what it keeps to copy through
    const std::size_t before = pool_->used_bytes();
    WorkGate gate;
    const EncodeControl control{.threads = 2, .gate = &gate, .work = gate.work()};
    gate.give_up();
    EXPECT_THROW(upload_->tiles(BlockType::Q8_0, matrix.file(), control), WorkGate::GivenUp);
    EXPECT_EQ(pool_->used_bytes(), before);
    EXPECT_EQ(gate.at_work(), 0);
}

TEST_F(WeightUploadTest, ALostDeviceIsToldInASentence) {
    start({.lost_at = 3});
    const UploadedMatrix matrix(BlockType::BF16, 200, 256, 1);
    try {
        upload_->tiles(BlockType::Q8_0, matrix.file(), {});
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("the device is lost"), std::string::npos) << error.what();
    }
}

TEST_F(WeightUploadTest, NoMemoryIsToldAndTheNextMatrixFits) {
    bool full = false;
    start({.may_allocate = [&](std::size_t) { return !full; }}, 4096);
    const UploadedMatrix small(BlockType::BF16, 16, 64, 1), large(BlockType::BF16, 70000, 512, 1);
    upload_->tiles(BlockType::BF16, small.file(), {});
    full = true;
    EXPECT_THROW(upload_->tiles(BlockType::F32, large.file(), {}), Error);
    EXPECT_EQ(on_device(upload_->tiles(BlockType::Q8_0, small.file(), {}), 64), [&] {
        auto expected = small.tiles(BlockType::Q8_0);
        expected.resize(64);
        return expected;
    }());
}

} // namespace
} // namespace switchyard::cuda
