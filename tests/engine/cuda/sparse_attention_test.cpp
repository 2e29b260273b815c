// Sparse attention on a device: answers however their steps are launched, contexts that grow past what steps
// were recorded for, keys of indexers that are saved and used again, and the memory that is told beforehand.
#include "engine/run/scheduler.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/engine/cuda/sequence.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace switchyard {
namespace {

using test::drawn_request, test::ids_of, test::prompt_of, test::step, test::table_bytes;

class CudaSparseAttention : public testing::TestWithParam<const char*> {};

TEST_P(CudaSparseAttention, AnswersAreTheSameHoweverTheirStepsAreLaunched) {
    test::expect_the_same_however_launched(
        GetParam(), {drawn_request(prompt_of(50, 0)), drawn_request(prompt_of(5, 1))}, [](auto&&...) {});
}

/// Steps are recorded for contexts of 256 and 512 tokens; after a longer one there is more room than either
/// needs.
TEST_P(CudaSparseAttention, RecordedStepsServeTheContextsTheyAreFor) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    const auto other =
        test::load_reference(GetParam(), test::emulated_backend({.seed = 5}, cuda::StepLaunches::Stages));
    const auto ids = prompt_of(262, 3);
    const std::span all(ids);
    test::Sequence grows(*model, BlockType::F16), expected(*other, BlockType::F16);
    const auto begin = all.first(252);
    ASSERT_EQ(step(*model, grows, begin), step(*other, expected, begin));
    for (std::size_t t = 252; t < 262; ++t) {
        if (t == 258) { // rooms grow
            test::Sequence far(*model, BlockType::F16);
            far.begin_behind(640);
            step(*model, far, all.first(40));
        }
        ASSERT_EQ(step(*model, grows, all.subspan(t, 1)), step(*other, expected, all.subspan(t, 1))) << t;
        test::Sequence brief(*model, BlockType::F16), same(*other, BlockType::F16);
        ASSERT_EQ(step(*model, brief, all.subspan(t - 9, 1)), step(*other, same, all.subspan(t - 9, 1))) << t;
    }
}

/// A chat goes on from blocks that its first part left, and an edit from some of them.
TEST_P(CudaSparseAttention, AChatGoesOnFromKeptBlocks) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    Scheduler scheduler(engine_parts(model));
    const RunRecord first = run_to_end(scheduler, drawn_request(prompt_of(70, 0)));
    ASSERT_EQ(first.error, "");
    std::vector<std::int32_t> longer = prompt_of(70, 0), edited = longer;
    for (const TokenRecord& token : first.tokens)
        longer.push_back(token.id);
    longer.insert(longer.end(), {5, 6, 7});
    edited[60] = 9;
    for (const auto& prompt : {longer, edited}) {
        const RunRecord second = run_to_end(scheduler, drawn_request(prompt));
        ASSERT_EQ(second.error, "");
        EXPECT_GE(second.timings.prompt_tokens_reused, 32);
        const auto fresh = test::load_reference(GetParam(), test::emulated_backend({.seed = 9}));
        Scheduler alone(engine_parts(fresh));
        EXPECT_EQ(ids_of(test::replayed(alone, prompt, second)), ids_of(second));
    }
}

TEST_P(CudaSparseAttention, SavedBlocksBringWhatIsChosenFrom) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    Executor& executor = model->executor();
    const auto ids = prompt_of(80, 2);
    const std::size_t bytes = executor.kv_block_bytes(BlockType::Q8_0);
    std::vector<KvBlockId> blocks, copies;
    const auto run = [&](int from, int until, const std::vector<KvBlockId>& own, KvBlockId before,
                         KvBlockId after) {
        Batch batch;
        for (int p = from; p < until; ++p)
            batch.rows.push_back(
                {.token = ids[static_cast<std::size_t>(p)], .position = p, .wish = RowWish::Logits});
        batch.sequences.push_back({.blocks = own, .state = before});
        if (after != kNoState)
            batch.sequences[0].states_after = {{until - from, after}};
        return executor.run(std::move(batch), model->weights()).logits;
    };
    for (int b = 0; b < 3; ++b)
        blocks.push_back(executor.allocate_kv_block(BlockType::Q8_0));
    const KvBlockId state = model->plan().states.empty() ? kNoState : executor.allocate_state();
    run(0, 64, blocks, kNoState, state);
    for (int b = 0; b < 2; ++b) {
        const auto saved = executor.save_kv_block(blocks[static_cast<std::size_t>(b)]);
        EXPECT_EQ(saved.size(), bytes);
        copies.push_back(executor.load_kv_block(BlockType::Q8_0, saved));
    }
    copies.push_back(executor.allocate_kv_block(BlockType::Q8_0));
    EXPECT_EQ(run(64, 80, copies, state, kNoState), run(64, 80, blocks, state, kNoState));
    for (const auto* all : {&blocks, &copies})
        for (const KvBlockId block : *all)
            executor.release_kv_block(block);
    if (state != kNoState)
        executor.release_kv_block(state);
}

TEST_P(CudaSparseAttention, TheForecastCountsScoresAndChoices) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    Executor& executor = model->executor();
    constexpr int kRows = 96, kContext = 6144;
    test::Sequence sequence(*model, BlockType::F16);
    sequence.begin_behind(kContext - kRows);
    Batch batch;
    sequence.append(batch, prompt_of(kRows, 0), {.prompt = true});
    for (int r = 0; r + 1 < kRows; ++r)
        batch.rows[static_cast<std::size_t>(r)].wish = RowWish::Nothing;
    executor.run(std::move(batch), model->weights());
    step(*model, sequence, prompt_of(1, 0)); // and an answer
    const std::size_t used = executor.scratch_bytes() - table_bytes(*model),
                      forecast = executor.forecast_scratch(kRows, kContext + 1, 0);
    EXPECT_GE(forecast, used);
    EXPECT_LT(forecast, used + used / 2);
    EXPECT_GT(forecast, executor.forecast_scratch(kRows, 128, 0)) << "the context is part of it";
}

INSTANTIATE_TEST_SUITE_P(Families, CudaSparseAttention,
                         testing::Values("deepseek_v32", "deepseek_v4", "minimax_m3"),
                         [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace switchyard
