// Half floats, and packing: what comes back from panels is what the file's blocks say.
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using namespace test;

TEST(Half, EveryValueComesBack) {
    for (int h = 0; h < 65536; ++h) {
        const float f = cpu::half_value(static_cast<Half>(h));
        const bool nan = (h & 0x7c00) == 0x7c00 && (h & 0x3ff) != 0;
        EXPECT_EQ(std::isnan(f), nan) << h;
        if (!nan) {
            ASSERT_EQ(cpu::half_bits(f), h);
        }
    }
    EXPECT_EQ(cpu::half_value(0x3c01), 1.0f + 1.0f / 1024);
    EXPECT_EQ(cpu::half_value(0x0001), 0x1p-24f);
    EXPECT_EQ(cpu::half_value(0xfbff), -65504.0f);
}

TEST(Half, RoundsToNearestEven) {
    for (int h = 0; h < 0x7bff; ++h) {
        const float low = cpu::half_value(static_cast<Half>(h));
        const float high = cpu::half_value(static_cast<Half>(h + 1));
        const float middle = (low + high) / 2;
        ASSERT_EQ(cpu::half_bits(middle), h + h % 2) << h;
        ASSERT_EQ(cpu::half_bits(std::nextafter(middle, 0.0f)), h);
        ASSERT_EQ(cpu::half_bits(std::nextafter(middle, 1e9f)), h + 1);
    }
    EXPECT_EQ(cpu::half_bits(65520.0f), 0x7c00);
    EXPECT_EQ(cpu::half_bits(65519.0f), 0x7bff);
}

TEST(Panels, RowsComeBackWithTheSameBits) {
    Random random(1);
    for (const BlockType type : kAllTypes) {
        for (const std::int64_t rows : {1, 7, 8, 19}) {
            const std::int64_t cols = traits(type).values == 1 ? 37 : 3 * traits(type).values;
            const auto blocks = random_blocks(type, rows, cols, random);
            const auto values = block_values(type, blocks, rows, cols);
            const auto data = packed(type, blocks, rows, cols);
            for (std::int64_t r = 0; r < rows; ++r) {
                std::vector<float> row(static_cast<std::size_t>(cols));
                cpu::unpack_row({type, rows, cols, data.data()}, r, row.data());
                ASSERT_EQ(
                    std::memcmp(row.data(), &values[static_cast<std::size_t>(r * cols)], row.size() * 4), 0)
                    << traits(type).name << " row " << r;
            }
        }
    }
}

TEST(Panels, CanBePackedInParts) {
    Random random(2);
    for (const BlockType type : kAllTypes) {
        const std::int64_t rows = 30, cols = 256;
        const auto blocks = random_blocks(type, rows, cols, random);
        std::vector<std::byte> parts(cpu::packed_bytes(type, rows, cols));
        cpu::pack_panels(type, rows, cols, blocks.data(), parts.data(), 3, 4);
        cpu::pack_panels(type, rows, cols, blocks.data(), parts.data(), 0, 1);
        cpu::pack_panels(type, rows, cols, blocks.data(), parts.data(), 1, 3);
        EXPECT_EQ(parts, packed(type, blocks, rows, cols)) << traits(type).name;
    }
}

/// Scales of 6 bits become bytes.
double overhead(BlockType type) {
    switch (type) {
    case BlockType::Q4_K:
        return 0.028;
    case BlockType::Q5_K:
        return 0.023;
    case BlockType::Q3_K:
        return 0.037;
    case BlockType::IQ4_XS:
        return 0.015;
    default:
        return 0;
    }
}

TEST(Panels, CostWhatTheFileCosts) {
    for (const BlockType type : kAllTypes) {
        const double ratio = static_cast<double>(cpu::packed_bytes(type, 64, 512)) /
                             static_cast<double>(64 * row_bytes(type, 512));
        EXPECT_LE(ratio, 1.0 + overhead(type)) << traits(type).name;
    }
}

} // namespace
} // namespace switchyard
