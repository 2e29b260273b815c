// How far products are from sums in double with the same weights and the activations before they are rounded.
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using namespace test;

class ProductError : public testing::TestWithParam<BlockType> {};

/// NMSE of products with activations of `bits`.
double product_error(BlockType type, int bits) {
    Random random(4);
    constexpr std::int64_t kRows = 64, kCols = 1024;
    constexpr int kTokens = 8;
    const auto blocks = random_blocks(type, kRows, kCols, random);
    const auto weights = block_values(type, blocks, kRows, kCols);
    const auto data = packed(type, blocks, kRows, kCols);
    const auto x = random.normals(kTokens * kCols);
    const std::size_t stride = cpu::activation_row_bytes(type, kCols, bits);
    std::vector<std::byte> activations(stride * kTokens);
    for (std::size_t t = 0; t < kTokens; ++t) {
        cpu::prepare_activations(type, &x[t * kCols], kCols, &activations[t * stride], bits);
    }
    std::vector<float> y(kTokens * kRows);
    cpu::MatmulArgs args;
    args.weights = {type, kRows, kCols, data.data()};
    args.last_panel = cpu::panels(kRows);
    args.activations = activations.data();
    args.activation_stride = stride;
    args.activation_bits = bits;
    args.tokens = kTokens;
    args.y = y.data();
    args.y_stride = kRows;
    cpu::matmul(args);
    double error = 0, power = 0;
    for (std::size_t t = 0; t < kTokens; ++t) {
        for (std::size_t r = 0; r < kRows; ++r) {
            double sum = 0;
            for (std::size_t k = 0; k < kCols; ++k) {
                sum += double{weights[r * kCols + k]} * x[t * kCols + k];
            }
            error += std::pow(y[t * kRows + r] - sum, 2);
            power += sum * sum;
        }
    }
    return error / power;
}

TEST_P(ProductError, IsThatOfActivationsIn16Bits) {
    const double error = product_error(GetParam(), 16);
    RecordProperty("nmse", std::to_string(error * 1e12) + "e-12");
    EXPECT_LT(error, 1e-8);
}

TEST_P(ProductError, IsThatOfActivationsIn8Bits) {
    if (cpu::activation_format(GetParam()) == cpu::ActivationFormat::F32) {
        GTEST_SKIP() << "float weights meet floats";
    }
    // Normal numbers: the largest of 32 is about 2.1, so a step is 2.1 / 127, and its square over 12 is
    // what rounding adds to a power of 1.
    const double error = product_error(GetParam(), 8);
    RecordProperty("nmse", std::to_string(error * 1e6) + "e-6");
    EXPECT_GT(error, 5e-6);
    EXPECT_LT(error, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Types, ProductError, testing::ValuesIn(kAllTypes),
                         [](const auto& info) { return std::string(traits(info.param).name); });

} // namespace
} // namespace switchyard
