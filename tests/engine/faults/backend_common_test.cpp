// What any backend shares, where memory and threads run out.
#include "engine/backends/common/block_ledger.h"
#include "tests/engine/faults/injection.h"

#include <gtest/gtest.h>

#include <semaphore>

namespace switchyard {
namespace {

std::unique_ptr<PendingStep> start_step(StepQueue& queue, std::function<void()> on_done = {}) {
    return queue.start({}, std::make_shared<WeightSet>(), {}, std::move(on_done));
}

TEST(StepQueueFaults, AStepThatCannotBeStartedLeavesTheNextAsItWas) {
    if (!test::threads_can_fail())
        GTEST_SKIP() << "threads cannot be made to fail here";
    int let_go = 0, told = 0;
    StepQueue queue([](Batch&, const WeightSet&, const StepStop&) { return StepResult{}; },
                    [&] { ++let_go; });
    test::fail_threads(0, 1);
    EXPECT_THROW(start_step(queue, [&] { ++told; }), Error);
    EXPECT_TRUE(test::stop_failing());
    EXPECT_EQ(queue.started(), 0u);
    queue.drain(); // nothing is waited for that nobody computes
    EXPECT_EQ(told, 0);
    start_step(queue, [&] { ++told; })->wait();
    EXPECT_EQ(std::tuple(queue.ended(), let_go, told), std::tuple(1u, 2, 1));
}

TEST(StepQueueFaults, WhereverMemoryIsMissingAStepIsStartedWholeOrNotAtAll) {
    StepQueue queue([](Batch&, const WeightSet&, const StepStop&) { return StepResult{}; });
    start_step(queue)->wait();
    bool started = false;
    for (std::int64_t nth = 0; !started; ++nth) {
        ASSERT_LT(nth, 100);
        const std::uint64_t before = queue.started();
        const auto weights = std::make_shared<WeightSet>();
        test::fail_allocations(nth, 1);
        try {
            const auto step = queue.start({}, weights, {}, {});
            started = !test::stop_failing();
            step->wait();
            EXPECT_EQ(queue.started(), before + 1);
        } catch (const std::bad_alloc&) {
            EXPECT_TRUE(test::stop_failing());
            EXPECT_EQ(queue.started(), before);
        }
        queue.drain();
        EXPECT_EQ(weights.use_count(), 1);
    }
}

struct CountingStore {
    int held = 0;
    void release(KvBlockId) noexcept { --held; }
};

TEST(BlockLedgerFaults, AReleaseNeedsNoMemory) {
    CountingStore store;
    std::counting_semaphore<> ends{0};
    StepQueue queue([&](Batch&, const WeightSet&, const StepStop&) {
        ends.acquire();
        return StepResult{};
    });
    BlockLedger<CountingStore> ledger(store, queue);
    for (int round = 0; round < 3; ++round) {
        const auto step = start_step(queue);
        const int blocks = 5 << round; // more than there ever were
        for (int b = 0; b < blocks; ++b)
            ledger.add([&] { return static_cast<KvBlockId>(store.held++); });
        test::fail_allocations(0, 1 << 20);
        for (int b = 0; b < blocks; ++b)
            ledger.release(b);
        EXPECT_FALSE(test::stop_failing());
        EXPECT_EQ(store.held, blocks); // the step may still write them
        ends.release();
        step->wait();
        ledger.free_ended();
        EXPECT_EQ(store.held, 0);
    }
}

} // namespace
} // namespace switchyard
