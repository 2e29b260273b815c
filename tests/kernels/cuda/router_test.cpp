// A router's logits against plain sums, and a row's bits alone and among others.
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/placed_matrix.h"
#include "tests/kernels/cuda/tiled_types.h"

#include <gtest/gtest.h>

#include <cmath>

namespace switchyard::cuda {
namespace {

class CudaRouterWidths : public testing::Test {
  protected:
    std::vector<float> logits(const PlacedMatrix& m, const std::vector<float>& x, int first, int rows) {
        const int stride = padded_columns(m.cols);
        RouterLogitsParams p = {};
        p.matrix = upload(*device_, *stream_, std::vector<MatrixView>{m.view});
        p.in = upload(*device_, *stream_, x) + first * stride;
        p.in_stride = stride;
        p.in_width = m.cols;
        p.row_count = rows;
        p.experts = m.rows;
        const auto count = static_cast<std::size_t>(rows * m.rows);
        p.logits = reinterpret_cast<float*>(device_->allocate(count * sizeof(float)));
        launch<Kernel::RouterLogits>(*stream_, router_grid(m.rows, rows), p);
        return download(*stream_, p.logits, count);
    }

    std::unique_ptr<Device> device_ = make_test_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    test::Random random_{3};
};

class CudaRouter : public CudaRouterWidths, public testing::WithParamInterface<BlockType> {};

TEST_P(CudaRouter, LogitsOfARowAreItsOwn) {
    for (const auto& [experts, cols] : {std::pair{64, 512}, {5, 256}, {129, 768}}) {
        const PlacedMatrix m = place_matrix(*device_, *stream_, GetParam(), experts, cols, random_);
        const int rows = 5, stride = padded_columns(cols);
        std::vector<float> x(static_cast<std::size_t>(rows * stride), 0.0f);
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < cols; ++c)
                x[static_cast<std::size_t>(r * stride + c)] =
                    std::sin(0.37f * static_cast<float>(r * 1000 + c));
        const auto together = logits(m, x, 0, rows);
        for (int r = 0; r < rows; ++r) {
            const auto alone = logits(m, x, r, 1);
            for (int e = 0; e < experts; ++e) {
                double sum = 0, size = 0;
                for (int c = 0; c < cols; ++c) {
                    const double part =
                        double{m.at(e, c)} * double{x[static_cast<std::size_t>(r * stride + c)]};
                    sum += part;
                    size += std::fabs(part);
                }
                const float got = together[static_cast<std::size_t>(r * experts + e)];
                EXPECT_EQ(got, alone[static_cast<std::size_t>(e)]) << r << ", " << e;
                EXPECT_NEAR(got, sum, 1e-6 * size + 1e-30) << r << ", " << e;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaRouter,
                         testing::Values(BlockType::F32, BlockType::BF16, BlockType::F16, BlockType::Q8_0,
                                         BlockType::Q4_K),
                         [](const auto& info) { return std::string(traits(info.param).name); });

/// Widths that are no multiple of four or of a tile's columns.
TEST_F(CudaRouterWidths, AreOdd) {
    for (const int cols : {1, 30, 67, 130}) {
        const PlacedMatrix m = place_matrix(*device_, *stream_, BlockType::F32, 9, cols, random_);
        std::vector<float> x(static_cast<std::size_t>(padded_columns(cols)), 0.0f);
        std::fill_n(x.begin(), cols, 1.0f);
        const auto got = logits(m, x, 0, 1);
        for (int e = 0; e < 9; ++e) {
            double sum = 0, size = 0;
            for (int c = 0; c < cols; ++c) {
                sum += double{m.at(e, c)};
                size += std::fabs(double{m.at(e, c)});
            }
            EXPECT_NEAR(got[static_cast<std::size_t>(e)], sum, 1e-6 * size) << cols;
        }
    }
}

} // namespace
} // namespace switchyard::cuda
