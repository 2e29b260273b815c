// What goes into products: embedded rows and prepared ones, against the CPU's kernels.
#include "kernels/cpu/kernels.h"
#include "kernels/cuda/kernel_list.h"
#include "kernels/cuda/matrix_tiles.h"
#include "tests/kernels/cuda/test_device.h"
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

#include <limits>

namespace switchyard::cuda {
namespace {

/// Where value i of 32 stands in a ByteBlock.
int byte_integer(const ByteBlock& b, int i) {
    const int at = i % 16 / 4 * 16 + i / 16 * 4 + i % 4;
    return 256 * static_cast<std::int8_t>(b.bytes[at]) + b.bytes[at + 8];
}

struct InputKernels : testing::Test {
    std::unique_ptr<Device> device = make_test_device();
    std::unique_ptr<Stream> stream = device->make_stream();
    test::Random random{7};

    PreparedRows make_rows(int rows, int width) {
        const auto padded = static_cast<std::size_t>(padded_columns(width)),
                   count = static_cast<std::size_t>(rows);
        const auto bytes = [&](std::size_t n) { return device->allocate(n); };
        return {reinterpret_cast<float*>(bytes(count * padded * sizeof(float))),
                reinterpret_cast<ByteBlock*>(bytes(count * padded / 32 * sizeof(ByteBlock))),
                reinterpret_cast<PairBlock*>(bytes(count * padded / 16 * sizeof(PairBlock))),
                reinterpret_cast<PairBlock*>(bytes(count * padded / 16 * sizeof(PairBlock))),
                reinterpret_cast<float*>(bytes(count * padded / 32 * sizeof(float))),
                padded_columns(width)};
    }
    const std::uint32_t* formats(std::uint32_t set) { return upload(*device, *stream, std::vector{set}); }
    const MatrixView* vector_view(const std::vector<float>& values) {
        const MatrixView view{reinterpret_cast<const std::byte*>(upload(*device, *stream, values)), 1,
                              static_cast<std::int32_t>(values.size()), BlockType::F32};
        return upload(*device, *stream, std::vector{view});
    }
    /// Prepared row `row` in every form against the floats it stands for.
    void expect_row(const PreparedRows& in, int row, std::vector<float> x) {
        const int padded = in.padded, blocks = padded / 32;
        x.resize(static_cast<std::size_t>(padded));
        const auto floats = download(*stream, in.floats + row * padded, static_cast<std::size_t>(padded));
        ASSERT_TRUE(test::same_bits(floats, x));
        std::vector<cpu::I16Block> expected(static_cast<std::size_t>(blocks));
        cpu::quantize_i16(x.data(), padded, reinterpret_cast<std::byte*>(expected.data()));
        const auto bytes = download(*stream, in.bytes + row * blocks, static_cast<std::size_t>(blocks));
        const auto halves =
            download(*stream, in.halves + row * 2 * blocks, static_cast<std::size_t>(2 * blocks));
        const auto bfloats =
            download(*stream, in.bfloats + row * 2 * blocks, static_cast<std::size_t>(2 * blocks));
        const auto scales =
            download(*stream, in.half_scales + row * blocks, static_cast<std::size_t>(blocks));
        for (std::size_t b = 0; b < expected.size(); ++b) {
            const cpu::I16Block& block = expected[b];
            ASSERT_EQ(bytes[b].scale, block.scale);
            ASSERT_EQ(bytes[b].sum, block.sum);
            ASSERT_EQ(bytes[b].integers, -block.neg_sum);
            ASSERT_EQ(bytes[b].integers_low, -block.neg_low);
            float largest = 0;
            for (int i = 0; i < 32; ++i)
                largest = std::max(largest, std::abs(x[32 * b + static_cast<std::size_t>(i)]));
            for (int i = 0; i < 32; ++i) {
                ASSERT_EQ(byte_integer(bytes[b], i), block.q[cpu::i16_place(i)]);
                const float value = x[32 * b + static_cast<std::size_t>(i)];
                const int at = i % 8 / 2 * 8 + i % 16 / 8 * 2 + i % 2;
                const PairBlock& half = halves[2 * b + static_cast<std::size_t>(i / 16)];
                const float both = half_to_float(half.values[at]) + half_to_float(half.values[at + 4]);
                ASSERT_NEAR(both * scales[b], value, largest * 0x1p-22f);
                const PairBlock& bfloat = bfloats[2 * b + static_cast<std::size_t>(i / 16)];
                ASSERT_NEAR(bf16_to_float(bfloat.values[at]) + bf16_to_float(bfloat.values[at + 4]), value,
                            std::max(std::abs(value) * 0x1p-16f, 0x1p-134f));
            }
        }
    }
};

TEST_F(InputKernels, RowsInEveryForm) {
    for (const int width : {32, 64, 70, 128, 576, 1408, 5000}) {
        const int rows = 3;
        const auto n = static_cast<std::size_t>(width);
        auto x = random.normals(n * rows);
        for (std::size_t i = 0; i < n; ++i) {
            x[n + i] *= i % 3 == 0 ? 1e-30f : 1e4f;
            x[2 * n + i] = i < 32 ? 0.0f : i < 64 ? 1e-38f : x[2 * n + i] * 1e30f;
        }
        const PreparedRows out = make_rows(rows, width);
        PrepareParams p{
            upload(*device, *stream, x), width, 1, 0, width, nullptr, nullptr, 0, formats(15), out};
        launch<Kernel::Prepare>(*stream, prepare_grid(rows, 1), p, true);
        for (int r = 0; r < rows; ++r)
            expect_row(out, r, {x.begin() + r * width, x.begin() + (r + 1) * width});
    }
}

TEST_F(InputKernels, NormedAsTheCpuNorms) {
    for (const int width : {30, 64, 96, 2048, 5120}) {
        const auto x = random.normals(static_cast<std::size_t>(width)), gain = random.normals(x.size());
        const PreparedRows out = make_rows(1, width);
        PrepareParams p{upload(*device, *stream, x), width, 1,           0,  width, nullptr,
                        vector_view(gain),           1e-5f, formats(15), out};
        launch<Kernel::Prepare>(*stream, prepare_grid(1, 1), p, true);
        std::vector<float> expected(x.size());
        cpu::rms_norm(x.data(), gain.data(), 1e-5f, width, expected.data());
        const auto found = download(*stream, out.floats, x.size());
        for (std::size_t i = 0; i < x.size(); ++i)
            ASSERT_NEAR(found[i], expected[i], std::abs(expected[i]) * 1e-6f);
        expect_row(out, 0, found);
    }
}

TEST_F(InputKernels, HeadsOfRowsAndGatheredRows) {
    const int rows = 2, heads = 3, width = 40, stride = 50, row_stride = 170;
    const auto x = random.normals(static_cast<std::size_t>(rows * row_stride));
    const float* in = upload(*device, *stream, x);
    const PreparedRows out = make_rows(rows * heads, width);
    launch<Kernel::Prepare>(*stream, prepare_grid(rows, heads),
                            {in, row_stride, heads, stride, width, nullptr, nullptr, 0, formats(15), out});
    for (int r = 0; r < rows; ++r)
        for (int h = 0; h < heads; ++h) {
            const auto from = x.begin() + r * row_stride + h * stride;
            expect_row(out, r * heads + h, {from, from + width});
        }

    const PreparedRows gathered = make_rows(3, 170);
    launch<Kernel::Prepare>(*stream, prepare_grid(3, 1),
                            {in, row_stride, 1, 0, 170,
                             upload(*device, *stream, std::vector<std::int32_t>{1, -1, 0}), nullptr, 0,
                             formats(15), gathered});
    expect_row(gathered, 0, {x.begin() + row_stride, x.end()});
    expect_row(gathered, 2, {x.begin(), x.begin() + row_stride});
    EXPECT_TRUE(std::isnan(download(*stream, gathered.floats + gathered.padded, 1).front()) || on_card());
}

TEST_F(InputKernels, FormsThatNobodyWantsAreNotWritten) {
    const auto x = random.normals(64);
    const PreparedRows out = make_rows(1, 64);
    launch<Kernel::Prepare>(
        *stream, prepare_grid(1, 1),
        {upload(*device, *stream, x), 64, 1, 0, 64, nullptr, nullptr, 0, formats(kInputF32), out});
    EXPECT_EQ(download(*stream, out.floats, 64), x);
    EXPECT_TRUE(std::isnan(download(*stream, out.bytes, 1).front().scale) || on_card());
    EXPECT_TRUE(std::isnan(download(*stream, out.half_scales, 1).front()) || on_card());
}

TEST_F(InputKernels, InfinitiesAreNotANumber) {
    auto x = random.normals(128);
    x[3] = std::numeric_limits<float>::infinity();
    x[40] = std::numeric_limits<float>::quiet_NaN();
    const PreparedRows out = make_rows(1, 128);
    launch<Kernel::Prepare>(
        *stream, prepare_grid(1, 1),
        {upload(*device, *stream, x), 128, 1, 0, 128, nullptr, nullptr, 0, formats(15), out});
    const auto blocks = download(*stream, out.bytes, 4);
    EXPECT_TRUE(std::isnan(blocks[0].scale) && std::isnan(blocks[1].scale));
    EXPECT_FALSE(std::isnan(blocks[2].scale) || std::isnan(blocks[3].scale));
    EXPECT_EQ(blocks[0].integers, 0);
}

TEST_F(InputKernels, EmbedsRowsOfAnyType) {
    constexpr int kStride = 260;
    for (const BlockType type : test::kAllTypes) {
        if (!tiled(type))
            continue;
        const int vocabulary = 37, width = traits(type).values == 256 ? 256 : 96;
        if (width % traits(type).values != 0)
            continue;
        const auto file = test::random_blocks(type, vocabulary, width, random);
        const auto values = test::block_values(type, file, vocabulary, width);
        std::vector<std::byte> tiles(tiled_bytes(type, vocabulary, width));
        pack_tiles(type, vocabulary, width, file.data(), tiles.data(), 0, tile_rows(vocabulary));
        const MatrixView view{upload(*device, *stream, tiles), vocabulary, width, type};
        std::vector<RowInput> rows(3);
        rows[0].token = 36;
        rows[1].position = -1;
        rows[1].token = -5;
        rows[2].token = 17;
        float* out = upload(*device, *stream, std::vector<float>(3 * kStride, -1.0f));
        launch<Kernel::Embed>(*stream, embed_grid(3),
                              {upload(*device, *stream, std::vector{view}), upload(*device, *stream, rows),
                               out, kStride, width, 2.5f},
                              true);
        const auto found = download(*stream, out, 3 * kStride);
        for (int r = 0; r < 3; ++r)
            for (int c = 0; c < kStride; ++c) {
                const auto at = static_cast<std::size_t>(rows[static_cast<std::size_t>(r)].token * width + c);
                const float expected = c >= width ? -1.0f : r == 1 ? 0.0f : values[at] * 2.5f;
                ASSERT_EQ(found[static_cast<std::size_t>(kStride * r + c)], expected) << traits(type).name;
            }
    }
}

/// Pairs of a row and an expert, whose weight multiplies the row: both kinds of rows, and nothing behind the
/// last pair.
TEST_F(InputKernels, RowsOfPairsAreWeighed) {
    const int width = 100, rows = 4, pairs = 6;
    const std::vector<float> x = random.normals(static_cast<std::size_t>(rows * width)),
                             weights = {0.3f, 1.7f, 0.01f, 2.0f, 0.9f, 0.5f};
    const std::vector<std::int32_t> row_of = {0, 2, 3, 0, 1, 77, 99};
    const FeedForwardList list = {2, pairs - 1};
    WeighInputsParams w = {};
    w.list = upload(*device, *stream, std::vector{list});
    w.pair_weights = upload(*device, *stream, weights);
    w.weights = upload(*device, *stream, std::vector<float>(pairs, -7.0f));
    w.rows = upload(*device, *stream, std::vector<std::int32_t>(pairs, -7));
    w.first = rows;
    w.most = pairs;
    launch<Kernel::WeighInputs>(*stream, weigh_grid(pairs), w);
    const PreparedRows in = make_rows(rows + pairs, width);
    const std::int32_t* gather = upload(*device, *stream, row_of);
    const float* from = upload(*device, *stream, x);
    launch<Kernel::Prepare>(*stream, prepare_grid(pairs, 1),
                            {.in = from,
                             .in_stride = width,
                             .heads = 1,
                             .head_stride = 0,
                             .width = width,
                             .gather = gather,
                             .gain = nullptr,
                             .epsilon = 0,
                             .formats = formats(kInputF32 | kInputBytes | kInputBfloat | kInputHalf),
                             .out = in.from(rows),
                             .weights = w.weights,
                             .count = &w.list->pairs},
                            true);
    const int padded = padded_columns(width);
    const HalfRows halves = {
        upload(*device, *stream,
               std::vector<std::uint16_t>(static_cast<std::size_t>(pairs * padded), 0x7777)),
        upload(*device, *stream, std::vector<float>(pairs, -7.0f)), padded};
    launch<Kernel::PreparePrompt>(*stream, prepare_grid(pairs, 1),
                                  {.in = from,
                                   .in_stride = width,
                                   .heads = 1,
                                   .head_stride = 0,
                                   .width = width,
                                   .count = &w.list->pairs,
                                   .gain = nullptr,
                                   .epsilon = 0,
                                   .out = halves,
                                   .gather = gather,
                                   .weights = w.weights},
                                  true);
    const auto left = download(*stream, w.pair_weights, pairs);
    const auto own_rows = download(*stream, w.rows, pairs);
    const auto values = download(*stream, halves.values, static_cast<std::size_t>(pairs * padded));
    const auto scales = download(*stream, halves.scales, pairs);
    for (int i = 0; i < pairs - 1; ++i) {
        const auto at = static_cast<std::size_t>(i);
        EXPECT_EQ(left[at], 1.0f);
        EXPECT_EQ(own_rows[at], rows + i);
        std::vector<float> expected(x.begin() + row_of[at] * width, x.begin() + (row_of[at] + 1) * width);
        for (float& value : expected)
            value *= weights[at];
        expect_row(in, rows + i, expected);
        for (int c = 0; c < width; ++c)
            ASSERT_NEAR(half_to_float(values[static_cast<std::size_t>(i * padded + c)]) * scales[at],
                        expected[static_cast<std::size_t>(c)],
                        1e-3f * std::abs(expected[static_cast<std::size_t>(c)]) + 1e-6f);
    }
    EXPECT_EQ(left.back(), weights.back());
    EXPECT_EQ(own_rows.back(), -7);
    EXPECT_EQ(scales.back(), -7.0f);
    EXPECT_EQ(values.back(), 0x7777);
}

} // namespace
} // namespace switchyard::cuda
