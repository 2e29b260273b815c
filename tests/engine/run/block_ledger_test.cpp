#include "engine/backends/common/block_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <semaphore>
#include <set>

namespace switchyard {
namespace {

/// Has memory for so many blocks.
struct FakeStore {
    std::size_t most = 4;
    std::set<KvBlockId> held;
    std::function<void()> when_full;

    KvBlockId allocate() {
        if (held.size() >= most) {
            if (when_full)
                when_full();
            throw Error("no memory for a KV block");
        }
        KvBlockId id = 0;
        while (held.contains(id))
            ++id;
        held.insert(id);
        return id;
    }
    void release(KvBlockId block) noexcept { EXPECT_EQ(held.erase(block), 1u); }
};

/// Steps that end one by one, as a test wants it.
class BlockLedgerTest : public testing::Test {
  protected:
    FakeStore store;
    std::counting_semaphore<> ends{0};
    BlockLedger<FakeStore> ledger{store, queue_};
    StepQueue queue_{[this](Batch&, const WeightSet&, const StepStop&) {
                         ends.acquire();
                         return StepResult{};
                     },
                     [this] { ledger.free_ended(); }};

    KvBlockId add() {
        return ledger.add([this] { return store.allocate(); });
    }
    std::unique_ptr<PendingStep> begin_step() {
        return queue_.start({}, std::make_shared<WeightSet>(), {}, {});
    }
};

TEST_F(BlockLedgerTest, FreesAtOnceWhereNoStepIsUnderWay) {
    const KvBlockId first = add(), second = add();
    ledger.release(first);
    EXPECT_EQ(store.held, std::set{second});
    auto step = begin_step();
    ends.release();
    step.reset();
    ledger.release(second);
    EXPECT_TRUE(store.held.empty());
}

TEST_F(BlockLedgerTest, KeepsWhatAStepUnderWayMayWriteUntilItsEnd) {
    const KvBlockId block = add();
    auto step = begin_step();
    ledger.release(block);
    EXPECT_EQ(store.held, std::set{block});
    EXPECT_NE(add(), block);
    ends.release();
    step->wait();
    step.reset(); // frees it
    EXPECT_FALSE(store.held.contains(block));
}

TEST_F(BlockLedgerTest, ABlockIsHeldByTheStepsThatWereStartedBeforeItsRelease) {
    const KvBlockId of_one = add(), of_both = add();
    const auto first = begin_step();
    ledger.release(of_one);
    const auto second = begin_step();
    ledger.release(of_both);
    ends.release();
    first->wait();
    ledger.free_ended();
    EXPECT_EQ(store.held, std::set{of_both}); // the second, still under way, knows nothing of the other
    ends.release();
    second->wait();
    EXPECT_EQ(add(), 0); // what has ended is freed before memory is asked for
    EXPECT_EQ(store.held.size(), 1u);
}

TEST_F(BlockLedgerTest, WaitsForStepsWhereMemoryIsShortAndTheyHoldSome) {
    store.most = 2;
    const KvBlockId first = add();
    add();
    const auto step = begin_step();
    ledger.release(first);
    int full = 0;
    store.when_full = [&] {
        ++full;
        ends.release(); // only now the step can end
    };
    EXPECT_EQ(add(), first);
    EXPECT_EQ(full, 1);
    EXPECT_EQ(queue_.ended(), 1u);
}

TEST_F(BlockLedgerTest, RefusesAtOnceWhereWaitingWouldFreeNothing) {
    store.most = 1;
    const KvBlockId block = add();
    const auto step = begin_step(); // never ends before the refusal
    EXPECT_THROW(add(), Error);
    EXPECT_EQ(queue_.ended(), 0u);
    ends.release();
    step->wait();
    ledger.release(block); // the refused one is not counted, and nothing is lost
    EXPECT_EQ(add(), block);
}

TEST_F(BlockLedgerTest, RefusesAfterwardsWhereWhatWasFreedIsTooLittle) {
    const KvBlockId block = add();
    const auto step = begin_step();
    ledger.release(block);
    store.most = 0;
    store.when_full = [&] { ends.release(); };
    EXPECT_THROW(add(), Error);
    EXPECT_TRUE(store.held.empty());
}

TEST(SavedBlock, HasTheBytesOfTheBlockThatItFills) {
    const std::vector<std::byte> saved(12);
    EXPECT_NO_THROW(check_saved_block(saved, 12));
    try {
        check_saved_block(saved, 13);
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "a saved part of the KV cache has 12 bytes, expected 13");
    }
}

} // namespace
} // namespace switchyard
