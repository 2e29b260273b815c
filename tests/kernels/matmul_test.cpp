// Products with packed weights: against sums in double, against the scalar twin, and against themselves in
// other batches.
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using namespace test;

/// A random matrix and activations, ready to multiply.
struct Problem {
    BlockType type;
    std::int64_t rows, cols;
    int tokens;
    std::vector<float> weights;         // [rows][cols]
    std::vector<std::byte> data;        // in panels
    std::vector<std::byte> activations; // as the product reads them
    std::size_t stride;

    Problem(BlockType t, std::int64_t r, std::int64_t c, int n, unsigned seed)
        : type(t), rows(r), cols(c), tokens(n) {
        Random random(seed);
        const auto blocks = random_blocks(type, rows, cols, random);
        weights = block_values(type, blocks, rows, cols);
        data = packed(type, blocks, rows, cols);
        stride = cpu::activation_row_bytes(type, cols);
        activations.resize(stride * static_cast<std::size_t>(tokens));
        for (int i = 0; i < tokens; ++i) {
            const auto x = random.normals(static_cast<std::size_t>(cols));
            cpu::prepare_activations(type, x.data(), cols,
                                     &activations[stride * static_cast<std::size_t>(i)]);
        }
    }

    cpu::MatmulArgs args(std::vector<float>& y) const {
        cpu::MatmulArgs a;
        a.weights = {type, rows, cols, data.data()};
        a.last_panel = cpu::panels(rows);
        a.activations = activations.data();
        a.activation_stride = stride;
        a.tokens = tokens;
        a.y = y.data();
        a.y_stride = rows;
        return a;
    }

    std::vector<float> multiply(cpu::Isa isa) const {
        std::vector<float> y(static_cast<std::size_t>(rows * tokens), NAN);
        cpu::table(isa).matmul(args(y));
        return y;
    }

    /// Activation k of a token as the product sees it.
    double x(int token, std::int64_t k) const {
        const std::byte* row = &activations[stride * static_cast<std::size_t>(token)];
        if (cpu::activation_format(type) == cpu::ActivationFormat::F32) {
            return reinterpret_cast<const float*>(row)[k];
        }
        const auto& block = reinterpret_cast<const cpu::I16Block*>(row)[k / 32];
        return double{block.scale} * block.q[cpu::i16_place(static_cast<int>(k % 32))];
    }

    std::string name() const {
        return std::string(traits(type).name) + " " + std::to_string(rows) + "x" + std::to_string(cols) +
               " tokens " + std::to_string(tokens);
    }
};

/// Odd sizes of every type.
std::vector<Problem> problems() {
    std::vector<Problem> all;
    unsigned seed = 10;
    for (const BlockType type : kAllTypes) {
        const int unit = traits(type).values;
        for (const int rows : {1, 8, 21, 43}) {
            for (int tokens = 1; tokens <= 9; ++tokens) {
                const int cols = unit == 1 ? 5 + 17 * tokens : unit * (1 + tokens % 4);
                all.emplace_back(type, rows, cols, tokens, seed++);
            }
        }
        all.emplace_back(type, 75, unit == 1 ? 1100 : 2304, 37, seed++);
    }
    return all;
}

TEST(Matmul, MatchesSumsInDouble) {
    for (const Problem& p : problems()) {
        const auto y = p.multiply(cpu::Isa::Scalar);
        for (int t = 0; t < p.tokens; ++t) {
            for (std::int64_t r = 0; r < p.rows; ++r) {
                double sum = 0, magnitude = 0;
                for (std::int64_t k = 0; k < p.cols; ++k) {
                    const double product = p.weights[static_cast<std::size_t>(r * p.cols + k)] * p.x(t, k);
                    sum += product;
                    magnitude += std::abs(product);
                }
                ASSERT_NEAR(y[static_cast<std::size_t>(t * p.rows + r)], sum, 1e-6 * magnitude + 1e-12)
                    << p.name();
            }
        }
    }
}

TEST(Matmul, IsTheSameOnEveryInstructionSet) {
    for (const Problem& p : problems()) {
        const auto expected = p.multiply(cpu::Isa::Scalar);
        for (const cpu::Isa isa : available_isas()) {
            ASSERT_TRUE(same_bits(p.multiply(isa), expected)) << cpu::table(isa).name << " " << p.name();
        }
    }
}

TEST(Matmul, DoesNotDependOnTheBatch) {
    for (const cpu::Isa isa : available_isas()) {
        for (const BlockType type : kAllTypes) {
            const Problem p(type, 50, 512, 41, 7);
            const auto whole = p.multiply(isa);
            std::vector<float> single(whole.size());
            for (int t = 0; t < p.tokens; ++t) {
                cpu::MatmulArgs args = p.args(single);
                args.activations += args.activation_stride * static_cast<std::size_t>(t);
                args.y += t * p.rows;
                args.tokens = 1;
                for (std::int64_t panel = 0; panel < cpu::panels(p.rows); ++panel) {
                    args.first_panel = panel;
                    args.last_panel = panel + 1;
                    cpu::table(isa).matmul(args);
                }
            }
            EXPECT_TRUE(same_bits(single, whole)) << cpu::table(isa).name << " " << traits(type).name;
        }
    }
}

TEST(Matmul, TakesRowsLongerThanItsBuffers) {
    for (const auto& [type, cols] :
         {std::pair{BlockType::Q4_0, 32 * 4100}, std::pair{BlockType::Q4_0, 32 * 1000},
          std::pair{BlockType::F16, 50001}, std::pair{BlockType::F16, 20000}}) {
        const Problem p(type, 17, cols, 7, 11);
        const auto expected = p.multiply(cpu::Isa::Scalar);
        for (const cpu::Isa isa : available_isas()) {
            EXPECT_TRUE(same_bits(p.multiply(isa), expected)) << cpu::table(isa).name << " " << p.name();
        }
    }
}

TEST(Matmul, GathersAccumulatesAndKeepsToItsPanels) {
    const std::int32_t index[] = {4, 0, 4, 2, 7, 1, 1};
    for (const cpu::Isa isa : available_isas()) {
        for (const BlockType type : kAllTypes) {
            const Problem p(type, 37, 256, 8, 9);
            const auto all = p.multiply(isa);
            const int stride = 41;
            std::vector<float> y(7 * stride, 1.5f);
            cpu::MatmulArgs args = p.args(y);
            args.index = index;
            args.tokens = 7;
            args.y_stride = stride;
            args.first_panel = 1;
            args.accumulate = true;
            cpu::table(isa).matmul(args);
            for (int t = 0; t < 7; ++t) {
                for (int r = 0; r < stride; ++r) {
                    const float product = all[static_cast<std::size_t>(index[t] * p.rows + r % p.rows)];
                    const float expected = r < 8 || r >= p.rows ? 1.5f : 1.5f + product;
                    ASSERT_EQ(y[static_cast<std::size_t>(t * stride + r)], expected)
                        << cpu::table(isa).name << " " << traits(type).name << " token " << t << " row " << r;
                }
            }
        }
    }
}

TEST(Matmul, HoldsTheLargestIntegers) {
    // Weights and activations at the ends of their range: sums must not overflow.
    for (const BlockType type : kAllTypes) {
        if (cpu::activation_format(type) == cpu::ActivationFormat::F32) {
            continue;
        }
        for (const int fill : {0x00, 0xff, 0x80, 0x7f}) {
            const std::int64_t cols = 256;
            std::vector<std::byte> blocks(8 * row_bytes(type, cols), static_cast<std::byte>(fill));
            const Half one = cpu::half_bits(1.0f);
            const HalfPlaces places = half_places(type);
            for (std::size_t at = 0; at < blocks.size(); at += static_cast<std::size_t>(traits(type).bytes)) {
                for (const int place : {places.scale, places.min}) {
                    if (place >= 0) {
                        std::memcpy(&blocks[at + static_cast<std::size_t>(place)], &one, sizeof one);
                    }
                }
                if (type == BlockType::MXFP4) {
                    blocks[at] = std::byte{128};
                } else if (type == BlockType::IQ1_M) { // the top half byte of four words is its scale
                    for (const std::size_t word : {49, 51, 53, 55}) {
                        blocks[at + word] &= std::byte{0x0f};
                    }
                    blocks[at + 53] |= std::byte{0xc0}; // 0x3c00
                    blocks[at + 55] |= std::byte{0x30};
                } else if (type == BlockType::Q8_K) {
                    const float f = 1.0f;
                    std::memcpy(&blocks[at], &f, sizeof f);
                }
            }
            const auto data = packed(type, blocks, 8, cols);
            std::vector<float> x(static_cast<std::size_t>(cols), fill == 0x80 ? -3.0f : 3.0f);
            std::vector<std::byte> q(cpu::i16_row_bytes(cols));
            cpu::prepare_activations(type, x.data(), cols, q.data());
            std::vector<float> expected(8);
            cpu::MatmulArgs args;
            args.weights = {type, 8, cols, data.data()};
            args.last_panel = 1;
            args.activations = q.data();
            args.tokens = 1;
            args.y = expected.data();
            cpu::table(cpu::Isa::Scalar).matmul(args);
            double sum = 0, magnitude = 0;
            for (const float w : block_values(type, blocks, 1, cols)) {
                sum += double{x[0]} * w;
                magnitude += std::abs(double{x[0]} * w);
            }
            EXPECT_NEAR(expected[0], sum, magnitude * 1e-6 + 1e-3) << traits(type).name << " " << fill;
            for (const cpu::Isa isa : available_isas()) {
                std::vector<float> y(8);
                args.y = y.data();
                cpu::table(isa).matmul(args);
                EXPECT_TRUE(same_bits(y, expected))
                    << cpu::table(isa).name << " " << traits(type).name << " " << fill;
            }
        }
    }
}

TEST(QuantizeI16, IsNearAndTheSameOnEveryInstructionSet) {
    Random random(3);
    std::vector<float> x = random.normals(32 * 9);
    std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
    x[70] = 1e30f;
    x[100] = 1e-38f;
    for (int i = 128; i < 160; ++i) {
        x[static_cast<std::size_t>(i)] *= 1e-39f;
    }
    x[161] = INFINITY;
    x[193] = -NAN;
    for (int i = 224; i < 256; ++i) { // halves between integers
        x[static_cast<std::size_t>(i)] = i == 224 ? 32767.0f : static_cast<float>(i - 240) + 0.5f;
    }
    std::vector<std::byte> expected(cpu::i16_row_bytes(32 * 9));
    cpu::table(cpu::Isa::Scalar).quantize_i16(x.data(), 32 * 9, expected.data());
    const auto* blocks = reinterpret_cast<const cpu::I16Block*>(expected.data());
    for (int b = 0; b < 9; ++b) {
        if (b == 5 || b == 6) {
            EXPECT_TRUE(std::isnan(blocks[b].scale));
            continue;
        }
        int sum = 0, low = 0;
        for (int i = 0; i < 32; ++i) {
            const float value = x[static_cast<std::size_t>(32 * b + i)];
            const int q = blocks[b].q[cpu::i16_place(i)];
            EXPECT_NEAR(blocks[b].scale * static_cast<float>(q), value, blocks[b].scale * 0.5001f + 1e-35f);
            sum += q;
            low += i < 16 ? q : 0;
        }
        EXPECT_EQ(blocks[b].neg_sum, -sum);
        EXPECT_EQ(blocks[b].neg_low, -low);
        EXPECT_EQ(blocks[b].sum, blocks[b].scale * static_cast<float>(sum));
    }
    EXPECT_EQ(blocks[7].q[cpu::i16_place(17)], 2); // 1.5 goes to the even neighbour
    for (const cpu::Isa isa : available_isas()) {
        std::vector<std::byte> q(expected.size());
        cpu::table(isa).quantize_i16(x.data(), 32 * 9, q.data());
        const auto* got = reinterpret_cast<const cpu::I16Block*>(q.data());
        for (int b = 0; b < 9; ++b) {
            EXPECT_EQ(std::memcmp(got[b].q, blocks[b].q, sizeof got[b].q), 0) << cpu::table(isa).name << b;
            EXPECT_EQ(got[b].neg_sum, blocks[b].neg_sum);
            EXPECT_EQ(got[b].neg_low, blocks[b].neg_low);
            if (std::isnan(blocks[b].scale)) {
                EXPECT_TRUE(std::isnan(got[b].scale) && std::isnan(got[b].sum));
            } else {
                EXPECT_EQ(got[b].scale, blocks[b].scale);
                EXPECT_EQ(got[b].sum, blocks[b].sum);
            }
        }
    }
}

} // namespace
} // namespace switchyard
