// Decoding against the values that the gguf package computes (tests/oracle/make_block_fixtures.py).
#include "engine/files/gguf.h"
#include "engine/quant/quant.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace switchyard {
namespace {

TEST(Decode, EveryTypeIsBitExact) {
    const auto file = open_gguf(SWITCHYARD_TEST_WORK "/quant/blocks.gguf");
    for (int i = 0; i < kBlockTypes; ++i) {
        const auto type = static_cast<BlockType>(i);
        if (type == BlockType::F32 || traits(type).gguf_type < 0) {
            continue;
        }
        const std::string name(traits(type).name);
        const TensorView* blocks = file->find(name + ".blocks");
        const TensorView* values = file->find(name + ".values");
        ASSERT_TRUE(blocks && values) << name << " has no fixture";
        ASSERT_EQ(blocks->type, type);
        const auto cols = static_cast<std::size_t>(blocks->cols());
        std::vector<float> row(cols);
        for (std::int64_t r = 0; r < blocks->rows(); ++r) {
            decode_row(type, blocks->data + static_cast<std::size_t>(r) * row_bytes(type, blocks->cols()),
                       row);
            const std::byte* expected = values->data + static_cast<std::size_t>(r) * cols * sizeof(float);
            ASSERT_EQ(std::memcmp(row.data(), expected, cols * sizeof(float)), 0) << name << " row " << r;
        }
    }
}

TEST(Half, EveryValueSurvivesTheWayToFloatAndBack) {
    for (std::uint32_t h = 0; h < 0x10000; ++h) {
        const float f = half_to_float(static_cast<Half>(h));
        if (std::isnan(f)) {
            EXPECT_TRUE(std::isnan(half_to_float(float_to_half(f))));
        } else {
            ASSERT_EQ(float_to_half(f), h);
        }
    }
}

TEST(Half, RoundsToNearestEven) {
    EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);            // half way, down to even
    EXPECT_EQ(float_to_half(1.0f + 3 * 0x1p-11f), 0x3c02);        // half way, up to even
    EXPECT_EQ(float_to_half(1.0f + 0x1p-11f + 0x1p-23f), 0x3c01); // above half way
    EXPECT_EQ(float_to_half(65519.996f), 0x7bff);
    EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
    EXPECT_EQ(float_to_half(0x1p-25f), 0);
    EXPECT_EQ(float_to_half(0x1.8p-25f), 1);
    EXPECT_EQ(float_to_half(-0x1p-24f), 0x8001);
}

TEST(Bf16, RoundsToNearestEvenAndKeepsNan) {
    EXPECT_EQ(float_to_bf16(1.0f), 0x3f80);
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
    EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(Types, NamesAreReadInAnyCase) {
    EXPECT_EQ(parse_block_type("q4_k"), BlockType::Q4_K);
    EXPECT_EQ(parse_block_type("F16"), BlockType::F16);
    EXPECT_EQ(parse_block_type("bf16"), BlockType::BF16);
    EXPECT_EQ(parse_block_type(""), std::nullopt);
    EXPECT_EQ(parse_block_type("Q4"), std::nullopt);
    EXPECT_EQ(parse_block_type("Q4_KK"), std::nullopt);
}

TEST(Types, FallBackWhereARowIsTooShort) {
    EXPECT_EQ(fallback_type(BlockType::Q4_K, 512), BlockType::Q4_K);
    EXPECT_EQ(fallback_type(BlockType::Q4_K, 576), BlockType::Q5_0);
    EXPECT_EQ(fallback_type(BlockType::Q6_K, 1408), BlockType::Q8_0);
    EXPECT_EQ(fallback_type(BlockType::Q4_0, 576), BlockType::Q4_0);
    EXPECT_EQ(fallback_type(BlockType::Q8_0, 100), BlockType::F16);
    EXPECT_EQ(fallback_type(BlockType::Q4_K, 100), BlockType::F16);
    EXPECT_EQ(fallback_type(BlockType::Q2_K, 576), BlockType::Q4_0);
    EXPECT_EQ(fallback_type(BlockType::TQ1_0, 576), BlockType::Q4_0);
    EXPECT_EQ(fallback_type(BlockType::IQ2_XS, 576), BlockType::IQ4_NL);
    EXPECT_EQ(fallback_type(BlockType::IQ4_XS, 576), BlockType::IQ4_NL);
    EXPECT_EQ(fallback_type(BlockType::Q5_K, 2880), BlockType::Q5_1);
    EXPECT_EQ(fallback_type(BlockType::IQ4_NL, 2880), BlockType::IQ4_NL);
    EXPECT_EQ(fallback_type(BlockType::MXFP4, 100), BlockType::F16);
    EXPECT_EQ(fallback_type(BlockType::FP8, 576), BlockType::FP8);
    EXPECT_EQ(fallback_type(BlockType::FP8, 96), BlockType::Q8_0);
    EXPECT_EQ(fallback_type(BlockType::F32, 7), BlockType::F32);
    EXPECT_DOUBLE_EQ(bits_per_weight(BlockType::Q8_0), 8.5);
    EXPECT_DOUBLE_EQ(bits_per_weight(BlockType::Q4_K), 4.5);
}

} // namespace
} // namespace switchyard
