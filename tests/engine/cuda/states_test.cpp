// Layers with states on a device: kept within steps and gone on from, saved and brought back, and answers
// however their steps are launched.
#include "engine/run/scheduler.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace switchyard {
namespace {

using test::drawn_request, test::ids_of, test::prompt_of;

class CudaStateLayers : public testing::TestWithParam<const char*> {};

/// Rows [first, last) of `ids` as a step of one sequence.
Batch rows_of(const std::vector<std::int32_t>& ids, int first, int last, std::vector<KvBlockId> blocks,
              KvBlockId state) {
    Batch batch;
    for (int p = first; p < last; ++p)
        batch.rows.push_back(
            {.token = ids[static_cast<std::size_t>(p)], .position = p, .wish = RowWish::Logits});
    batch.sequences.push_back({.blocks = std::move(blocks), .state = state});
    return batch;
}

TEST_P(CudaStateLayers, StatesOfAnyRowOfAStepAreGoneOnFrom) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    Executor& executor = model->executor();
    const auto ids = prompt_of(40, 0);
    const std::vector<KvBlockId> blocks = {executor.allocate_kv_block(BlockType::F16),
                                           executor.allocate_kv_block(BlockType::F16)};
    const KvBlockId at_9 = executor.allocate_state(), at_20 = executor.allocate_state();
    Batch whole = rows_of(ids, 0, 40, blocks, kNoState);
    whole.sequences[0].states_after = {{9, at_9}, {20, at_20}};
    const auto expected = executor.run(std::move(whole), model->weights()).logits;
    const auto saved = executor.save_kv_block(at_20);
    const auto vocabulary = static_cast<std::ptrdiff_t>(model->plan().vocabulary);
    const auto expect_rows = [&](int first, int last, KvBlockId state) {
        const auto got = executor.run(rows_of(ids, first, last, blocks, state), model->weights()).logits;
        EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin() + first * vocabulary))
            << first << " to " << last;
    };
    expect_rows(9, 10, at_9);
    expect_rows(20, 23, at_20);
    EXPECT_EQ(executor.save_kv_block(at_20), saved) << "who reads a state leaves it";
    executor.release_kv_block(at_20);
    const KvBlockId loaded = executor.load_state(saved);
    expect_rows(20, 40, loaded);
    for (const KvBlockId one : {blocks[0], blocks[1], at_9, loaded})
        executor.release_kv_block(one);
}

TEST_P(CudaStateLayers, AnswersAreTheSameHoweverTheirStepsAreLaunched) {
    using cuda::StepLaunches;
    test::expect_the_same_however_launched(
        GetParam(), {drawn_request(prompt_of(34, 0)), drawn_request(prompt_of(5, 1))},
        [](LoadedModel& model, StepLaunches launches) {
            if (launches != StepLaunches::Stages && !cuda::on_card()) {
                EXPECT_GT(model.executor().device_draws()->steps, 0u) << "steps behind others";
            }
        });
}

/// A chat goes on from the states that its first part left.
TEST_P(CudaStateLayers, AChatGoesOnFromKeptStates) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    Scheduler scheduler(engine_parts(model));
    const RunRecord first = run_to_end(scheduler, drawn_request(prompt_of(36, 0)));
    ASSERT_EQ(first.error, "");
    std::vector<std::int32_t> longer = prompt_of(36, 0);
    for (const TokenRecord& token : first.tokens)
        longer.push_back(token.id);
    longer.insert(longer.end(), {5, 6, 7});
    const RunRecord second = run_to_end(scheduler, drawn_request(longer));
    ASSERT_EQ(second.error, "");
    EXPECT_GE(second.timings.prompt_tokens_reused, 32);

    const auto fresh = test::load_reference(GetParam(), test::emulated_backend({.seed = 9}));
    Scheduler alone(engine_parts(fresh));
    EXPECT_EQ(ids_of(test::replayed(alone, longer, second)), ids_of(second));
}

INSTANTIATE_TEST_SUITE_P(Families, CudaStateLayers,
                         testing::Values("deepseek_v4", "jamba", "lfm2", "nemotron_h", "qwen3_next"),
                         [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace switchyard
