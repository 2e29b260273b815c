#include "engine/run/evaluate.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

#include <cmath>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::prompt_of;

class EvaluateTest : public testing::Test {
  protected:
    std::vector<std::vector<float>> logits(std::span<const std::int32_t> ids, EvaluateOptions options) {
        std::vector<std::vector<float>> all;
        evaluate(model.executor, model.backend, model.plan, model.weights, ids, options,
                 [&](int position, std::span<const float> row) {
                     EXPECT_EQ(position, static_cast<int>(all.size()));
                     all.emplace_back(row.begin(), row.end());
                 });
        return all;
    }
    Perplexity measure(std::span<const std::int32_t> ids, int context, std::int32_t bos = -1) {
        return perplexity(model.executor, model.backend, model.plan, model.weights, ids, context, bos, {});
    }
    FakeModel model;
};

TEST_F(EvaluateTest, GivesTheSameLogitsInAnyChunks) {
    const auto ids = prompt_of(75);
    const auto all = logits(ids, {});
    ASSERT_EQ(all.size(), 75u);
    for (int chunk : {1, 10, 32, 1000})
        EXPECT_EQ(logits(ids, {.experts = 0, .kv = BlockType::F16, .chunk = chunk}), all);
    EXPECT_NE(logits(ids, {.experts = 2, .kv = BlockType::F16, .chunk = 64}), all);
    EXPECT_EQ(model.executor.live_blocks(), 0u);
}

TEST_F(EvaluateTest, RefusesAnIdOutsideTheVocabulary) {
    EXPECT_THROW(logits(std::vector<std::int32_t>{1, 61}, {}), Error);
    EXPECT_THROW(logits(std::vector<std::int32_t>{-1}, {}), Error);
}

TEST_F(EvaluateTest, AStopEndsIt) {
    std::stop_source stop;
    int seen = 0;
    evaluate(
        model.executor, model.backend, model.plan, model.weights, prompt_of(500), {},
        [&](int, std::span<const float>) { seen++ == 0 ? stop.request_stop() : false; }, stop.get_token());
    EXPECT_EQ(seen, 64);
    EXPECT_EQ(model.executor.live_blocks(), 0u);
}

TEST_F(EvaluateTest, PerplexityIsTheMeanOfTheScoredTokens) {
    const auto ids = prompt_of(100);
    const Perplexity result = measure(ids, 40);
    EXPECT_EQ(result.windows, 2);
    EXPECT_EQ(result.tokens, 2 * 20);
    double nats = 0;
    for (int window = 0; window < 2; ++window) {
        const auto part = std::span(ids).subspan(static_cast<std::size_t>(window) * 40, 40);
        const auto all = logits(part, {});
        for (std::size_t p = 19; p < 39; ++p) {
            double sum = 0;
            for (float logit : all[p])
                sum += std::exp(static_cast<double>(logit));
            nats += std::log(sum) - all[p][static_cast<std::size_t>(part[p + 1])];
        }
    }
    EXPECT_NEAR(result.nats, nats / 40, 1e-9);
    EXPECT_NEAR(result.value, std::exp(nats / 40), 1e-6);
}

TEST_F(EvaluateTest, ShortTextsAndBos) {
    EXPECT_EQ(measure(prompt_of(10), 512).tokens, 9);
    EXPECT_EQ(measure(prompt_of(10), 512, 1).tokens, 10) << "the first has BOS before it";
    const Perplexity full = measure(prompt_of(100), 41, 1);
    EXPECT_EQ(full.windows, 2);
    EXPECT_EQ(full.tokens, 2 * 21);
    EXPECT_THROW(measure(prompt_of(1), 512), Error);
    EXPECT_THROW(measure(prompt_of(100), 1), Error);
}

} // namespace
} // namespace switchyard
