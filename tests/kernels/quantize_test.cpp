// Activations as integers: near to their floats, with the sums that go with them, on every instruction set.
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using namespace test;

constexpr int kBlocks = 9;

/// Blocks of usual numbers, and some that are all zero, too small, too large or none.
std::vector<float> activations(float largest) {
    Random random(3);
    std::vector<float> x = random.normals(32 * kBlocks);
    std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
    x[70] = 1e30f;
    x[100] = 1e-38f;
    for (std::size_t i = 128; i < 160; ++i) {
        x[i] *= 1e-39f;
    }
    x[161] = INFINITY;
    x[193] = -NAN;
    for (int i = 224; i < 256; ++i) { // halves between integers
        x[static_cast<std::size_t>(i)] = i == 224 ? largest : static_cast<float>(i - 240) + 0.5f;
    }
    return x;
}

int value(const cpu::I16Block& block, int i) { return block.q[cpu::i16_place(i)]; }
int value(const cpu::I8Block& block, int i) { return block.q[i]; }

template <class Block>
std::vector<Block> quantized(cpu::Isa isa, const std::vector<float>& x) {
    std::vector<Block> blocks(kBlocks);
    const cpu::KernelTable& table = cpu::table(isa);
    (sizeof(Block) == sizeof(cpu::I8Block) ? table.quantize_i8 : table.quantize_i16)(
        x.data(), 32 * kBlocks, reinterpret_cast<std::byte*>(blocks.data()));
    return blocks;
}

template <class Block>
class Quantize : public testing::Test {};
using Blocks = testing::Types<cpu::I16Block, cpu::I8Block>;
TYPED_TEST_SUITE(Quantize, Blocks);

template <class Block>
constexpr float kLargest = sizeof(Block) == sizeof(cpu::I8Block) ? 127.0f : 32767.0f;

TYPED_TEST(Quantize, IsNear) {
    const auto x = activations(kLargest<TypeParam>);
    const auto blocks = quantized<TypeParam>(cpu::Isa::Scalar, x);
    for (int b = 0; b < kBlocks; ++b) {
        const TypeParam& block = blocks[static_cast<std::size_t>(b)];
        if (b == 5 || b == 6) {
            EXPECT_TRUE(std::isnan(block.scale));
            continue;
        }
        int sum = 0, low = 0;
        for (int i = 0; i < 32; ++i) {
            const int q = value(block, i);
            EXPECT_NEAR(block.scale * static_cast<float>(q), x[static_cast<std::size_t>(32 * b + i)],
                        block.scale * 0.5001f + 1e-35f);
            EXPECT_LE(std::abs(q), kLargest<TypeParam>);
            sum += q;
            low += i < 16 ? q : 0;
        }
        EXPECT_EQ(block.neg_sum, -sum);
        EXPECT_EQ(block.neg_low, -low);
        EXPECT_EQ(block.sum, block.scale * static_cast<float>(sum));
    }
    EXPECT_EQ(value(blocks[7], 17), 2); // 1.5 goes to the even neighbour
}

TYPED_TEST(Quantize, IsTheSameOnEveryInstructionSet) {
    const auto x = activations(kLargest<TypeParam>);
    const auto expected = quantized<TypeParam>(cpu::Isa::Scalar, x);
    for (const cpu::Isa isa : available_isas()) {
        const auto got = quantized<TypeParam>(isa, x);
        for (std::size_t b = 0; b < kBlocks; ++b) {
            EXPECT_EQ(std::memcmp(got[b].q, expected[b].q, sizeof got[b].q), 0) << cpu::table(isa).name << b;
            EXPECT_EQ(got[b].neg_sum, expected[b].neg_sum);
            EXPECT_EQ(got[b].neg_low, expected[b].neg_low);
            if (std::isnan(expected[b].scale)) {
                EXPECT_TRUE(std::isnan(got[b].scale) && std::isnan(got[b].sum));
            } else {
                EXPECT_EQ(got[b].scale, expected[b].scale);
                EXPECT_EQ(got[b].sum, expected[b].sum);
            }
        }
    }
}

TEST(QuantizeWords, AreTheIntegersOfBytes) {
    const auto x = activations(127.0f);
    const auto bytes = quantized<cpu::I8Block>(cpu::Isa::Scalar, x);
    for (const cpu::Isa isa : available_isas()) {
        std::vector<cpu::I16Block> words(kBlocks);
        cpu::table(isa).quantize_i8_words(x.data(), 32 * kBlocks, reinterpret_cast<std::byte*>(words.data()));
        for (std::size_t b = 0; b < kBlocks; ++b) {
            for (int i = 0; i < 32; ++i) {
                ASSERT_EQ(value(words[b], i), value(bytes[b], i)) << cpu::table(isa).name << b;
            }
            EXPECT_EQ(words[b].neg_sum, bytes[b].neg_sum);
            EXPECT_EQ(words[b].neg_low, bytes[b].neg_low);
            EXPECT_EQ(std::memcmp(&words[b].scale, &bytes[b].scale, sizeof(float)), 0);
            EXPECT_EQ(std::memcmp(&words[b].sum, &bytes[b].sum, sizeof(float)), 0);
        }
    }
}

} // namespace
} // namespace switchyard
