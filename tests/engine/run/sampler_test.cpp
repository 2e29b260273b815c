#include "engine/base/error.h"
#include "engine/run/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace switchyard {
namespace {

/// Draws as the dials say.
class Sampler {
  public:
    SampledToken sample(std::span<const float> logits, const SequenceTuning& tuning,
                        std::span<const std::int32_t> history, std::uint64_t position,
                        DrawVersion version = kDrawVersion) {
        return sampled(drawer_.draw(logits, draw_wish(tuning, history, position, version)));
    }
    static std::optional<CandidateWish> wish(const SequenceTuning& tuning,
                                             std::span<const std::int32_t> history) {
        return RowDrawer::candidates_for(draw_wish(tuning, history, 0));
    }
    std::optional<SampledToken> sample(const Candidates& candidates, const CandidateWish& gathered,
                                       const SequenceTuning& tuning, std::span<const std::int32_t> history,
                                       std::uint64_t position) {
        const auto drawn = drawer_.draw(candidates, gathered, draw_wish(tuning, history, position));
        return drawn ? std::optional(sampled(*drawn)) : std::nullopt;
    }

  private:
    RowDrawer drawer_;
};

constexpr int kDraws = 20000;

/// Everything off: the softmax itself.
SequenceTuning plain() {
    SequenceTuning tuning;
    tuning.temperature = 1;
    tuning.top_k = 0;
    tuning.top_p = 1;
    tuning.min_p = 0;
    return tuning;
}

std::vector<float> some_logits(std::size_t count) {
    std::vector<float> logits(count);
    for (std::size_t i = 0; i < count; ++i)
        logits[i] = static_cast<float>(4 * uniform_at(99, i));
    return logits;
}

std::vector<double> softmax(std::span<const float> logits, double temperature) {
    std::vector<double> p;
    const float best = *std::ranges::max_element(logits);
    for (float logit : logits)
        p.push_back(std::exp((logit - best) / temperature));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p)
        value /= sum;
    return p;
}

/// What the chain should give, the slow way: sort, cut, renormalise.
std::vector<double> expected(std::span<const float> logits, const SequenceTuning& tuning) {
    std::vector<double> p = softmax(logits, tuning.temperature);
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](auto a, auto b) { return p[a] > p[b]; });
    std::size_t count = tuning.top_k > 0 ? std::min<std::size_t>(tuning.top_k, p.size()) : p.size();
    double total = 0, sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        total += p[order[i]];
    std::size_t nucleus = 0;
    while (nucleus < count && (nucleus == 0 || sum < tuning.top_p * total))
        sum += p[order[nucleus++]];
    while (nucleus > 1 && p[order[nucleus - 1]] < tuning.min_p * p[order[0]])
        --nucleus;
    std::vector<double> kept(p.size(), 0.0);
    sum = 0;
    for (std::size_t i = 0; i < nucleus; ++i)
        sum += p[order[i]];
    for (std::size_t i = 0; i < nucleus; ++i)
        kept[order[i]] = p[order[i]] / sum;
    return kept;
}

/// Pearson's statistic of kDraws draws against `p`, and its degrees of freedom; a token of probability 0 must
/// not come at all.
void expect_drawn(std::span<const float> logits, const SequenceTuning& tuning, DrawVersion version) {
    const std::vector<double> p = expected(logits, tuning);
    std::vector<int> counts(p.size(), 0);
    Sampler sampler;
    for (int i = 0; i < kDraws; ++i)
        ++counts[static_cast<std::size_t>(sampler.sample(logits, tuning, {}, i, version).id)];
    double statistic = 0;
    int freedom = -1;
    for (std::size_t i = 0; i < p.size(); ++i) {
        if (p[i] == 0) {
            EXPECT_EQ(counts[i], 0) << "token " << i << " should have been cut";
            continue;
        }
        const double mean = p[i] * kDraws;
        statistic += (counts[i] - mean) * (counts[i] - mean) / mean;
        ++freedom;
    }
    // Beyond 5 deviations of a chi-square distribution (normal approximation).
    EXPECT_LT(statistic, freedom + 5 * std::sqrt(2.0 * freedom) + 5) << static_cast<int>(version);
}

void expect_distribution(std::span<const float> logits, const SequenceTuning& tuning) {
    for (const DrawVersion version : {DrawVersion::Cumulative, DrawVersion::Race})
        expect_drawn(logits, tuning, version);
}

/// Draws from candidates, which are those of all logits wherever they prove it. Returns how many did.
int draws_from_candidates(std::span<const float> logits, const SequenceTuning& tuning,
                          std::span<const std::int32_t> history = {}, int draws = 300) {
    Sampler sampler;
    int proven = 0;
    for (int i = 0; i < draws; ++i) {
        const auto wish = Sampler::wish(tuning, history);
        if (!wish)
            return 0;
        const auto position = static_cast<std::uint64_t>(i);
        const SampledToken all = sampler.sample(logits, tuning, history, position);
        const auto some = sampler.sample(find_candidates(logits, *wish), *wish, tuning, history, position);
        if (!some)
            continue;
        ++proven;
        EXPECT_EQ(some->id, all.id) << "draw " << i;
        EXPECT_NEAR(some->probability, all.probability, 1e-6 * all.probability);
    }
    return proven;
}

TEST(Sampler, DrawsTheSoftmax) { expect_distribution(some_logits(50), plain()); }

TEST(Sampler, TemperatureSharpensAndFlattens) {
    for (double temperature : {0.3, 0.7, 1.8}) {
        SequenceTuning tuning = plain();
        tuning.temperature = temperature;
        expect_distribution(some_logits(30), tuning);
    }
}

TEST(Sampler, EachCutAndAllTogether) {
    SequenceTuning tuning = plain();
    tuning.top_k = 8;
    expect_distribution(some_logits(60), tuning);
    tuning = plain();
    tuning.top_p = 0.6;
    expect_distribution(some_logits(60), tuning);
    tuning = plain();
    tuning.min_p = 0.25;
    expect_distribution(some_logits(60), tuning);
    tuning.top_k = 20;
    tuning.top_p = 0.8;
    tuning.min_p = 0.1;
    tuning.temperature = 0.8;
    expect_distribution(some_logits(60), tuning);
}

TEST(Sampler, TopPOfAFlatDistributionGrowsBeyondTheFirstSelection) {
    SequenceTuning tuning = plain();
    tuning.top_p = 0.9;
    std::vector<float> logits = some_logits(600);
    for (float& logit : logits)
        logit *= 0.1f;
    expect_distribution(logits, tuning);
}

TEST(Sampler, CandidatesGiveTheSameDraws) {
    std::vector<float> logits = some_logits(9000); // more than two parts
    for (std::size_t i = 0; i < logits.size(); ++i)
        logits[i] = 6 * logits[i] - 20;
    std::vector<std::int32_t> history;
    for (std::int32_t i = 0; i < 80; ++i)
        history.push_back(i * 113 % 9000);
    history.back() = static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
    for (const double penalty : {1.0, 1.1, 3.0, 0.8})
        for (const int top_k : {0, 1, 40})
            for (const double top_p : {0.95, 0.3, 1.0})
                for (const double min_p : {0.0, 0.1})
                    for (const double temperature : {0.0, 0.5, 1.0}) {
                        SequenceTuning tuning = plain();
                        tuning.repetition_penalty = penalty;
                        tuning.top_k = top_k;
                        tuning.top_p = top_p;
                        tuning.min_p = min_p;
                        tuning.temperature = temperature;
                        const bool cut = top_k > 0 || top_p < 1 || min_p > 0 || temperature == 0;
                        SCOPED_TRACE(testing::Message() << penalty << " " << top_k << " " << top_p << " "
                                                        << min_p << " " << temperature);
                        const int proven = draws_from_candidates(logits, tuning, history, 20);
                        EXPECT_LE(proven, cut ? 20 : 0);
                        if (top_k > 0 || temperature == 0) {
                            EXPECT_EQ(proven, 20) << "a count is always proven";
                        }
                    }
}

TEST(Sampler, CandidatesSayWhereTheyDoNotServe) {
    SequenceTuning tuning = plain();
    EXPECT_FALSE(Sampler::wish(tuning, {})) << "nothing is cut away";
    std::vector<float> flat(5000, 1.0f), steep(5000, -30.0f);
    steep[7] = steep[4000] = 3;
    tuning.top_p = 0.9;
    EXPECT_EQ(draws_from_candidates(flat, tuning), 0) << "4,500 tokens make up the mass";
    EXPECT_EQ(draws_from_candidates(steep, tuning), 300);
    tuning.top_p = 1;
    tuning.min_p = 0.5;
    EXPECT_EQ(draws_from_candidates(flat, tuning), 0) << "more pass than are known";
    EXPECT_EQ(draws_from_candidates(steep, tuning), 300);
    tuning.repetition_penalty = 0.5; // lifts what it falls on
    const std::vector<std::int32_t> history = {7, 9, 9};
    EXPECT_EQ(draws_from_candidates(steep, tuning, history), 300);
    EXPECT_EQ(draws_from_candidates(std::vector<float>{1, 2, 3}, tuning, std::vector<std::int32_t>{2}), 300)
        << "a vocabulary that is known whole";
}

TEST(Sampler, ZeroTemperatureTakesTheBestAndTheLowestOfEquals) {
    SequenceTuning tuning = plain();
    tuning.temperature = 0;
    const std::vector<float> logits = {1, 3, 2, 3, -1};
    EXPECT_EQ(Sampler().sample(logits, tuning, {}, 0).id, 1);
    tuning.temperature = 1;
    tuning.top_k = 1;
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(Sampler().sample(logits, tuning, {}, i).id, 1);
    tuning.top_k = 0;
    tuning.top_p = 0;
    EXPECT_EQ(Sampler().sample(logits, tuning, {}, 5).id, 1);
}

TEST(Sampler, ReportsTheProbabilityBeforeTheSamplers) {
    const std::vector<float> logits = some_logits(500);
    const std::vector<double> p = softmax(logits, 1);
    SequenceTuning tuning = plain();
    tuning.temperature = 0.2;
    tuning.top_k = 5;
    tuning.repetition_penalty = 1.5;
    const std::vector<std::int32_t> history = {1, 2, 3};
    for (int i = 0; i < 20; ++i) {
        const SampledToken token = Sampler().sample(logits, tuning, history, i);
        EXPECT_NEAR(token.probability, p[static_cast<std::size_t>(token.id)], 1e-6);
    }
}

TEST(Sampler, DependsOnSeedAndPositionOnly) {
    const std::vector<float> logits = some_logits(200);
    SequenceTuning tuning = plain();
    tuning.seed = 7;
    Sampler a, b;
    std::vector<std::int32_t> forward, backward;
    for (int i = 0; i < 50; ++i)
        forward.push_back(a.sample(logits, tuning, {}, i).id);
    for (int i = 49; i >= 0; --i)
        backward.insert(backward.begin(), b.sample(logits, tuning, {}, i).id);
    EXPECT_EQ(forward, backward);
    tuning.seed = 8;
    std::vector<std::int32_t> other;
    for (int i = 0; i < 50; ++i)
        other.push_back(a.sample(logits, tuning, {}, i).id);
    EXPECT_NE(forward, other);
}

TEST(Sampler, UniformNumbersAreUniformAndUncorrelated) {
    constexpr int kBins = 64;
    for (int along : {0, 1}) { // along positions, then along seeds
        std::vector<int> bins(kBins, 0);
        double product = 0, previous = 0.5;
        for (int i = 0; i < kDraws; ++i) {
            const double u = along ? uniform_at(i, 3) : uniform_at(3, i);
            ASSERT_GE(u, 0.0);
            ASSERT_LT(u, 1.0);
            ++bins[static_cast<std::size_t>(u * kBins)];
            product += (u - 0.5) * (previous - 0.5);
            previous = u;
        }
        double statistic = 0;
        const double mean = double(kDraws) / kBins;
        for (int count : bins)
            statistic += (count - mean) * (count - mean) / mean;
        EXPECT_LT(statistic, kBins - 1 + 5 * std::sqrt(2.0 * (kBins - 1)));
        EXPECT_NEAR(product / kDraws * 12, 0, 5 / std::sqrt(double(kDraws)));
    }
}

TEST(Sampler, RepetitionPenaltyHoldsBackRecentTokensOnly) {
    SequenceTuning tuning = plain();
    tuning.temperature = 0;
    tuning.repetition_penalty = 2;
    tuning.repetition_window = 2;
    const std::vector<float> logits = {3.0f, 2.0f, 1.0f, -1.0f};
    EXPECT_EQ(Sampler().sample(logits, tuning, std::vector<std::int32_t>{0, 3, 3}, 0).id, 0)
        << "token 0 has left the window";
    EXPECT_EQ(Sampler().sample(logits, tuning, std::vector<std::int32_t>{3, 0, 0}, 0).id, 1)
        << "penalised once, not once an occurrence";
    EXPECT_EQ(Sampler().sample(logits, tuning, std::vector<std::int32_t>{0, -5, 400}, 0).id, 0)
        << "ids out of range are passed over";
}

TEST(Sampler, NotANumberNeverWinsAndNothingUsableIsAnError) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float inf = std::numeric_limits<float>::infinity();
    const std::vector<float> some = {nan, 1.0f, -inf, 0.5f};
    for (int top_k : {0, 3}) {
        SequenceTuning tuning = plain();
        tuning.top_k = top_k;
        for (int i = 0; i < 200; ++i) {
            const std::int32_t id = Sampler().sample(some, tuning, {}, i).id;
            EXPECT_TRUE(id == 1 || id == 3) << id;
        }
    }
    const std::vector<float> none = {nan, nan, -inf};
    EXPECT_THROW(Sampler().sample(none, plain(), {}, 0), Error);
    const std::vector<float> infinite = {1.0f, inf};
    EXPECT_THROW(Sampler().sample(infinite, plain(), {}, 0), Error);
}

} // namespace
} // namespace switchyard
