#include "kernels/candidates.h"

#include "kernels/logit_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace switchyard {
namespace {

std::vector<float> random_logits(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(-2, 5);
    std::vector<float> logits(count);
    for (float& logit : logits)
        logit = normal(random);
    return logits;
}

struct Softmax {
    double log_sum = 0, entropy = 0;
};
Softmax slowly(const std::vector<float>& logits, double temperature) {
    const double most = *std::ranges::max_element(logits) / temperature;
    double sum = 0, weighted = 0;
    for (const float logit : logits) {
        const double x = logit / temperature - most;
        sum += std::exp(x);
        weighted += x * std::exp(x);
    }
    return {most + std::log(sum), std::log(sum) - weighted / sum};
}

TEST(Candidates, SayWhatAllLogitsWeigh) {
    for (const std::size_t count : {1u, 3u, 64u, 4096u, 4097u, 20000u})
        for (const double temperature : {0.4, 1.0, 2.5}) {
            const auto logits = random_logits(count, 7);
            CandidateWish wish{5, static_cast<float>(1 / temperature), {}};
            for (std::size_t id = 0; id < count; id += count / 3 + 1)
                wish.gather.push_back(static_cast<std::int32_t>(id));
            const Candidates found = find_candidates(logits, wish);
            EXPECT_NEAR(found.log_sum_exp(), slowly(logits, 1).log_sum, 2e-6);
            EXPECT_NEAR(found.log_sum_exp(true), slowly(logits, temperature).log_sum, 5e-6);
            EXPECT_NEAR(found.entropy(), slowly(logits, 1).entropy, 1e-5);
            EXPECT_NEAR(found.entropy(true), slowly(logits, temperature).entropy, 1e-5);
            EXPECT_EQ(found.maximum, *std::ranges::max_element(logits));
            for (std::size_t i = 0; i < wish.gather.size(); ++i)
                EXPECT_EQ(found.gathered[i], logits[static_cast<std::size_t>(wish.gather[i])]);
        }
}

// Answers are repeated with these bits, on every processor: four sums a run of 64.
TEST(Candidates, MassesAreAddedInOneOrder) {
    const auto logits = random_logits(1003, 5);
    std::vector<float> terms(logits.size() + 3);
    const float best = *std::ranges::max_element(logits);
    const double found = mass(logits, best, 0.7f, terms.data());
    double expected = 0;
    for (std::size_t begin = 0; begin < logits.size(); begin += 64) {
        float sums[4] = {};
        for (std::size_t i = begin; i < std::min(begin + 64, logits.size()); ++i) {
            const float term = exp_negative((logits[i] - best) * 0.7f);
            EXPECT_EQ(terms[i], term);
            sums[i % 4] += term;
        }
        expected += static_cast<double>(sums[0]) + sums[1] + sums[2] + sums[3];
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(mass(logits, best, 0.7f), expected);
}

TEST(Candidates, OwnMassIsLeftOutWhereNobodyWantsIt) {
    const auto logits = random_logits(5000, 9);
    CandidateWish wish{40, 1.25f, {3, 70, 4999}};
    const Candidates all = find_candidates(logits, wish);
    wish.own_mass = false;
    const Candidates some = find_candidates(logits, wish);
    EXPECT_EQ(some.best, all.best);
    EXPECT_EQ(some.plain.sum, all.plain.sum);
    EXPECT_GT(all.own.sum, 0);
    EXPECT_EQ(some.own.sum, 0);
}

TEST(Candidates, WhatHasNoEndIsFoundToo) {
    auto logits = random_logits(5000, 4);
    logits[4321] = std::numeric_limits<float>::infinity();
    EXPECT_EQ(find_candidates(logits, {3, 1, {}}).best.front().id, 4321);
}

TEST(Candidates, TheBestComeFirstAndTheLowestOfEquals) {
    auto logits = random_logits(10000, 3);
    logits[17] = logits[5000] = logits[9999] = 40;
    logits[18] = std::numeric_limits<float>::quiet_NaN();
    logits[19] = -std::numeric_limits<float>::infinity();
    const Candidates found = find_candidates(logits, {100, 1, {}});
    ASSERT_EQ(found.best.size(), 100u);
    EXPECT_EQ(found.best[0].id, 17);
    EXPECT_EQ(found.best[1].id, 5000);
    EXPECT_EQ(found.best[2].id, 9999);
    EXPECT_TRUE(std::ranges::is_sorted(found.best, better));
    const auto above = std::ranges::count_if(logits, [&](float l) { return l > found.best.back().logit; });
    EXPECT_EQ(above, 99) << "nothing better was left out";
    EXPECT_EQ(find_candidates(std::vector<float>{2, 1}, {5, 1, {}}).best,
              (std::vector<Candidate>{{2, 0}, {1, 1}}));
}

TEST(Candidates, AreTheBestHoweverManyAreWished) {
    for (const std::size_t size : {5u, 1000u, 4100u, 20000u}) {
        auto logits = random_logits(size, 11);
        for (float& logit : logits) // many equals
            logit = std::round(logit * 2) / 2;
        std::vector<Candidate> all;
        for (std::size_t id = 0; id < size; ++id)
            all.push_back({logits[id], static_cast<std::int32_t>(id)});
        std::ranges::sort(all, better);
        for (const std::size_t count : {1u, 7u, 104u, 1000u, 1024u, 1025u, 30000u}) {
            const Candidates found = find_candidates(logits, {static_cast<std::int32_t>(count), 0.5f, {}});
            const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, size));
            EXPECT_EQ(found.best, std::vector<Candidate>(all.begin(), end)) << size << ", " << count;
        }
    }
}

} // namespace
} // namespace switchyard
