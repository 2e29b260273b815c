// Encoding error against what other quantizers reach on the same kind of data.
#include "engine/quant/encoder.h"
#include "engine/quant/quant.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

namespace switchyard {
namespace {

std::vector<float> normal_values(std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& v : values) {
        v = normal(generator);
    }
    return values;
}

std::vector<float> there_and_back(BlockType type, std::span<const float> values,
                                  const float* importance = nullptr) {
    std::vector<std::byte> blocks(row_bytes(type, static_cast<std::int64_t>(values.size())));
    encode_row(type, values, blocks.data(), importance);
    std::vector<float> out(values.size());
    decode_row(type, blocks.data(), out);
    return out;
}

/// Root of sum w (x - y)^2 / sum w x^2.
double relative_error(std::span<const float> x, std::span<const float> y, const float* weights = nullptr) {
    double error = 0, norm = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double w = weights ? weights[i] : 1.0;
        error += w * (x[i] - y[i]) * (x[i] - y[i]);
        norm += w * x[i] * x[i];
    }
    return std::sqrt(error / norm);
}

struct Figure {
    BlockType type;
    double rms; ///< llama.cpp without an importance matrix (MXFP4: the gguf package, FP8: PyTorch's rounding
                ///< of blocks of 64), normal rows of 256
};

class EncodeError : public testing::TestWithParam<Figure> {};

TEST_P(EncodeError, IsNoWorseThanTheFieldOnNormalRows) {
    const auto [type, rms] = GetParam();
    const std::vector<float> values = normal_values(256 * 1000, 11);
    const double error = relative_error(values, there_and_back(type, values));
    RecordProperty("rms", std::to_string(error));
    EXPECT_LE(error, rms * 1.01) << traits(type).name;
    EXPECT_GE(error, rms * 0.5) << traits(type).name << ": too good to be true";
}

INSTANTIATE_TEST_SUITE_P(Types, EncodeError,
                         testing::Values(Figure{BlockType::Q8_0, 0.0054}, Figure{BlockType::Q6_K, 0.0177},
                                         Figure{BlockType::Q4_K, 0.0715}, Figure{BlockType::Q4_0, 0.0858},
                                         Figure{BlockType::Q4_1, 0.0784}, Figure{BlockType::Q5_0, 0.0428},
                                         Figure{BlockType::Q5_1, 0.0381}, Figure{BlockType::Q5_K, 0.0362},
                                         Figure{BlockType::Q3_K, 0.1511}, Figure{BlockType::Q2_K, 0.2965},
                                         Figure{BlockType::IQ4_NL, 0.0762}, Figure{BlockType::IQ4_XS, 0.0768},
                                         Figure{BlockType::MXFP4, 0.1154}, Figure{BlockType::FP8, 0.0250}),
                         [](const auto& info) { return std::string(traits(info.param.type).name); });

std::vector<BlockType> packed_types() {
    std::vector<BlockType> types;
    for (int i = 0; i < kBlockTypes; ++i) {
        if (traits(static_cast<BlockType>(i)).values > 1 && encodable(static_cast<BlockType>(i))) {
            types.push_back(static_cast<BlockType>(i));
        }
    }
    return types;
}

std::vector<BlockType> types_with_a_choice() {
    std::vector<BlockType> types = packed_types();
    std::erase(types, BlockType::Q8_0); // always round to the nearest level
    std::erase(types, BlockType::Q8_K);
    std::erase(types, BlockType::FP8);
    return types;
}

class Encode : public testing::TestWithParam<BlockType> {};
class EncodeByChoice : public Encode {};

TEST_P(Encode, BothBuildsGiveTheSameBytes) {
    if (!__builtin_cpu_supports("avx2")) {
        GTEST_SKIP() << "needs AVX2";
    }
    const std::vector<float> values = normal_values(256 * 64, 5), ones(values.size(), 1.0f);
    const std::size_t bytes = row_bytes(GetParam(), static_cast<std::int64_t>(values.size()));
    std::vector<std::byte> a(bytes), b(bytes);
    baseline::kRowCoder.encode_blocks(GetParam(), values.data(), ones.data(), values.size(), a.data());
    avx2::kRowCoder.encode_blocks(GetParam(), values.data(), ones.data(), values.size(), b.data());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), bytes), 0);
    avx2::kRowCoder.encode_blocks(GetParam(), values.data(), nullptr, values.size(), b.data());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), bytes), 0) << "weights that are all alike";
}

TEST(Rows16, BothBuildsConvertAsSingleValuesAre) {
    std::vector<std::uint16_t> halves(0x10000);
    std::iota(halves.begin(), halves.end(), std::uint16_t{0});
    std::vector<float> floats(halves.size()), values(0x40001); // ending within a vector
    std::mt19937 generator(11);
    for (float& value : values) // whatever bits: NaN, infinities and subnormals too
        value = std::bit_cast<float>(static_cast<std::uint32_t>(generator()));
    for (std::size_t i = 0; i < 64; ++i) // around what rounds to infinity, and to subnormals
        values[i] =
            std::bit_cast<float>((i < 32 ? 0x477feff0u : 0x387fffd0u) + static_cast<std::uint32_t>(i));
    std::vector<std::uint16_t> encoded(values.size());
    for (const RowCoder* coder : {&baseline::kRowCoder, &avx2::kRowCoder}) {
        if (coder == &avx2::kRowCoder && !__builtin_cpu_supports("avx2"))
            continue;
        for (const BlockType type : {BlockType::F16, BlockType::BF16}) {
            const bool half = type == BlockType::F16;
            coder->decode_16(type, reinterpret_cast<const std::byte*>(halves.data()), floats);
            for (std::uint32_t h = 0; h < 0x10000; ++h) {
                const auto bits = static_cast<std::uint16_t>(h);
                ASSERT_EQ(std::bit_cast<std::uint32_t>(floats[h]),
                          std::bit_cast<std::uint32_t>(half ? half_to_float(bits) : bf16_to_float(bits)))
                    << h;
            }
            coder->encode_16(type, values, reinterpret_cast<std::byte*>(encoded.data()));
            for (std::size_t i = 0; i < values.size(); ++i)
                ASSERT_EQ(encoded[i], half ? float_to_half(values[i]) : float_to_bf16(values[i]))
                    << values[i];
        }
    }
}

TEST(Extreme, IsTheFirstOfTheLargestMagnitude) {
    // As the signed scale of Q8_K tells: x / -127 of the extreme.
    const auto scale = [](const RowCoder& coder, const std::vector<float>& values) {
        BlockQ8_K block;
        coder.encode_blocks(BlockType::Q8_K, values.data(), nullptr, values.size(),
                            reinterpret_cast<std::byte*>(&block));
        return block.d;
    };
    for (const RowCoder* coder : {&baseline::kRowCoder, &avx2::kRowCoder}) {
        if (coder == &avx2::kRowCoder && !__builtin_cpu_supports("avx2"))
            continue;
        std::vector<float> values(256, 0.5f);
        values[3] = std::numeric_limits<float>::quiet_NaN();
        values[9] = -2.0f;
        values[17] = 2.0f; // the same lane, and then another
        EXPECT_FLOAT_EQ(scale(*coder, values), 2.0f / 127.0f);
        std::swap(values[9], values[17]);
        EXPECT_FLOAT_EQ(scale(*coder, values), -2.0f / 127.0f);
        values[200] = -3.0f;
        values[202] = 3.0f;
        EXPECT_FLOAT_EQ(scale(*coder, values), 3.0f / 127.0f);
        EXPECT_EQ(scale(*coder, std::vector<float>(256, -0.0f)), 0.0f);
    }
}

TEST_P(Encode, KeepsZerosAndConstants) {
    for (const float constant : {0.0f, 1.0f, -3.0f, 1e-20f, 1e-42f}) {
        const std::vector<float> values(512, constant);
        for (const float v : there_and_back(GetParam(), values)) {
            ASSERT_NEAR(v, constant, std::abs(constant) * 0.13 + 1e-7) << constant;
        }
    }
}

TEST_P(Encode, SurvivesHostileValues) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    for (const float bad : {std::nanf(""), kInf, -kInf, 3e38f, -3e38f, 1e-45f}) {
        std::vector<float> values = normal_values(512, 3);
        values[7] = values[100] = values[511] = bad;
        there_and_back(GetParam(), values); // must neither crash nor read out of bounds
        std::fill(values.begin(), values.end(), bad);
        there_and_back(GetParam(), values);
    }
}

TEST_P(Encode, IsScaleFree) {
    std::vector<float> values = normal_values(256 * 16, 9);
    const double at_one = relative_error(values, there_and_back(GetParam(), values));
    for (float& v : values) {
        v *= 0.015625f;
    }
    EXPECT_NEAR(relative_error(values, there_and_back(GetParam(), values)), at_one, at_one * 0.02);
}

TEST_P(EncodeByChoice, ImportanceLowersTheWeightedError) {
    const std::vector<float> values = normal_values(256 * 64, 21);
    std::vector<float> importance = normal_values(values.size(), 22);
    for (float& w : importance) {
        w = std::exp(2.0f * w);
    }
    const double plain = relative_error(values, there_and_back(GetParam(), values), importance.data());
    const double weighted =
        relative_error(values, there_and_back(GetParam(), values, importance.data()), importance.data());
    EXPECT_LT(weighted, plain * 0.985);
}

INSTANTIATE_TEST_SUITE_P(Types, Encode, testing::ValuesIn(packed_types()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

INSTANTIATE_TEST_SUITE_P(Types, EncodeByChoice, testing::ValuesIn(types_with_a_choice()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

TEST(EncodeRow, RefusesRowsThatAreNotWholeBlocks) {
    const std::vector<float> values(100);
    std::vector<std::byte> out(1000);
    EXPECT_THROW(encode_row(BlockType::Q8_0, values, out.data()), std::runtime_error);
    EXPECT_NO_THROW(encode_row(BlockType::F16, values, out.data()));
    const std::vector<float> whole(256);
    EXPECT_THROW(encode_row(BlockType::IQ1_S, whole, out.data()), std::runtime_error);
}

TEST(EncodeRow, LongRowsUseTheirOwnImportance) {
    const std::vector<float> values = normal_values(2048, 2);
    std::vector<float> importance(values.size(), 1.0f);
    for (std::size_t i = 1024; i < 2048; ++i) {
        importance[i] = i % 2 == 0 ? 100.0f : 0.01f;
    }
    const std::span<const float> x(values), first = x.first(1024), second = x.subspan(1024);
    const std::vector<float> whole = there_and_back(BlockType::Q4_K, x, importance.data());
    EXPECT_EQ(std::vector<float>(whole.begin(), whole.begin() + 1024),
              there_and_back(BlockType::Q4_K, first));
    EXPECT_NE(std::vector<float>(whole.begin() + 1024, whole.end()), there_and_back(BlockType::Q4_K, second));
}

} // namespace
} // namespace switchyard
