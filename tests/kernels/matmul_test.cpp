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
    int tokens, bits;                   // of activations that are integers
    std::vector<float> weights;         // [rows][cols]
    std::vector<std::byte> data;        // in panels
    std::vector<std::byte> activations; // as the product reads them
    std::size_t stride;

    Problem(BlockType t, std::int64_t r, std::int64_t c, int n, unsigned seed, int activation_bits = 16)
        : type(t), rows(r), cols(c), tokens(n), bits(activation_bits) {
        Random random(seed);
        const auto blocks = random_blocks(type, rows, cols, random);
        weights = block_values(type, blocks, rows, cols);
        data = packed(type, blocks, rows, cols);
        stride = cpu::activation_row_bytes(type, cols, bits);
        activations.resize(stride * static_cast<std::size_t>(tokens));
        for (int i = 0; i < tokens; ++i) {
            const auto x = random.normals(static_cast<std::size_t>(cols));
            cpu::prepare_activations(type, x.data(), cols, &activations[stride * static_cast<std::size_t>(i)],
                                     bits);
        }
    }

    cpu::MatmulArgs args(std::vector<float>& y) const {
        cpu::MatmulArgs a;
        a.weights = {type, rows, cols, data.data()};
        a.last_panel = cpu::panels(rows);
        a.activations = activations.data();
        a.activation_stride = stride;
        a.activation_bits = bits;
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
        switch (cpu::activation_format(type, bits)) {
        case cpu::ActivationFormat::F32:
            return reinterpret_cast<const float*>(row)[k];
        case cpu::ActivationFormat::I16: {
            const auto& block = reinterpret_cast<const cpu::I16Block*>(row)[k / 32];
            return double{block.scale} * block.q[cpu::i16_place(static_cast<int>(k % 32))];
        }
        case cpu::ActivationFormat::I8:
            break;
        }
        const auto& block = reinterpret_cast<const cpu::I8Block*>(row)[k / 32];
        return double{block.scale} * block.q[k % 32];
    }

    std::string name() const {
        return std::string(traits(type).name) + " " + std::to_string(rows) + "x" + std::to_string(cols) +
               " tokens " + std::to_string(tokens) + " bits " + std::to_string(bits);
    }
};

/// Bits that activations for weights of `type` come in.
std::vector<int> bits_for(BlockType type) {
    return cpu::activation_format(type) == cpu::ActivationFormat::F32 ? std::vector{16} : std::vector{16, 8};
}

std::vector<std::pair<BlockType, int>> types_and_bits() {
    std::vector<std::pair<BlockType, int>> all;
    for (const BlockType type : kAllTypes) {
        for (const int bits : bits_for(type)) {
            all.emplace_back(type, bits);
        }
    }
    return all;
}

/// Odd sizes of every type.
std::vector<Problem> problems() {
    std::vector<Problem> all;
    unsigned seed = 10;
    for (const BlockType type : kAllTypes) {
        const int unit = traits(type).values;
        for (const int bits : bits_for(type)) {
            for (const int rows : {1, 8, 21, 43}) {
                for (int tokens = 1; tokens <= 9; ++tokens) {
                    const int cols = unit == 1 ? 5 + 17 * tokens : unit * (1 + tokens % 4);
                    all.emplace_back(type, rows, cols, tokens, seed++, bits);
                }
            }
            all.emplace_back(type, 75, unit == 1 ? 1100 : 2304, 37, seed++, bits);
        }
    }
    return all;
}

/// More tokens than tiles take, of every type.
std::vector<Problem> batches() {
    std::vector<Problem> all;
    for (const auto& [type, bits] : types_and_bits()) {
        all.emplace_back(type, 50, 512, 41, 7, bits);
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
        for (const Problem& p : batches()) {
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
            EXPECT_TRUE(same_bits(single, whole)) << cpu::table(isa).name << " " << p.name();
        }
    }
}

TEST(Matmul, TakesRowsLongerThanItsBuffers) {
    struct Long {
        BlockType type;
        int cols, bits, tokens = 7;
    };
    for (const auto& [type, cols, bits, tokens] :
         {Long{BlockType::Q4_0, 32 * 4100, 16}, Long{BlockType::Q4_0, 32 * 1000, 16},
          Long{BlockType::Q4_0, 32 * 4100, 8}, Long{BlockType::Q8_0, 32 * 4100, 8},
          Long{BlockType::IQ3_S, 256 * 512, 8}, Long{BlockType::IQ3_S, 256 * 60, 8, 3},
          Long{BlockType::IQ3_S, 256 * 60, 16}, Long{BlockType::IQ1_M, 256 * 130, 16},
          Long{BlockType::TQ1_0, 256 * 130, 16}, Long{BlockType::Q8_0, 32 * 1000, 8},
          Long{BlockType::F16, 50001, 16}, Long{BlockType::F16, 20000, 16}}) {
        const Problem p(type, 17, cols, tokens, 11, bits);
        const auto expected = p.multiply(cpu::Isa::Scalar);
        for (const cpu::Isa isa : available_isas()) {
            EXPECT_TRUE(same_bits(p.multiply(isa), expected)) << cpu::table(isa).name << " " << p.name();
        }
    }
}

/// Whether all tokens of `p` together have the bits that each has alone.
void expect_each_alone(const Problem& p) {
    for (const cpu::Isa isa : available_isas()) {
        if (isa == cpu::Isa::Scalar) {
            continue;
        }
        const auto whole = p.multiply(isa);
        std::vector<float> single(whole.size(), NAN);
        for (int t = 0; t < p.tokens; ++t) {
            cpu::MatmulArgs args = p.args(single);
            args.activations += static_cast<std::size_t>(t) * p.stride;
            args.y += t * p.rows;
            args.tokens = 1;
            cpu::table(isa).matmul(args);
        }
        EXPECT_TRUE(same_bits(single, whole)) << cpu::table(isa).name << " " << p.name();
    }
}

// A row alone may come as bytes, and beside others as words.
TEST(Matmul, WordsOf8BitsGiveWhatBytesGive) {
    constexpr std::int64_t kRows = 43, kCols = 1536;
    for (const BlockType type : kAllTypes) {
        if (cpu::activation_format(type) == cpu::ActivationFormat::F32) {
            continue;
        }
        for (const int tokens : {1, 4, 23}) {
            const Problem bytes(type, kRows, kCols, tokens, 5, 8);
            Problem words(type, kRows, kCols, tokens, 5, 16);
            Random random(5); // as the problems draw
            random_blocks(type, kRows, kCols, random);
            for (int t = 0; t < tokens; ++t) {
                cpu::quantize_i8_words(random.normals(kCols).data(), kCols,
                                       &words.activations[words.stride * static_cast<std::size_t>(t)]);
            }
            for (const cpu::Isa isa : available_isas()) {
                EXPECT_TRUE(same_bits(words.multiply(isa), bytes.multiply(isa)))
                    << cpu::table(isa).name << " " << bytes.name();
            }
        }
    }
}

// Many tokens whose rows fit no cache together: columns in parts, panels in chunks whose sums wait.
TEST(Matmul, ManyLongRowsAreTheSameAsEachAlone) {
    for (const auto& [type, bits] : types_and_bits()) {
        expect_each_alone({type, 530, traits(type).values == 1 ? 1280 : 3072, 57, 12, bits});
    }
}

// Two groups of floats as long as they get, of rows that are taken whole and in parts; then panels are taken
// in chunks whose sums wait.
TEST(Matmul, GroupsOfFloatsAreTheSameAsEachAlone) {
    for (const BlockType type : {BlockType::F32, BlockType::F16, BlockType::BF16, BlockType::FP8}) {
        for (const int cols : {128, 576, 1100}) {
            const int unit = traits(type).values;
            expect_each_alone({type, 141, (cols + unit - 1) / unit * unit, 383, 13, 16});
        }
    }
}

/// Gathers, adds to what is there, and keeps to its panels: all but the first.
void expect_gathered(const Problem& p, cpu::Isa isa) {
    const std::int32_t index[] = {4, 0, 4, 2, 7, 1, 1, 3, 6, 5, 0}; // more than a tile has
    constexpr int kTokens = std::size(index);
    const auto all = p.multiply(isa);
    const auto stride = static_cast<int>(p.rows) + 4;
    std::vector<float> y(static_cast<std::size_t>(kTokens * stride), 1.5f);
    cpu::MatmulArgs args = p.args(y);
    args.index = index;
    args.tokens = kTokens;
    args.y_stride = stride;
    args.first_panel = 1;
    args.accumulate = true;
    cpu::table(isa).matmul(args);
    for (int t = 0; t < kTokens; ++t) {
        for (int r = 0; r < stride; ++r) {
            const float product = all[static_cast<std::size_t>(index[t] * p.rows + r % p.rows)];
            const float expected = r < 8 || r >= p.rows ? 1.5f : 1.5f + product;
            ASSERT_EQ(y[static_cast<std::size_t>(t * stride + r)], expected)
                << cpu::table(isa).name << " " << p.name() << " token " << t << " row " << r;
        }
    }
}

// Rows of one piece, of three, and of some in parts.
TEST(Matmul, GathersAccumulatesAndKeepsToItsPanels) {
    for (const auto& [type, bits] : types_and_bits()) {
        for (const std::int64_t cols : {256, 768, 8192}) {
            const Problem p(type, 37, cols, 8, 9, bits);
            for (const cpu::Isa isa : available_isas()) {
                ASSERT_NO_FATAL_FAILURE(expect_gathered(p, isa));
            }
        }
    }
}

TEST(Matmul, HoldsTheLargestIntegers) {
    // Weights and activations at the ends of their range: sums must not overflow.
    for (const auto& [type, bits] : types_and_bits()) {
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
            cpu::prepare_activations(type, x.data(), cols, q.data(), bits);
            std::vector<float> expected(8);
            cpu::MatmulArgs args;
            args.weights = {type, 8, cols, data.data()};
            args.last_panel = 1;
            args.activations = q.data();
            args.activation_bits = bits;
            args.tokens = 1;
            args.y = expected.data();
            cpu::table(cpu::Isa::Scalar).matmul(args);
            double sum = 0, magnitude = 0;
            for (const float w : block_values(type, blocks, 1, cols)) {
                sum += double{x[0]} * w;
                magnitude += std::abs(double{x[0]} * w);
            }
            EXPECT_NEAR(expected[0], sum, magnitude * 1e-6 + 1e-3) << traits(type).name << " " << fill;
            // Alone, and the same row in more than one tile.
            const std::vector<std::int32_t> index(11, 0);
            args.index = index.data();
            args.y_stride = 8;
            for (const cpu::Isa isa : available_isas()) {
                for (const int tokens : {1, 11}) {
                    std::vector<float> y(static_cast<std::size_t>(8 * tokens));
                    args.tokens = tokens;
                    args.y = y.data();
                    cpu::table(isa).matmul(args);
                    for (auto row = y.begin(); row != y.end(); row += 8) {
                        EXPECT_TRUE(same_bits({row, row + 8}, expected))
                            << cpu::table(isa).name << " " << traits(type).name << " " << fill << " " << bits;
                    }
                }
            }
        }
    }
}

} // namespace
} // namespace switchyard
