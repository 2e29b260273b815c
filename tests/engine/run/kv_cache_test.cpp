#include "engine/run/kv_cache.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using fake::FakeExecutor;
using fake::prompt_of;

class KvCacheTest : public testing::Test {
  protected:
    CacheDials dials(int experts = 4) { return {experts, std::make_shared<const WeightsState>()}; }
    /// Opens a sequence and writes the rest of the prompt.
    KvCache::SequencePtr fill(std::uint64_t conversation, const std::vector<std::int32_t>& prompt,
                              const CacheDials& by, CacheReuse reuse = CacheReuse::Chat,
                              BlockType type = BlockType::F16) {
        auto sequence = cache.open(conversation, prompt, by, type, reuse);
        kept = sequence->size();
        const auto rest = std::span(prompt).subspan(static_cast<std::size_t>(kept));
        cache.reserve(*sequence, static_cast<int>(rest.size()), type);
        cache.commit(*sequence, rest, by);
        return sequence;
    }

    Plan plan;
    FakeExecutor executor{plan};
    KvCache cache{executor, {.budget = 1 << 20, .save_budget = 1 << 20}};
    int kept = 0;
};

TEST_F(KvCacheTest, ASecondTurnKeepsAllButItsNewTokens) {
    auto prompt = prompt_of(100);
    cache.close(fill(1, prompt, dials()), true);
    EXPECT_EQ(executor.live_blocks(), 4u);
    for (int i = 0; i < 10; ++i)
        prompt.push_back(i);
    const auto second = fill(1, prompt, dials(2));
    EXPECT_EQ(kept, 100) << "a chat keeps its blocks whatever dials wrote them";
    EXPECT_EQ(executor.live_blocks(), 4u);
    EXPECT_EQ(executor.clones, 0);
    EXPECT_EQ(cache.sequences(), 1u);
    const std::vector<ContextSpan> spans = {{100, 4, BlockType::F16, {}}, {10, 2, BlockType::F16, {}}};
    EXPECT_EQ(second->spans(110), spans);
    EXPECT_EQ(second->spans(40).front().tokens, 40);
}

TEST_F(KvCacheTest, TheLastTokenOfAPromptIsAlwaysComputed) {
    const auto prompt = prompt_of(64);
    cache.close(fill(1, prompt, dials()), true);
    const auto again = cache.open(1, prompt, dials(), BlockType::F16, CacheReuse::Chat);
    EXPECT_EQ(again->size(), 63);
}

TEST_F(KvCacheTest, ABranchSharesItsPrefixAndClonesTheBlockItPartsIn) {
    const auto prompt = prompt_of(80);
    const auto first = fill(1, prompt, dials());
    cache.close(first, true);
    auto other = prompt;
    other[70] = (other[70] + 1) % 59;
    const auto branch = fill(1, other, dials());
    EXPECT_EQ(kept, 70);
    EXPECT_EQ(executor.live_blocks(), 4u) << "two shared, one of each";
    EXPECT_EQ(executor.clones, 1);
    const auto a = first->batch_sequence().blocks, b = branch->batch_sequence().blocks;
    EXPECT_EQ(a[0], b[0]);
    EXPECT_EQ(a[1], b[1]);
    EXPECT_NE(a[2], b[2]);
    // The first branch is still whole.
    auto longer = prompt;
    longer.push_back(3);
    fill(1, longer, dials());
    EXPECT_EQ(kept, 80);
}

TEST_F(KvCacheTest, WhoeverWritesFirstIntoASharedBlockTakesACopy) {
    const auto prompt = prompt_of(40);
    const auto first = fill(1, prompt, dials());
    auto other = prompt;
    other.back() = (other.back() + 1) % 59;
    const auto branch = cache.open(2, other, dials(), BlockType::F16, CacheReuse::Chat);
    ASSERT_EQ(branch->size(), 39);
    EXPECT_EQ(first->batch_sequence().blocks[1], branch->batch_sequence().blocks[1]);
    cache.reserve(*first, 1, BlockType::F16);
    EXPECT_NE(first->batch_sequence().blocks[1], branch->batch_sequence().blocks[1]);
    EXPECT_EQ(executor.clones, 1);
    cache.reserve(*branch, 1, BlockType::F16);
    EXPECT_EQ(executor.clones, 1) << "the other is alone with it now";
}

TEST_F(KvCacheTest, OtherChatsShareOnlyWhatTheSameDialsWrote) {
    const auto prompt = prompt_of(100);
    auto first = fill(1, std::vector(prompt.begin(), prompt.begin() + 50), dials(4));
    cache.reserve(*first, 50, BlockType::F16);
    cache.commit(*first, std::span(prompt).subspan(50), dials(2));
    cache.close(first, true);
    EXPECT_EQ(cache.open(2, prompt, dials(4), BlockType::F16, CacheReuse::Chat)->size(), 50);
    EXPECT_EQ(cache.open(3, prompt, dials(2), BlockType::F16, CacheReuse::Chat)->size(), 0);
    EXPECT_EQ(cache.open(4, prompt, dials(4), BlockType::Q8_0, CacheReuse::Chat)->size(), 0);
    EXPECT_EQ(cache.open(1, prompt, dials(4), BlockType::Q8_0, CacheReuse::Chat)->size(), 99);
    EXPECT_EQ(cache.open(1, prompt, dials(4), BlockType::F16, CacheReuse::None)->size(), 0);
    EXPECT_EQ(cache
                  .open(0, prompt,
                        {4, std::make_shared<const WeightsState>(WeightsState{{BlockType::Q4_0, 3}})},
                        BlockType::F16, CacheReuse::Equal)
                  ->size(),
              0);
}

TEST_F(KvCacheTest, ANewTypeActsOnNewBlocksOnly) {
    auto prompt = prompt_of(40);
    cache.close(fill(1, prompt, dials()), true);
    for (int i = 0; i < 60; ++i)
        prompt.push_back(i % 7);
    const auto sequence = fill(1, prompt, dials(), CacheReuse::Chat, BlockType::Q8_0);
    const std::vector<ContextSpan> spans = {{64, 4, BlockType::F16, {}}, {36, 4, BlockType::Q8_0, {}}};
    EXPECT_EQ(sequence->spans(100), spans);
}

TEST_F(KvCacheTest, RollingBackForgetsTokensBlocksAndDials) {
    const auto sequence = fill(1, prompt_of(100), dials(4));
    cache.reserve(*sequence, 20, BlockType::F16);
    cache.commit(*sequence, prompt_of(20, 9), dials(2));
    cache.roll_back(*sequence, 33);
    EXPECT_EQ(sequence->size(), 33);
    EXPECT_EQ(executor.live_blocks(), 2u);
    EXPECT_EQ(sequence->spans(33).size(), 1u);
    cache.reserve(*sequence, 40, BlockType::F16);
    EXPECT_EQ(executor.live_blocks(), 3u);
}

TEST_F(KvCacheTest, TheLongestUnusedGoesFirstWhenTheBudgetIsSpent) {
    KvCache small(executor, {.budget = 5000});
    const auto fill_small = [&](std::uint64_t conversation, int tokens) {
        const auto prompt = prompt_of(tokens, conversation);
        auto sequence = small.open(conversation, prompt, dials(), BlockType::F16, CacheReuse::Chat);
        const int had = sequence->size();
        small.reserve(*sequence, tokens - had, BlockType::F16);
        small.commit(*sequence, std::span(prompt).subspan(static_cast<std::size_t>(had)), dials());
        return std::pair(sequence, had);
    };
    small.close(fill_small(1, 64).first, true);
    small.close(fill_small(2, 64).first, true);
    small.close(fill_small(1, 64).first, true); // used again: 2 is the oldest now
    const auto [third, had] = fill_small(3, 64);
    EXPECT_LE(small.bytes(), 5000u);
    EXPECT_EQ(fill_small(1, 64).second, 63);
    try {
        small.reserve(*third, 1000, BlockType::F16);
        FAIL() << "more than the budget";
    } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find("KV cache"), std::string::npos) << e.what();
    }
    EXPECT_EQ(third->size(), 64) << "what was written stays";
}

TEST_F(KvCacheTest, MemoryThatIsOutIsTakenFromIdleSequences) {
    cache.close(fill(1, prompt_of(96), dials()), true);
    executor.most_blocks = 4;
    fill(2, prompt_of(96, 2), dials());
    EXPECT_EQ(executor.live_blocks(), 4u) << "no more is dropped than has to be";
    EXPECT_THROW(fill(3, prompt_of(96, 3), dials()), Error);
}

TEST_F(KvCacheTest, WhatIsDroppedIsTheEndAndNotTheBeginning) {
    KvCache small(executor, {.budget = 5000});
    const auto prompt = prompt_of(128);
    auto sequence = small.open(0, prompt, dials(), BlockType::F16, CacheReuse::Equal);
    small.reserve(*sequence, 128, BlockType::F16);
    small.commit(*sequence, prompt, dials());
    small.close(sequence, true);
    sequence = small.open(0, prompt_of(96, 2), dials(), BlockType::F16, CacheReuse::Equal);
    small.reserve(*sequence, 96, BlockType::F16); // two of four make room
    EXPECT_EQ(small.counters().dropped_blocks, 2u);
    EXPECT_EQ(small.open(0, prompt, dials(), BlockType::F16, CacheReuse::Equal)->size(), 64);
}

TEST_F(KvCacheTest, PromptsWithoutAConversationAreFoundByTheirContentsAndLeaveNothingElse) {
    for (int i = 0; i < 100; ++i)
        cache.close(fill(0, prompt_of(70), dials(), CacheReuse::Equal), true);
    EXPECT_EQ(kept, 69);
    EXPECT_EQ(cache.sequences(), 0u);
    EXPECT_EQ(cache.bytes(), 3000u);
    EXPECT_EQ(cache.bytes_in_use(), 0u);
}

TEST_F(KvCacheTest, WhatTwoComputeAtTheSameTimeIsKeptOnce) {
    const auto prompt = prompt_of(64);
    const auto a = cache.open(1, prompt, dials(), BlockType::F16, CacheReuse::Equal),
               b = cache.open(2, prompt, dials(), BlockType::F16, CacheReuse::Equal);
    for (const auto& sequence : {a, b})
        cache.reserve(*sequence, 64, BlockType::F16);
    EXPECT_EQ(executor.live_blocks(), 4u);
    for (const auto& sequence : {a, b})
        cache.commit(*sequence, prompt, dials());
    EXPECT_EQ(executor.live_blocks(), 2u);
    EXPECT_EQ(a->batch_sequence().blocks, b->batch_sequence().blocks);
    EXPECT_EQ(cache.counters().joined_blocks, 2u);
}

TEST_F(KvCacheTest, AWaitingSequenceTakesOverWhatAnotherHasComputedSince) {
    const auto prompt = prompt_of(100);
    const auto a = cache.open(1, prompt, dials(), BlockType::F16, CacheReuse::Equal),
               b = cache.open(2, prompt, dials(), BlockType::F16, CacheReuse::Equal);
    cache.reserve(*a, 50, BlockType::F16);
    cache.commit(*a, std::span(prompt).first(50), dials());
    EXPECT_EQ(cache.extend(*b, prompt, dials(), BlockType::F16), 50);
    cache.reserve(*a, 50, BlockType::F16);
    cache.commit(*a, std::span(prompt).subspan(50), dials());
    EXPECT_EQ(cache.extend(*b, prompt, dials(2), BlockType::F16), 0);
    EXPECT_EQ(cache.extend(*b, prompt, dials(), BlockType::F16), 49);
    EXPECT_EQ(b->size(), 99);
    EXPECT_EQ(std::vector(b->tokens().begin(), b->tokens().end()),
              std::vector(prompt.begin(), prompt.end() - 1));
}

/// Two sequences of three blocks in a cache of four: the second's room is the first's.
class ParkedSequence : public KvCacheTest {
  protected:
    KvCache::SequencePtr fill_in(KvCache& in, std::uint64_t seed) {
        const auto prompt = prompt_of(90, seed);
        auto sequence = in.open(0, prompt, dials(), BlockType::F16, CacheReuse::Equal);
        in.reserve(*sequence, 90, BlockType::F16);
        in.commit(*sequence, prompt, dials());
        return sequence;
    }
};

TEST_F(ParkedSequence, IsSavedWhereRoomIsNeededAndComesBack) {
    KvCache small(executor, {.budget = 4000, .save_budget = 3000});
    const auto first = fill_in(small, 1);
    const auto blocks = first->batch_sequence().blocks;
    ASSERT_TRUE(small.park(*first, false));
    EXPECT_EQ(small.counters().saved_blocks, 0u) << "nobody needs the room yet";
    const auto second = fill_in(small, 2);
    EXPECT_EQ(small.counters().saved_blocks, 2u);
    EXPECT_THROW(small.resume(*first), Error) << "there is no room";
    small.close(second, true);
    small.resume(*first);
    EXPECT_EQ(first->size(), 90);
    EXPECT_EQ(small.counters().loaded_blocks, 2u);
    EXPECT_EQ(small.saved_bytes(), 0u);
    EXPECT_EQ(first->batch_sequence().blocks[0], blocks[0]);
    EXPECT_EQ(small.bytes_in_use(), 3000u);
    small.close(first, false);
    EXPECT_EQ(small.bytes_in_use(), 0u);
}

TEST_F(ParkedSequence, IsComputedAgainWhereNothingMoreMayBeSaved) {
    KvCache small(executor, {.budget = 4000, .save_budget = 2000});
    const auto first = fill_in(small, 1);
    EXPECT_FALSE(small.park(*first, false));
    EXPECT_EQ(small.bytes_in_use(), 3000u);
    ASSERT_TRUE(small.park(*first, true));
    small.close(fill_in(small, 2), true);
    small.resume(*first);
    EXPECT_EQ(first->size(), 32);
    EXPECT_EQ(small.counters().recomputed_tokens, 58u);
    small.reserve(*first, 58, BlockType::F16);
    EXPECT_EQ(first->batch_sequence().blocks.size(), 3u);
}

TEST_F(ParkedSequence, ThatEndsLeavesNothingSaved) {
    KvCache small(executor, {.budget = 4000, .save_budget = 3000});
    const auto first = fill_in(small, 1);
    ASSERT_TRUE(small.park(*first, false));
    const auto second = fill_in(small, 2);
    EXPECT_GT(small.saved_bytes(), 0u);
    small.close(first, true);
    EXPECT_EQ(small.saved_bytes(), 0u);
    EXPECT_TRUE(small.park(*second, false)) << "what the first was allowed is free again";
}

TEST_F(KvCacheTest, AConversationForgottenWhileItIsAnsweredIsDroppedAtItsEnd) {
    const auto sequence = fill(1, prompt_of(64), dials());
    cache.forget(1);
    EXPECT_EQ(executor.live_blocks(), 2u);
    cache.close(sequence, true);
    EXPECT_EQ(executor.live_blocks(), 0u);
}

TEST_F(KvCacheTest, EverythingIsReleasedInTheEnd) {
    {
        KvCache own(executor, {.budget = 1 << 20});
        const auto prompt = prompt_of(50);
        auto sequence = own.open(1, prompt, dials(), BlockType::F16, CacheReuse::Chat);
        own.reserve(*sequence, 50, BlockType::F16);
        own.commit(*sequence, prompt, dials());
        own.close(sequence, true);
        sequence.reset();
        EXPECT_EQ(own.bytes(), 2000u);
        own.forget(1);
        EXPECT_EQ(own.bytes(), 0u);
        sequence = own.open(1, prompt, dials(), BlockType::F16, CacheReuse::Chat);
        own.reserve(*sequence, 50, BlockType::F16);
        own.close(sequence, false);
    }
    EXPECT_EQ(executor.live_blocks(), 0u);
}

} // namespace
} // namespace switchyard
