// Products of prompts' rows by the device's library: their slices, against plain sums in double.
#include "kernels/cuda/prompt_dense_launch.h"
#include "tests/kernels/cuda/prompt_rows.h"
#include "tests/kernels/cuda/tiled_types.h"

#include <gtest/gtest.h>

#include <cmath>

namespace switchyard::cuda {
namespace {

/// A cache so small that matrices of the tests are cut.
EmulatedOptions small_cache() { return {.l2_bytes = 96 << 10}; }

struct DenseKernels : testing::TestWithParam<BlockType>, PromptBench {
    DenseKernels() : PromptBench(small_cache()) {}
    void SetUp() override {
        if (!device->dense_products())
            GTEST_SKIP() << "this machine has no library for dense products";
    }

    DenseRoom dense_room(int rows, int matrix_rows, int padded) {
        const auto slice = static_cast<std::size_t>(dense_slice_rows(matrix_rows, padded, device->info()));
        return {device->dense_products(), &device->info(),
                room<std::uint16_t>(slice * static_cast<std::size_t>(padded)),
                room<float>(slice * static_cast<std::size_t>(dense_tokens(rows)))};
    }
    TestLaunches launches() { return {*stream, device->dense_products()}; }

    std::vector<float> multiply(const WeightRanges& ranges, const PlacedMatrix& m, HalfRows in, int first,
                                int rows) {
        return products(ranges, m, in, first, rows, [&](const PromptProductParams& p) {
            launch_dense_products(dense_room(rows, m.rows, in.padded), p, launches());
        });
    }
};

/// One slice and several, ends of matrices, rows of the batch in one pack and in two: what prompt_test.cpp
/// asks of the kernels, with the same bits in any chunk.
TEST_P(DenseKernels, MultiplyInSlicesWhateverTheChunk) {
    const BlockType type = GetParam();
    const int unit = traits(type).values, cols = unit == 256 ? 256 : 224 / unit * unit;
    for (const auto& [rows, tokens] : {std::pair{19, 3}, {401, 7}, {33, 260}}) {
        const PlacedMatrix m = place(type, rows, cols);
        const auto x = random.normals(static_cast<std::size_t>(tokens * cols));
        const HalfRows in = prepare(x, cols, kDenseTokens);
        if (!on_card()) {
            EXPECT_EQ(dense_slice_rows(rows, in.padded, device->info()) < rows, rows > 256);
        }
        const WeightRanges ranges = table({m.view});
        const auto found = multiply(ranges, m, in, 0, tokens);
        const auto seen = prepared_values(in, tokens);
        for (int t = 0; t < tokens; ++t)
            for (int r = 0; r < rows; ++r) {
                const DoubleSum own(m, r, seen.data() + static_cast<std::ptrdiff_t>(t) * in.padded);
                ASSERT_NEAR(found[static_cast<std::size_t>(t * rows + r)], own.sum,
                            0x1p-11 * own.magnitude + 1e-30)
                    << rows << " x " << cols << ", row " << r << " of token " << t;
            }
        const int first = tokens / 2, count = tokens - first;
        EXPECT_TRUE(test::same_bits(multiply(ranges, m, in, first, count),
                                    {found.begin() + first * rows, found.end()}));
    }
}

INSTANTIATE_TEST_SUITE_P(Types, DenseKernels, testing::ValuesIn(tiled_types()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

struct DenseTargets : DenseKernels {};

TEST_F(DenseTargets, HaveBiasesSumsAndWeightsOfRowsAndLeaveMatricesOfHeadsToTheKernels) {
    const int cols = 70, rows = 5, heads = 2;
    const PlacedMatrix first = place(BlockType::F16, 40, cols), second = place(BlockType::BF16, 300, cols);
    const auto bias = random.normals(40), before = random.normals(rows * 400), weights = random.normals(rows);
    const MatrixView bias_view{reinterpret_cast<const std::byte*>(put(bias)), 1, 40, BlockType::F32};
    const WeightRanges ranges = table({first.view, second.view, first.view, first.view});
    const HalfRows in = prepare(random.normals(rows * cols), cols, kDenseTokens);
    float* out = put(before);
    PromptProductParams p{};
    p.targets[0] = {ranges.table, put(std::vector{bias_view}), out, 400, 0, 1, 40, true};
    p.targets[1] = {ranges.table + 1, nullptr, out + 50, 400, 0, 1, 300, false};
    p.target_count = 2;
    p.rows = rows;
    p.in = in;
    p.row_weights = put(weights);
    p.ranges = ranges;
    const auto products = [&] { return on_card() ? 0 : static_cast<int>(counts_of(*device).products); };
    const int before_them = products();
    launch_dense_products(dense_room(rows, 300, in.padded), p, launches());
    const auto found = download(*stream, out, rows * 400);
    if (const int slice = dense_slice_rows(300, in.padded, device->info()); !on_card()) {
        EXPECT_EQ(products() - before_them, 1 + (300 + slice - 1) / slice);
    }
    const auto one = multiply(ranges, first, in, 0, rows),
               two = multiply({ranges.table + 1, ranges.largest + kRangeParts}, second, in, 0, rows);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t m = 0; m < 40; ++m)
            ASSERT_EQ(found[r * 400 + m], before[r * 400 + m] + (one[r * 40 + m] + bias[m]) * weights[r]);
        for (std::size_t m = 0; m < 300; ++m)
            ASSERT_EQ(found[r * 400 + 50 + m], two[r * 300 + m] * weights[r]);
        ASSERT_EQ(found[r * 400 + 399], before[r * 400 + 399]);
    }
    // A matrix a head.
    const HalfRows by_head = prepare(random.normals(rows * heads * cols), cols, kDenseTokens);
    p.targets[0] = {ranges.table + 2, nullptr, out, 400, 40, heads, 40, false};
    p.target_count = 1;
    p.in = by_head;
    p.row_weights = nullptr;
    launch_dense_products(dense_room(rows, 40, in.padded), p, launches());
    const auto own = download(*stream, out, rows * 400);
    launch<Kernel::PromptProduct>(*stream, prompt_product_grid(p), p);
    EXPECT_EQ(own, download(*stream, out, rows * 400));
}

/// Gates and ups of a block, in slices that end within it, against products of their own.
TEST_F(DenseTargets, JoinGatesAndUps) {
    const int cols = 96, width = 330, rows = 4;
    const PlacedMatrix gate = place(BlockType::Q8_0, width, cols), up = place(BlockType::Q4_0, width, cols);
    const WeightRanges ranges = table({gate.view, up.view});
    const HalfRows in = prepare(random.normals(rows * cols), cols, kDenseTokens);
    const auto gate_bias = random.normals(width), up_bias = random.normals(width);
    const auto bias_view = [&](const std::vector<float>& bias) {
        return put(
            std::vector{MatrixView{reinterpret_cast<const std::byte*>(put(bias)), 1, width, BlockType::F32}});
    };
    GatedMatrices m = {};
    m.gate = ranges.table;
    m.up = ranges.table + 1;
    m.gate_bias = bias_view(gate_bias);
    m.up_bias = bias_view(up_bias);
    m.width = width;
    m.activation = GatedActivation::Silu;
    const int stride = padded_columns(width);
    float* hidden = room<float>(rows * static_cast<std::size_t>(stride));
    const int slice = dense_slice_neurons(width, in.padded, device->info());
    if (!on_card()) {
        EXPECT_LT(slice, width);
    }
    ASSERT_TRUE(launch_dense_gated(dense_room(rows, 2 * width, in.padded), in, rows, m, hidden, stride,
                                   ranges, launches()));
    const auto found = download(*stream, hidden, rows * static_cast<std::size_t>(stride));
    const auto gates = multiply(ranges, gate, in, 0, rows),
               ups = multiply({ranges.table + 1, ranges.largest + kRangeParts}, up, in, 0, rows);
    for (int r = 0; r < rows; ++r)
        for (int n = 0; n < width; ++n) {
            const auto at = static_cast<std::size_t>(r * width + n), neuron = static_cast<std::size_t>(n);
            const float g = gates[at] + gate_bias[neuron], u = ups[at] + up_bias[neuron];
            ASSERT_FLOAT_EQ(found[static_cast<std::size_t>(r * stride + n)], g / (1 + std::exp(-g)) * u);
        }
}

/// Slices cover a matrix, stay in the cache and keep the multiprocessors of cards at work.
TEST(DenseSlices, FitTheCacheAndFillTheCard) {
    DeviceInfo h200, t4;
    h200.multiprocessors = 132, h200.l2_bytes = std::size_t{50} << 20;
    t4.multiprocessors = 40, t4.l2_bytes = std::size_t{4} << 20;
    for (const DeviceInfo& card : {h200, t4})
        for (const auto& [rows, cols] : {std::pair{4096, 4096},
                                         {28672, 4096},
                                         {4096, 14336},
                                         {1024, 4096},
                                         {576, 2048},
                                         {5632, 2048},
                                         {16, 64},
                                         {1, 64},
                                         {151936, 2048}}) {
            const int slice = dense_slice_rows(rows, cols, card);
            EXPECT_GT(slice, 0);
            EXPECT_EQ(slice % 16, 0);
            const std::size_t bytes = static_cast<std::size_t>(slice) * static_cast<std::size_t>(cols) * 2;
            EXPECT_LE(bytes, card.l2_bytes / 2 + static_cast<std::size_t>(cols) * 2 * 128)
                << rows << " x " << cols;
            EXPECT_LT(slice, rows + 128);
        }
    for (const auto& [rows, cols] : {std::pair{4096, 4096}, {28672, 4096}}) {
        const int slice = dense_slice_rows(rows, cols, h200), blocks = slice / 128 * 16;
        const double use = static_cast<double>(rows) / slice * blocks /
                           ((rows + slice - 1) / slice * ((blocks + 131) / 132) * 132.0);
        EXPECT_GT(use, 0.85) << rows << " x " << cols << " in slices of " << slice;
    }
}

} // namespace
} // namespace switchyard::cuda
