#include "engine/backends/cuda/quicker_way.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

TEST(QuickerWay, BothTakeTurnsUntilTheQuickerIsFound) {
    QuickerWay ways;
    int steps[2] = {0, 0};
    while (!ways.found()) {
        const std::size_t way = ways.next();
        ++steps[way];
        // The first step of each is slow, as first ones are; the second way is quicker but for noise.
        ways.tell(way, steps[way] == 1 ? 1.0 : way == 1 ? 0.8 + 0.1 * (steps[way] % 3) : 0.9);
    }
    EXPECT_EQ(steps[0], QuickerWay::kTimes);
    EXPECT_EQ(steps[1], QuickerWay::kTimes);
    EXPECT_EQ(ways.next(), 1u);
    ways.tell(0, 0.1); // too late
    EXPECT_EQ(ways.next(), 1u);
}

TEST(QuickerWay, TheFirstWayWhereNoneIsQuicker) {
    QuickerWay ways;
    while (!ways.found())
        ways.tell(ways.next(), 0.5);
    EXPECT_EQ(ways.next(), 0u);
}

} // namespace
} // namespace switchyard::cuda
