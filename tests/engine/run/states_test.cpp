// Layers that remember a state of fixed size: kept at block boundaries, restored, gone back to, counted.
#include "engine/run/evaluate.h"
#include "tests/engine/run/fake_engine.h"
#include "tests/engine/run/toy_plan.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using fake::FakeExecutor;
using fake::prompt_of;

// The step, by the CPU.

Batch rows_of(const std::vector<std::int32_t>& tokens, int first, int count, std::vector<KvBlockId> blocks) {
    Batch batch;
    for (int p = first; p < first + count; ++p)
        batch.rows.push_back(
            {.token = tokens[static_cast<std::size_t>(p)], .position = p, .wish = RowWish::Logits});
    batch.sequences.push_back({.blocks = std::move(blocks)});
    return batch;
}

class RecurrenceTest : public testing::TestWithParam<int> {
  protected:
    std::vector<KvBlockId> blocks(int count) {
        std::vector<KvBlockId> ids;
        for (int i = 0; i < count; ++i)
            ids.push_back(toy.executor().allocate_kv_block(BlockType::F16));
        return ids;
    }
    std::vector<float> run(Batch batch) { return toy.executor().run(std::move(batch), toy.weights()).logits; }
    std::vector<float> at_once() { return run(rows_of(tokens, 0, kTokens, blocks(2))); }
    std::vector<float> row(const std::vector<float>& all, int r) const {
        const auto begin = all.begin() + std::ptrdiff_t{r} * HybridToy::kVocabulary;
        return {begin, begin + HybridToy::kVocabulary};
    }

    static constexpr int kTokens = 50;
    HybridToy toy{GetParam()};
    std::vector<std::int32_t> tokens = prompt_of(kTokens);
};

TEST_P(RecurrenceTest, ChunksGiveWhatOneStepGives) {
    const auto expected = at_once();
    for (const int chunk : {1, 2, 7, 32, 49}) {
        const auto ids = blocks(2);
        std::vector<float> all;
        KvBlockId state = kNoState;
        for (int first = 0; first < kTokens; first += chunk) {
            Batch batch = rows_of(tokens, first, std::min(chunk, kTokens - first), ids);
            const KvBlockId next = toy.executor().allocate_state();
            batch.sequences[0].state = state;
            batch.sequences[0].states_after = {{static_cast<int>(batch.rows.size()), next}};
            const auto logits = run(std::move(batch));
            all.insert(all.end(), logits.begin(), logits.end());
            if (state != kNoState)
                toy.executor().release_kv_block(state);
            state = next;
        }
        EXPECT_EQ(all, expected) << "in chunks of " << chunk;
    }
}

TEST_P(RecurrenceTest, AnotherStateGivesSomethingElseAndNoneIsRefused) {
    const auto expected = at_once();
    const auto ids = blocks(2);
    Batch first = rows_of(tokens, 0, 40, ids);
    const KvBlockId at_39 = toy.executor().allocate_state();
    first.sequences[0].states_after = {{39, at_39}};
    run(std::move(first));
    Batch wrong = rows_of(tokens, 40, 1, ids);
    wrong.sequences[0].state = at_39;
    EXPECT_NE(row(run(std::move(wrong)), 0), row(expected, 40)) << "the state does matter";
    EXPECT_THROW(run(rows_of(tokens, 40, 1, ids)), Error);
    Batch beyond = rows_of(tokens, 0, 4, ids);
    beyond.sequences[0].states_after = {{5, at_39}};
    EXPECT_THROW(run(std::move(beyond)), Error);
}

TEST_P(RecurrenceTest, AnEvaluationInChunksGoesOnFromItsStates) {
    const auto expected = at_once();
    const EngineParts parts = toy.parts();
    for (const int chunk : {7, 50}) {
        const std::size_t before = toy.executor().kv_bytes();
        std::vector<float> all;
        evaluate(
            toy.executor(), *parts.backend, *parts.plan, toy.weights(), tokens, {.chunk = chunk},
            [&](int, std::span<const float> logits) { all.insert(all.end(), logits.begin(), logits.end()); });
        EXPECT_EQ(all, expected) << "in chunks of " << chunk;
        // Memory of states that were released is held ready for the next ones.
        EXPECT_LE(toy.executor().kv_bytes(), before + 2 * toy.executor().state_bytes());
    }
}

TEST_P(RecurrenceTest, AStepChangesNoStateThatItReads) {
    const auto expected = at_once();
    const auto ids = blocks(2);
    Batch first = rows_of(tokens, 0, 20, ids);
    const KvBlockId at_20 = toy.executor().allocate_state(), at_9 = toy.executor().allocate_state();
    first.sequences[0].states_after = {{9, at_9}, {20, at_20}};
    run(std::move(first));
    const auto saved = toy.executor().save_kv_block(at_20);
    // Drafts that are not taken, a step that is stopped, and then the rows that count.
    for (int again = 0; again < 3; ++again) {
        Batch drafts = rows_of(tokens, 20, 8, ids);
        for (BatchRow& row : drafts.rows)
            row.token = (row.token + 1) % HybridToy::kVocabulary;
        drafts.sequences[0].state = at_20;
        drafts.sequences[0].states_after = {{8, toy.executor().allocate_state()}};
        std::stop_source stop;
        if (again == 1)
            stop.request_stop();
        toy.executor().run(std::move(drafts), toy.weights(), stop.get_token());
        EXPECT_EQ(toy.executor().save_kv_block(at_20), saved);
    }
    Batch rest = rows_of(tokens, 20, 30, ids);
    rest.sequences[0].state = at_20;
    EXPECT_EQ(row(run(std::move(rest)), 29), row(expected, 49));
    // And from the place in the middle of a step.
    Batch from_9 = rows_of(tokens, 9, 5, ids);
    from_9.sequences[0].state = at_9;
    EXPECT_EQ(row(run(std::move(from_9)), 4), row(expected, 13));
}

TEST_P(RecurrenceTest, SequencesBesideEachOtherHaveStatesOfTheirOwn) {
    const auto expected = at_once();
    auto others = prompt_of(kTokens, 5);
    const auto theirs = run(rows_of(others, 0, kTokens, blocks(2)));
    Batch both = rows_of(tokens, 0, kTokens, blocks(2));
    Batch second = rows_of(others, 0, kTokens, blocks(2));
    for (BatchRow& row : second.rows) {
        row.sequence = 1;
        both.rows.push_back(row);
    }
    both.sequences.push_back(second.sequences[0]);
    auto together = expected;
    together.insert(together.end(), theirs.begin(), theirs.end());
    EXPECT_EQ(run(std::move(both)), together);
}

TEST_P(RecurrenceTest, AStateComesBackAsItWasSavedAndIsCounted) {
    const std::size_t before = toy.executor().kv_bytes();
    EXPECT_EQ(toy.executor().state_bytes(), std::size_t{2 * HybridToy::kWidth} * sizeof(float));
    const KvBlockId state = toy.executor().allocate_state();
    EXPECT_EQ(toy.executor().kv_bytes(), before + toy.executor().state_bytes());
    auto saved = toy.executor().save_kv_block(state);
    saved[5] = std::byte{7};
    toy.executor().release_kv_block(state);
    EXPECT_EQ(toy.executor().save_kv_block(toy.executor().load_state(saved)), saved);
    saved.pop_back();
    EXPECT_THROW(toy.executor().load_state(saved), Error);
}

INSTANTIATE_TEST_SUITE_P(Threads, RecurrenceTest, testing::Values(1, 2));

// The cache.

class StateCacheTest : public testing::Test {
  protected:
    StateCacheTest() {
        plan.states = {{4}};
        make(1 << 20, 1 << 20);
    }
    void make(std::size_t budget, std::size_t save_budget) {
        cache.emplace(executor, KvCacheOptions{.budget = budget, .save_budget = save_budget});
    }
    /// Opens a sequence and writes the rest of the prompt in pieces of `chunk`.
    KvCache::SequencePtr fill(std::uint64_t conversation, const std::vector<std::int32_t>& prompt,
                              int chunk = 512) {
        auto sequence = cache->open(conversation, prompt, dials, BlockType::F16, CacheReuse::Chat);
        kept = sequence->size();
        write(*sequence, std::span(prompt).subspan(static_cast<std::size_t>(kept)), chunk);
        return sequence;
    }
    void write(KvCache::Sequence& sequence, std::span<const std::int32_t> rest, int chunk) {
        while (!rest.empty()) {
            const auto piece = rest.first(std::min(rest.size(), static_cast<std::size_t>(chunk)));
            cache->reserve(sequence, static_cast<int>(piece.size()), BlockType::F16);
            cache->commit(sequence, piece, dials);
            rest = rest.subspan(piece.size());
        }
    }

    Plan plan;
    FakeExecutor executor{plan};
    std::optional<KvCache> cache;
    CacheDials dials{4, std::make_shared<const WeightsState>()};
    int kept = 0;
};

TEST_F(StateCacheTest, ASequenceGoesOnFromWhereStatesAreKept) {
    auto prompt = prompt_of(100);
    cache->close(fill(1, prompt), true);
    prompt.push_back(3);
    fill(1, prompt);
    EXPECT_EQ(kept, 96) << "the last boundary of a block, and not the last token";
    auto other = prompt_of(100);
    other[70] = (other[70] + 1) % 59;
    fill(2, other);
    EXPECT_EQ(kept, 64) << "another chat, which parts in the third block";
}

TEST_F(StateCacheTest, BatchesSayWhereStatesAreReadAndWritten) {
    const auto prompt = prompt_of(80);
    const auto sequence = cache->open(1, prompt, dials, BlockType::F16, CacheReuse::Chat);
    cache->reserve(*sequence, 40, BlockType::F16);
    BatchSequence batch = sequence->batch_sequence();
    EXPECT_EQ(batch.state, kNoState);
    ASSERT_EQ(batch.states_after.size(), 2u);
    EXPECT_EQ(batch.states_after[0].rows, 32);
    EXPECT_EQ(batch.states_after[1].rows, 40);
    const KvBlockId at_40 = batch.states_after[1].state;
    // A step behind it, before it has ended.
    cache->reserve(*sequence, {.count = 2, .ahead = 40}, BlockType::F16);
    const BatchSequence next = sequence->batch_sequence(40);
    EXPECT_EQ(next.state, at_40);
    ASSERT_EQ(next.states_after.size(), 1u);
    EXPECT_EQ(next.states_after[0].rows, 2);
    cache->commit(*sequence, std::span(prompt).first(40), dials);
    EXPECT_EQ(sequence->batch_sequence().state, at_40);
    cache->commit(*sequence, std::span(prompt).subspan(40, 2), dials);
    EXPECT_EQ(sequence->batch_sequence().state, next.states_after[0].state);
}

TEST_F(StateCacheTest, DraftsAreTakenAsFarAsTheyAreRight) {
    const auto prompt = prompt_of(80);
    const auto sequence = fill(1, std::vector(prompt.begin(), prompt.begin() + 29));
    const std::size_t before = executor.live_blocks();
    cache->reserve(*sequence, {.count = 5, .drafted = true}, BlockType::F16);
    const BatchSequence batch = sequence->batch_sequence();
    ASSERT_EQ(batch.states_after.size(), 5u);
    cache->commit(*sequence, std::span(prompt).subspan(29, 2), dials); // the third was wrong
    EXPECT_EQ(sequence->batch_sequence().state, batch.states_after[1].state);
    cache->reserve(*sequence, 1, BlockType::F16);
    cache->commit(*sequence, std::span(prompt).subspan(31, 1), dials);
    EXPECT_EQ(executor.live_blocks(), before + 1) << "of drafts only the block that they reserved is left";
    EXPECT_NE(sequence->batch_sequence().state, kNoState) << "at a block's end they are the block's";
}

TEST_F(StateCacheTest, GoesBackToTheLastPlaceBeforeAnEdit) {
    const auto prompt = prompt_of(200);
    const auto sequence = fill(1, prompt);
    cache->roll_back(*sequence, 130);
    EXPECT_EQ(sequence->size(), 128);
    EXPECT_EQ(sequence->batch_sequence().state != kNoState, true);
    write(*sequence, std::span(prompt).subspan(128), 1);
    EXPECT_EQ(sequence->size(), 200);
    cache->roll_back(*sequence, 3);
    EXPECT_EQ(sequence->size(), 0);
    EXPECT_EQ(sequence->batch_sequence().state, kNoState);
}

TEST_F(StateCacheTest, NothingIsLeftOfSequencesThatAreClosed) {
    const auto prompt = prompt_of(200);
    for (const bool keep : {true, false}) {
        cache->close(fill(1, prompt, 7), keep);
        cache->forget(1);
        cache.emplace(executor, KvCacheOptions{.budget = 1 << 20, .save_budget = 1 << 20});
        EXPECT_EQ(executor.live_blocks(), 0u);
    }
}

TEST_F(StateCacheTest, WhoIsParkedComesBackWithItsStates) {
    make(9500, 1 << 20);
    const auto prompt = prompt_of(100), other = prompt_of(150, 9);
    const auto first = fill(1, prompt);
    EXPECT_EQ(cache->bytes_in_use(), executor.live_bytes());
    ASSERT_TRUE(cache->park(*first, false));
    EXPECT_EQ(cache->bytes_in_use(), 0u);
    const auto second = fill(2, other);
    EXPECT_GT(cache->counters().saved_blocks, 0u);
    cache->close(second, false);
    cache->resume(*first);
    EXPECT_EQ(first->size(), 100);
    EXPECT_NE(first->batch_sequence().state, kNoState);
    write(*first, std::span(other).first(30), 1);
    EXPECT_EQ(cache->saved_bytes(), 0u);
    EXPECT_EQ(cache->bytes(), executor.live_bytes());
    cache->close(first, false);
    EXPECT_EQ(cache->bytes(), 0u);
    EXPECT_EQ(cache->bytes_in_use(), 0u);
}

TEST_F(StateCacheTest, WhatWasDroppedIsComputedAgainFromWhereStatesAreLeft) {
    make(9000, 0);
    const auto prompt = prompt_of(100), other = prompt_of(150, 9);
    const auto first = fill(1, prompt);
    ASSERT_TRUE(cache->park(*first, true));
    cache->close(fill(2, other), false);
    cache->resume(*first);
    EXPECT_LT(first->size(), 100);
    EXPECT_EQ(first->size() % kKvBlockTokens, 0);
    EXPECT_EQ(first->size() > 0, first->batch_sequence().state != kNoState);
    write(*first, std::span(prompt).subspan(static_cast<std::size_t>(first->size())), 8);
    EXPECT_EQ(first->size(), 100);
    EXPECT_EQ(cache->bytes(), executor.live_bytes());
}

TEST_F(StateCacheTest, CountsStatesInWhatASequenceWillNeed) {
    const auto prompt = prompt_of(100);
    const auto sequence = cache->open(1, prompt, dials, BlockType::F16, CacheReuse::Chat);
    const std::size_t needed = cache->bytes_for(*sequence, 100, BlockType::F16);
    write(*sequence, prompt, 100);
    EXPECT_GE(needed, cache->bytes());
    EXPECT_LE(needed, cache->bytes() + 4 * executor.state_bytes());
    EXPECT_EQ(cache->bytes_of(*sequence), cache->bytes());
    EXPECT_EQ(KvCache::sequence_bytes(executor, BlockType::F16).of(100), needed);
    make(6000, 0);
    const auto too_long = prompt_of(200);
    const auto waits = cache->open(2, too_long, dials, BlockType::F16, CacheReuse::Chat);
    EXPECT_THROW(cache->check_possible(*waits, 200, BlockType::F16), Error);
}

} // namespace
} // namespace switchyard
