// Long contexts in pieces: whoever computes them, beside whatever, the bits are the same, and right.
#include "tests/engine/run/toy_plan.h"

#include <gtest/gtest.h>

#include <cmath>

namespace switchyard {
namespace {

constexpr int kWidth = 96, kVocabulary = 67, kContext = 1300; ///< two and a half pieces

/// One layer of attention between an embedding and a head.
struct Shape {
    std::string name;
    int window = 0;
    bool sinks = false, head_norms = false, whole_norms = false, latent = false;
};

class Toy : public ToyPlan {
  public:
    Toy(const Shape& shape, int threads, bool exact = false)
        : ToyPlan(threads, exact), type_(exact ? BlockType::F32 : BlockType::F16) {
        plan().vocabulary = kVocabulary;
        plan().hidden = kWidth;
        plan().values = {kWidth, kWidth, kWidth, kWidth / 3, kWidth / 3};
        add(kNoLayer, EmbedStep{table(kVocabulary, kWidth), kHidden});
        project(kHidden, kQueries, kWidth, 0.6f);
        project(kHidden, kKeys, kWidth / 3, 0.6f);
        shape.latent ? add_latent() : add_attention(shape);
        project(kAttended, kHidden, kWidth, 0.3f, true);
        add(kNoLayer, HeadStep{kHidden, matrix(kVocabulary, kWidth, 1.0f)});
        compile();
        use_new_sequence();
    }

    /// The next steps are of a sequence that is empty yet.
    void use_new_sequence() {
        blocks_.clear();
        for (int t = 0; t < kContext; t += kKvBlockTokens)
            blocks_.push_back(executor().allocate_kv_block(type_));
        sequences_.push_back(blocks_);
    }
    /// The logits of the last `wanted` of rows [first, last), computed in one step.
    std::vector<float> step(int first, int last, int wanted) {
        if (first == last)
            return {};
        Batch batch;
        for (int p = first; p < last; ++p)
            batch.rows.push_back(row(p, 0, p >= last - wanted ? RowWish::Logits : RowWish::Nothing));
        batch.sequences.emplace_back();
        batch.sequences[0].blocks = blocks_;
        return run(std::move(batch));
    }
    /// Those of a row of each sequence, in one step.
    std::vector<float> step_of_all(std::span<const int> positions) {
        Batch batch;
        for (std::size_t s = 0; s < sequences_.size(); ++s) {
            batch.rows.push_back(row(positions[s], static_cast<std::int32_t>(s), RowWish::Logits));
            batch.sequences.emplace_back();
            batch.sequences.back().blocks = sequences_[s];
        }
        return run(std::move(batch));
    }

  private:
    enum Value : ValueId { kHidden, kQueries, kAttended, kKeys, kValues };

    static BatchRow row(int position, std::int32_t sequence, RowWish wish) {
        return {
            .token = position * 31 % kVocabulary, .position = position, .sequence = sequence, .wish = wish};
    }
    std::vector<float> run(Batch batch) {
        const auto result = executor().start(std::move(batch), weights(), {})->wait();
        return {result.logits.begin(), result.logits.end()};
    }
    void project(ValueId in, ValueId out, int rows, float size, bool more = false) {
        add(0, ProjectStep{in, matrix(rows, kWidth, size), kNoWeight, out, more});
    }
    void add_attention(const Shape& shape) {
        constexpr int kHead = kWidth / 6;
        plan().kv = {{2, kHead, kHead}};
        project(kHidden, kValues, kWidth / 3, 0.6f);
        for (const ValueId value : {ValueId{kQueries}, ValueId{kKeys}}) {
            const int width = value == kQueries ? kWidth : kWidth / 3,
                      group = shape.whole_norms ? width : kHead;
            if (shape.head_norms || shape.whole_norms)
                add(0, NormStep{value, value, vector(group, 0.5f, 1.5f), 1e-5f, group});
            add(0, RopeStep{value, width / kHead, kHead, 0, kHead, RopeStyle::HalfSplit,
                            frequencies(kHead / 2)});
        }
        add(0, AttentionStep{.q = kQueries,
                             .k = kKeys,
                             .v = kValues,
                             .out = kAttended,
                             .heads = 6,
                             .kv_heads = 2,
                             .head_dim = kHead,
                             .value_dim = kHead,
                             .scale = 0.25f,
                             .window = shape.window,
                             .sinks = shape.sinks ? vector(6, -1, 1) : kNoWeight});
    }
    void add_latent() {
        constexpr int kHeads = 6, kNope = 8, kRope = 8, kLatent = kWidth / 3 - kRope;
        plan().kv = {{1, kLatent + kRope, 0}};
        add(0, RopeStep{kQueries, kHeads, kNope + kRope, kNope, kRope, RopeStyle::Interleaved,
                        frequencies(kRope / 2)});
        add(0, RopeStep{kKeys, 1, kLatent + kRope, kLatent, kRope, RopeStyle::Interleaved,
                        frequencies(kRope / 2)});
        add(0, LatentAttentionStep{.q = kQueries,
                                   .latent = kKeys,
                                   .out = kAttended,
                                   .heads = kHeads,
                                   .nope = kNope,
                                   .rope = kRope,
                                   .latent_dim = kLatent,
                                   .value_dim = kWidth / kHeads,
                                   .k_b = matrix(kLatent, kNope, 0.6f, kHeads),
                                   .v_b = matrix(kWidth / kHeads, kLatent, 0.6f, kHeads),
                                   .scale = 0.25f});
    }
    static std::vector<float> frequencies(int count) {
        std::vector<float> inverse;
        for (int i = 0; i < count; ++i)
            inverse.push_back(std::pow(1e-3f, static_cast<float>(i) / static_cast<float>(count)));
        return inverse;
    }

    BlockType type_;
    std::vector<KvBlockId> blocks_; ///< of the sequence at hand
    std::vector<std::vector<KvBlockId>> sequences_;
};

class PiecesTest : public testing::TestWithParam<Shape> {};

TEST_P(PiecesTest, OfAContextGiveTheSameBitsHoweverTheyAreSharedOut) {
    Toy whole(GetParam(), 1);
    const std::vector<float> expected = whole.step(0, kContext, 3);
    ASSERT_EQ(expected.size(), 3U * kVocabulary);
    for (const int threads : {1, 2, 3, 5})
        for (const int last_rows : {1, 3}) {
            Toy toy(GetParam(), threads);
            for (int p = 0; p < kContext - 3; p += 500)
                toy.step(p, std::min(p + 500, kContext - 3), 0);
            std::vector<float> got;
            for (int p = kContext - 3; p < kContext; p += last_rows)
                for (const float logit : toy.step(p, p + last_rows, last_rows))
                    got.push_back(logit);
            EXPECT_EQ(got, expected) << threads << " threads, " << last_rows << " rows at once";
        }
}

/// The exact path has no pieces: threads share heads alone.
TEST_P(PiecesTest, AreNoneOnTheExactPathAndRowsAloneAreThoseOfTheWhole) {
    Toy whole(GetParam(), 1, true);
    const std::vector<float> expected = whole.step(0, kContext, 3);
    for (const int threads : {2, 5}) {
        Toy toy(GetParam(), threads, true);
        toy.step(0, kContext - 3, 0);
        std::vector<float> got;
        for (int p = kContext - 3; p < kContext; ++p)
            for (const float logit : toy.step(p, p + 1, 1))
                got.push_back(logit);
        EXPECT_EQ(got, expected) << threads << " threads";
    }
}

TEST_P(PiecesTest, MeetWhereTwoRowsStandInDifferentOnes) {
    Toy whole(GetParam(), 1);
    const std::vector<float> expected = whole.step(0, 513, 2);
    Toy toy(GetParam(), 2);
    toy.step(0, 511, 0);
    EXPECT_EQ(toy.step(511, 513, 2), expected);
}

TEST_P(PiecesTest, OfSeveralSequencesInOneStepAreTheirOwn) {
    const int positions[] = {700, 0, 1299, 511, 512, 40};
    Toy together(GetParam(), 3);
    std::vector<float> expected;
    for (const int position : positions) {
        Toy alone(GetParam(), 2);
        alone.step(0, position, 0);
        const auto logits = alone.step(position, position + 1, 1);
        expected.insert(expected.end(), logits.begin(), logits.end());
        if (position != positions[0])
            together.use_new_sequence();
        together.step(0, position, 0);
    }
    EXPECT_EQ(together.step_of_all(positions), expected);
}

TEST_P(PiecesTest, AreMergedToWhatOneSoftmaxGives) {
    Toy exact(GetParam(), 2, true), fast(GetParam(), 2);
    const std::vector<float> expected = exact.step(0, kContext, 40), got = fast.step(0, kContext, 40);
    double error = 0, size = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        error += std::pow(got[i] - expected[i], 2);
        size += std::pow(expected[i], 2);
    }
    EXPECT_LT(error / size, 2e-6); // that of an F16 cache
    std::printf("%s: NMSE %.1e\n", GetParam().name.c_str(), error / size);
}

INSTANTIATE_TEST_SUITE_P(Attention, PiecesTest,
                         testing::Values(Shape{"plain"}, Shape{"windowed", 700}, Shape{"narrow", 40},
                                         Shape{"sinks", 0, true}, Shape{"windowed_sinks", 600, true},
                                         Shape{"head_norms", 0, false, true},
                                         Shape{"whole_norms", 0, false, false, true},
                                         Shape{"latent", 0, false, false, false, true}),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace switchyard
