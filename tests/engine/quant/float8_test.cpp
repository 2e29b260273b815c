// FP8 and MXFP4 as Hugging Face folders hold them.
#include "engine/quant/float8.h"
#include "engine/quant/quant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace switchyard {
namespace {

TEST(Float8, EveryValueIsWhatItsBitsSay) {
    for (int bits = 0; bits < 256; ++bits) {
        const int exponent = bits >> 3 & 15, mantissa = bits & 7;
        const double size =
            exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
        const float value = f8_e4m3_to_float(static_cast<std::uint8_t>(bits));
        if ((bits & 0x7f) == 0x7f) {
            EXPECT_TRUE(std::isnan(value)) << bits;
        } else {
            EXPECT_EQ(value, bits & 0x80 ? -size : size) << bits;
            EXPECT_EQ(std::signbit(value), (bits & 0x80) != 0) << bits;
        }
    }
    EXPECT_EQ(f8_e4m3_to_float(0x38), 1.0f);
    EXPECT_EQ(f8_e4m3_to_float(0x7e), 448.0f);
}

TEST(Float8, ScalesChangeEvery128Columns) {
    const std::vector<std::byte> row(300, std::byte{0x38});
    const std::vector<float> scales = {1.0f, 2.0f, -3.0f};
    std::vector<float> out(300);
    decode_f8_row(row.data(), scales.data(), out);
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[127], 1.0f);
    EXPECT_EQ(out[128], 2.0f);
    EXPECT_EQ(out[256], -3.0f);
    EXPECT_EQ(out[299], -3.0f);
}

TEST(Float8, BlocksHoldTheSameNumbers) {
    std::vector<std::byte> row(192);
    for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = static_cast<std::byte>(i % 127 | i % 2 << 7);
    }
    const std::vector<float> scales = {1.7f, -3.3f};
    std::vector<BlockFP8> blocks(3);
    pack_f8_row(row.data(), scales.data(), 192, blocks.data());
    std::vector<float> expected(192), got(192);
    decode_f8_row(row.data(), scales.data(), expected);
    decode_row(BlockType::FP8, reinterpret_cast<const std::byte*>(blocks.data()), got);
    EXPECT_EQ(got, expected);
}

/// The code of the nearest value; of two equally near ones that whose last bit is 0.
int nearest_code(float x) {
    int best = 0;
    for (int code = 1; code < 0x7f; ++code) {
        const float off = std::abs(f8_e4m3_to_float(static_cast<std::uint8_t>(code)) - std::abs(x));
        const float least = std::abs(f8_e4m3_to_float(static_cast<std::uint8_t>(best)) - std::abs(x));
        best = off < least || (off == least && code % 2 == 0) ? code : best;
    }
    return best | (std::signbit(x) ? 0x80 : 0);
}

TEST(Float8, EncodingTakesTheNearestValue) {
    std::vector<float> values(64 * 40);
    for (std::size_t i = 0; i < values.size(); ++i) { // sixteenths of the steps, and each block's scale is 1
        const auto code = static_cast<std::uint8_t>(i / 16 % 126);
        const float low = f8_e4m3_to_float(code),
                    high = f8_e4m3_to_float(static_cast<std::uint8_t>(code + 1));
        values[i] = low + (high - low) * static_cast<float>(i % 16) / 16.0f;
        values[i] = i % 3 == 0 ? -values[i] : values[i];
    }
    for (std::size_t b = 0; b < 40; ++b) {
        values[64 * b] = 448.0f;
    }
    std::vector<BlockFP8> blocks(40);
    encode_row(BlockType::FP8, values, reinterpret_cast<std::byte*>(blocks.data()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(blocks[i / 64].scale, 1.0f);
        ASSERT_EQ(blocks[i / 64].q[i % 64], nearest_code(values[i])) << values[i];
    }
}

TEST(Mxfp4, NeighboursBecomeHalvesOfABlock) {
    constexpr double kE2M1[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    std::vector<std::byte> values(32), exponents = {std::byte{127}, std::byte{120}};
    for (int i = 0; i < 64; i += 2) {
        values[static_cast<std::size_t>(i / 2)] = static_cast<std::byte>(i % 16 | (i * 5 + 1) % 16 << 4);
    }
    std::vector<BlockMXFP4> blocks(2);
    pack_mxfp4_row(values.data(), exponents.data(), 64, blocks.data());
    std::vector<float> out(64);
    decode_row(BlockType::MXFP4, reinterpret_cast<const std::byte*>(blocks.data()), out);
    for (int i = 0; i < 64; ++i) {
        const int code = i % 2 == 0 ? i % 16 : ((i - 1) * 5 + 1) % 16;
        const double size = std::ldexp(kE2M1[code & 7], i < 32 ? 0 : -7);
        EXPECT_EQ(out[static_cast<std::size_t>(i)], code & 8 ? -size : size) << i;
    }
}

} // namespace
} // namespace switchyard
