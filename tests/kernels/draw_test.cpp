#include "kernels/race.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace switchyard {
namespace {

std::vector<std::uint32_t> words(PhiloxBlock block) { return {block.word, block.word + 4}; }

// The known answers that come with Random123, the authors' library.
TEST(Draw, PhiloxGivesItsAuthorsNumbers) {
    constexpr std::uint32_t kAll = 0xffffffffu;
    EXPECT_EQ(words(philox({{0, 0, 0, 0}}, 0, 0)),
              (std::vector<std::uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(words(philox({{kAll, kAll, kAll, kAll}}, kAll, kAll)),
              (std::vector<std::uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(words(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)),
              (std::vector<std::uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draw, DeviatesAreLogarithmsToTheLastDigits) {
    std::mt19937 random(5);
    std::vector<std::uint32_t> patterns = {0, 1, 2, 255, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (int i = 0; i < 200000; ++i)
        patterns.push_back(random() >> (i % 32));
    for (const std::uint32_t bits : patterns) {
        const double u = (bits + 0.5) / 4294967296.0;
        const double exact = -std::log1p(-u);
        ASSERT_NEAR(exponential(bits), exact, 3e-7 * exact) << bits;
        ASSERT_GE(exponential(bits), kLeastExponential);
    }
}

TEST(Draw, TheFirstOfARaceDoesNotDependOnTheOrder) {
    std::vector<std::int32_t> order(500);
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 random(1);
    for (std::uint64_t position = 0; position < 200; ++position) {
        const auto winner = [&] {
            RaceLeader leader;
            for (const std::int32_t id : order)
                race(leader, 42, position, id, std::exp(-0.05f * static_cast<float>(id % 97)));
            return leader.id;
        };
        const std::int32_t first = winner();
        std::ranges::shuffle(order, random);
        EXPECT_EQ(winner(), first);
        RaceLeader equal;
        equal.join(1, 7);
        equal.join(1, 3);
        equal.join(1, 5);
        EXPECT_EQ(equal.id, 3);
    }
}

TEST(Draw, ManyAtATimeRunTheSameRace) {
    std::mt19937 random(3);
    for (std::uint64_t position = 0; position < 1000; ++position) {
        const std::uint64_t seed = position * 0x123456789abcdef;
        const float floor = position % 3 == 0 ? 0.05f : 0.0f;
        std::vector<float> weights(1 + random() % 300);
        for (float& weight : weights) // some out of it, some hardly in it
            weight = random() % 5 == 0 ? 0.0f : std::exp(-0.01f * static_cast<float>(random() % 2000));
        RaceLeader one;
        for (std::size_t id = 0; id < weights.size(); ++id)
            if (weights[id] > 0 && weights[id] >= floor)
                race(one, seed, position << 30, static_cast<std::int32_t>(id), weights[id]);
        EXPECT_EQ(race_all(weights, floor, seed, position << 30), one.id);
    }
    EXPECT_EQ(race_all(std::vector<float>(40), 0, 1, 2), -1);
}

TEST(Draw, WinsAreSharedByWeight) {
    const std::vector<float> weights = {1, 0.5f, 0.25f, 0.01f, 1e-4f};
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    constexpr int kDraws = 200000;
    std::vector<int> wins(weights.size());
    for (int i = 0; i < kDraws; ++i) {
        RaceLeader leader;
        for (std::size_t id = 0; id < weights.size(); ++id)
            race(leader, 9, static_cast<std::uint64_t>(i), static_cast<std::int32_t>(id), weights[id]);
        ++wins[static_cast<std::size_t>(leader.id)];
    }
    for (std::size_t id = 0; id < weights.size(); ++id) {
        const double mean = kDraws * weights[id] / sum;
        EXPECT_NEAR(wins[id], mean, 5 * std::sqrt(mean) + 2) << id;
    }
}

TEST(Draw, SeedPositionAndIdEachChangeTheBits) {
    EXPECT_NE(draw_bits(1, 2, 3), draw_bits(2, 2, 3));
    EXPECT_NE(draw_bits(1, 2, 3), draw_bits(1, 3, 3));
    EXPECT_NE(draw_bits(1, 2, 3), draw_bits(1, 2, 4));
    EXPECT_NE(draw_bits(1, 2, 3), draw_bits(1 + (1ull << 40), 2, 3));
    EXPECT_NE(draw_bits(1, 2, 3), draw_bits(1, 2 + (1ull << 40), 3));
}

} // namespace
} // namespace switchyard
