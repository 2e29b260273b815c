// Products of many rows against plain sums in double.
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/prompt_rows.h"
#include "tests/kernels/cuda/tiled_types.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace switchyard::cuda {
namespace {

struct PromptKernels : testing::TestWithParam<BlockType>, PromptBench {
    std::vector<float> multiply(const WeightRanges& ranges, const PlacedMatrix& m, HalfRows in, int first,
                                int rows) {
        return products(ranges, m, in, first, rows, [&](const PromptProductParams& p) {
            launch<Kernel::PromptProduct>(*stream, prompt_product_grid(p), p, true);
        });
    }
};

TEST_P(PromptKernels, MultiplyManyRows) {
    const BlockType type = GetParam();
    const int unit = traits(type).values == 1 ? 33 : traits(type).values;
    for (const int blocks : {1, 5}) {
        const int cols = blocks * unit;
        for (const int rows : {1, 145}) {
            const PlacedMatrix m = place(type, rows, cols);
            const int tokens = blocks == 1 ? 19 : rows == 1 ? 130 : 7;
            const auto x = random.normals(static_cast<std::size_t>(tokens * cols));
            const HalfRows in = prepare(x, cols);
            const auto found = multiply(table({m.view}), m, in, 0, tokens);
            // Against what was prepared only the weights' rounding is left, where there is any.
            const auto seen = prepared_values(in, tokens);
            double error = 0, power = 0;
            for (int t = 0; t < tokens; ++t)
                for (int r = 0; r < rows; ++r) {
                    const DoubleSum full(m, r, x.data() + t * cols),
                        own(m, r, seen.data() + static_cast<std::ptrdiff_t>(t) * in.padded);
                    const float value = found[static_cast<std::size_t>(t * rows + r)];
                    ASSERT_NEAR(value, own.sum, 0x1p-11 * own.magnitude + 1e-30)
                        << rows << " x " << cols << ", row " << r << " of token " << t;
                    ASSERT_NEAR(value, full.sum, 0x1p-10 * full.magnitude + 1e-30);
                    error += std::pow(value - full.sum, 2);
                    power += full.squares;
                }
            EXPECT_LT(error / power, 1.2e-7) // either operand of 11 bits: 4e-8
                << rows << " x " << cols;
        }
    }
}

/// A row has the same bits in any chunk and any company.
TEST_P(PromptKernels, DoNotKnowTheChunk) {
    const BlockType type = GetParam();
    const int cols = traits(type).values == 256 ? 512 : 320;
    const PlacedMatrix m = place(type, 40, cols);
    const auto x = random.normals(static_cast<std::size_t>(150 * cols));
    const HalfRows in = prepare(x, cols);
    const WeightRanges ranges = table({m.view});
    const auto all = multiply(ranges, m, in, 0, 150);
    for (const auto& [first, rows] : {std::pair{0, 1}, {149, 1}, {3, 17}, {120, 30}, {1, 129}}) {
        const auto some = multiply(ranges, m, in, first, rows);
        const auto* from = all.data() + first * m.rows;
        ASSERT_TRUE(test::same_bits(some, {from, from + rows * m.rows})) << rows << " rows from " << first;
    }
}

INSTANTIATE_TEST_SUITE_P(Types, PromptKernels, testing::ValuesIn(tiled_types()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

struct PromptRows : PromptKernels {};

TEST_F(PromptRows, TakeAPowerOfTwoEach) {
    const int rows = 6, width = 70;
    auto x = random.normals(rows * width);
    const float sizes[rows] = {1.0f, 1e-30f, 1e25f, 70000.0f, 0.0f, 1.0f};
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < width; ++c)
            x[static_cast<std::size_t>(r * width + c)] *= sizes[r];
    x[5 * width + 3] = std::numeric_limits<float>::quiet_NaN();
    const HalfRows in = prepare(x, width);
    const auto found = prepared_values(in, rows);
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < in.padded; ++c) {
            const float value = found[static_cast<std::size_t>(r * in.padded + c)];
            const float wanted = c < width ? x[static_cast<std::size_t>(r * width + c)] : 0.0f;
            if (std::isnan(wanted))
                EXPECT_TRUE(std::isnan(value));
            else
                ASSERT_NEAR(value, wanted, std::abs(wanted) * 0x1p-11f + sizes[r] * 1e-8f) << r << ", " << c;
        }
}

TEST_F(PromptRows, AreNormedHeadByHeadAndCounted) {
    const int rows = 3, heads = 2, count = 5;
    for (const int width : {100, 1100}) { // values for one warp, and for all of a block
        const int head_stride = width + 10, stride = heads * head_stride + 10;
        const auto x = random.normals(static_cast<std::size_t>(rows * stride)),
                   gain = random.normals(static_cast<std::size_t>(width));
        const MatrixView gain_view{reinterpret_cast<const std::byte*>(put(gain)), 1, width, BlockType::F32};
        const HalfRows out = half_room(rows * heads, width);
        stream->fill(reinterpret_cast<std::byte*>(out.scales), 0, rows * heads * sizeof(float));
        launch<Kernel::PreparePrompt>(*stream, prepare_grid(rows, heads),
                                      {put(x), stride, heads, head_stride, width,
                                       put(std::vector<std::int32_t>{count}),
                                       put(std::vector<MatrixView>{gain_view}), 1e-5f, out},
                                      true);
        const auto found = prepared_values(out, count);
        for (int i = 0; i < count; ++i) {
            const float* row = x.data() + i / heads * stride + i % heads * head_stride;
            double squares = 0;
            for (int c = 0; c < width; ++c)
                squares += static_cast<double>(row[c]) * row[c];
            const double factor = 1 / std::sqrt(squares / width + 1e-5);
            for (int c = 0; c < width; ++c) {
                const double wanted = row[c] * factor * gain[static_cast<std::size_t>(c)];
                ASSERT_NEAR(found[static_cast<std::size_t>(i * out.padded + c)], wanted,
                            std::abs(wanted) * 0x1p-10 + 1e-7);
            }
        }
        EXPECT_EQ(download(*stream, out.scales, rows * heads).back(), 0.0f)
            << "the sixth was to be left alone";
    }
}

struct PromptWeights : PromptKernels {};

/// Neither far beyond F16's numbers nor at their end does a weight lose anything.
TEST_F(PromptWeights, MayBeOfAnySize) {
    const int rows = 20, cols = 64;
    for (const BlockType type : {BlockType::F32, BlockType::BF16})
        for (const float size : {1e9f, 1e-12f}) {
            auto values = random.normals(rows * cols);
            std::vector<std::byte> blocks;
            for (float& v : values) {
                v *= size;
                const auto bits = std::bit_cast<std::uint32_t>(v);
                for (int i = type == BlockType::F32 ? 0 : 2; i < 4; ++i)
                    blocks.push_back(static_cast<std::byte>(bits >> (8 * i)));
            }
            const PlacedMatrix m = place_blocks(*device, *stream, type, rows, cols, blocks);
            const auto x = random.normals(9 * cols);
            const HalfRows in = prepare(x, cols);
            const auto found = multiply(table({m.view}), m, in, 0, 9);
            const auto seen = prepared_values(in, 9);
            const double tolerance = type == BlockType::BF16 ? 1e-6 : 0x1p-11;
            for (int t = 0; t < 9; ++t)
                for (int r = 0; r < rows; ++r) {
                    const DoubleSum own(m, r, seen.data() + static_cast<std::ptrdiff_t>(t) * in.padded);
                    ASSERT_NEAR(found[static_cast<std::size_t>(t * rows + r)], own.sum,
                                tolerance * own.magnitude);
                }
        }
}

/// Two matrices with biases, sums to be added and weights of rows, and a matrix a head.
TEST_P(PromptKernels, HaveManyTargets) {
    const BlockType type = GetParam();
    const int cols = traits(type).values == 256 ? 256 : 96 / traits(type).values * traits(type).values,
              rows = 5, heads = 3;
    const auto x = random.normals(static_cast<std::size_t>(rows * heads * cols));
    const HalfRows in = prepare(x, cols);
    std::vector<PlacedMatrix> matrices;
    std::vector<MatrixView> views;
    for (int h = 0; h < heads; ++h) {
        matrices.push_back(place(type, 40, cols));
        views.push_back(matrices.back().view);
    }
    const auto bias = random.normals(40), before = random.normals(rows * 130), weights = random.normals(rows);
    views.push_back({reinterpret_cast<const std::byte*>(put(bias)), 1, 40, BlockType::F32});
    const WeightRanges ranges = table({views.begin(), views.begin() + heads});
    const MatrixView* bias_view = put(std::vector<MatrixView>{views.back()});
    float* out = put(before);
    PromptProductParams p{};
    p.targets[0] = {ranges.table, nullptr, out, 130, 42, heads, 40, true};
    p.target_count = 1;
    p.rows = rows;
    p.in = in;
    p.row_weights = put(weights);
    p.ranges = ranges;
    launch<Kernel::PromptProduct>(*stream, prompt_product_grid(p), p, true);
    const auto found = download(*stream, out, rows * 130);
    for (int r = 0; r < rows; ++r)
        for (int h = 0; h < heads; ++h) {
            const auto own = multiply({ranges.table + h, ranges.largest + h * kRangeParts},
                                      matrices[static_cast<std::size_t>(h)], in, r * heads + h, 1);
            for (int m = 0; m < 40; ++m) {
                const auto at = static_cast<std::size_t>(r * 130 + h * 42 + m);
                ASSERT_EQ(found[at], before[at] + own[static_cast<std::size_t>(m)] *
                                                      weights[static_cast<std::size_t>(r)]);
            }
        }
    // Two targets of one input.
    p.in.padded = in.padded;
    p.rows = 2;
    p.row_weights = nullptr;
    p.targets[0] = {ranges.table, bias_view, out, 130, 0, 1, 40, false};
    p.targets[1] = {ranges.table + 1, nullptr, out + 50, 130, 0, 1, 40, false};
    p.target_count = 2;
    launch<Kernel::PromptProduct>(*stream, prompt_product_grid(p), p, true);
    const auto two = download(*stream, out, 2 * 130);
    const auto first = multiply(ranges, matrices[0], in, 0, 2),
               second = multiply({ranges.table + 1, ranges.largest + kRangeParts}, matrices[1], in, 0, 2);
    for (std::size_t r = 0; r < 2; ++r)
        for (std::size_t m = 0; m < 40; ++m) {
            ASSERT_EQ(two[r * 130 + m], first[r * 40 + m] + bias[m]);
            ASSERT_EQ(two[r * 130 + 50 + m], second[r * 40 + m]);
        }
}

} // namespace
} // namespace switchyard::cuda
