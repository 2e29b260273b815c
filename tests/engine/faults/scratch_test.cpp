// While a step computes, nothing is allocated: there is no memory that could be missing then.
#include "engine/backends/cpu/scratch.h"
#include "engine/backends/cpu/thread_pool.h"
#include "engine/run/scheduler.h"
#include "tests/engine/faults/injection.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> families() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(SWITCHYARD_TEST_DATA "/reference/models"))
        if (fs::exists(entry.path() / "model-f32.gguf.xz")) // else it is kept as a folder alone
            names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

std::shared_ptr<LoadedModel> tiny_model(const std::string& family, bool exact) {
    LoadOptions options;
    options.backend = make_cpu_backend({3, exact});
    return LoadedModel::load(SWITCHYARD_TEST_WORK "/reference/models/" + family + "/model-f32.gguf", options);
}

std::vector<std::int32_t> tokens(int count, int vocabulary) {
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < count; ++i)
        ids.push_back(i * 37 % std::min(vocabulary, 190));
    return ids;
}

class StepScratch : public testing::TestWithParam<std::tuple<std::string, bool>> {
  protected:
    std::shared_ptr<LoadedModel> model = tiny_model(std::get<0>(GetParam()), std::get<1>(GetParam()));
};

// Prompts in chunks of all sizes, answers that grow, drawn from candidates and from all logits, several at
// once.
TEST_P(StepScratch, IsReservedBeforeAndNothingIsAllocatedInAStep) {
    Scheduler scheduler(engine_parts(model));
    std::int64_t steps = 0;
    const std::int64_t before = test::allocations_in_steps();
    const auto answer = [&](int prompt, int chunk, SequenceTuning tuning) {
        RunRequest request;
        request.prompt = tokens(std::min(prompt, model->config().context - 48), model->plan().vocabulary);
        request.tuning = tuning;
        request.tuning.prefill_chunk = chunk;
        request.tuning.max_tokens = 24;
        request.tuning.seed = 3;
        request.ignore_end = true;
        request.reuse_cache = false;
        const RunRecord record = run_to_end(scheduler, std::move(request));
        EXPECT_EQ(record.error, "");
        steps += std::ssize(record.tokens);
    };
    SequenceTuning plain, all, eighth;
    all.top_k = 0;
    all.temperature = 0.3;
    eighth.kv = BlockType::Q8_0;
    for (const int chunk : {1, 3, 16, 512})
        answer(20 + chunk / 3, chunk, plain);
    answer(std::get<1>(GetParam()) ? 180 : 700, 512, plain); // latent attention decompresses from 171 on
    answer(40, 16, all);
    if (!std::get<1>(GetParam())) {
        answer(40, 16, eighth);
        answer(400, 512, eighth);
    }
    EXPECT_GT(steps, 100);
    EXPECT_EQ(test::allocations_in_steps() - before, 0);
}

TEST_P(StepScratch, ManySequencesAndEveryWishAllocateNothingEither) {
    Executor& executor = model->executor();
    const BlockType type = std::get<1>(GetParam()) ? BlockType::F32 : BlockType::F16;
    const std::int64_t before = test::allocations_in_steps();
    for (const int sequences : {1, 2, 5, 9}) {
        Batch batch;
        batch.candidate_wishes = {{.best = 4, .gather = {1, 5, 9}},
                                  {.best = 1000, .inverse_temperature = 2, .gather = {}}};
        batch.draw_wishes.resize(2);
        batch.draw_wishes[1].top_p = 0.9;
        for (int s = 0; s < sequences; ++s) {
            batch.sequences.push_back({{executor.allocate_kv_block(type)}});
            for (int p = 0; p < 5; ++p) {
                const auto wish = static_cast<RowWish>((s + p) % 4);
                const bool draw = wish == RowWish::Draw;
                batch.rows.push_back({.token = s * 7 + p,
                                      .position = p,
                                      .sequence = s,
                                      .wish = wish,
                                      .candidates = draw || wish == RowWish::Candidates ? s % 2 : -1,
                                      .draw = draw ? s % 2 : -1,
                                      .routing = p % 2 == 0});
            }
        }
        executor.run(batch, model->weights());
        for (const BatchSequence& sequence : batch.sequences)
            executor.release_kv_block(sequence.blocks[0]);
    }
    EXPECT_EQ(test::allocations_in_steps() - before, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, StepScratch,
                         testing::Combine(testing::ValuesIn(families()), testing::Bool()),
                         [](const auto& info) {
                             return std::get<0>(info.param) + (std::get<1>(info.param) ? "_exact" : "_fast");
                         });

TEST(ScratchForecast, IsWhatAPromptAndItsAnswerThenTake) {
    for (const std::string& family : families()) {
        const auto model = tiny_model(family, false);
        Executor& executor = model->executor();
        for (const int rows : {16, 64, 300, 1300}) {
            const std::size_t forecast = executor.forecast_scratch(rows, rows, 0);
            Batch batch;
            batch.sequences.emplace_back();
            for (int p = 0; p < rows; p += kKvBlockTokens)
                batch.sequences[0].blocks.push_back(executor.allocate_kv_block(BlockType::F16));
            for (int p = 0; p < rows; ++p)
                batch.rows.push_back({.token = p % 100, .position = p});
            batch.rows.back().wish = RowWish::Logits;
            executor.run(batch, model->weights());
            if (!model->plan().states.empty())
                batch.sequences[0].state = executor.allocate_state();
            for (const int few : {8, 1 + executor.draft_rows(), 1}) {
                batch.rows.erase(batch.rows.begin(), batch.rows.end() - few);
                executor.run(batch, model->weights());
            }
            EXPECT_EQ(executor.scratch_bytes(), forecast) << family << ", " << rows << " rows";
        }
    }
}

TEST(StepAllocations, AreSeenOnEveryThreadOfAStepAndNowhereElse) {
    cpu::ThreadPool pool(3);
    std::vector<std::unique_ptr<int>> made(3);
    const std::int64_t before = test::allocations_in_steps();
    pool.run([&](int thread) { made[static_cast<std::size_t>(thread)] = std::make_unique<int>(thread); });
    EXPECT_EQ(test::allocations_in_steps() - before, 3);
    made.push_back(std::make_unique<int>(3));
    EXPECT_EQ(test::allocations_in_steps() - before, 3);
}

TEST(ScratchBuffer, NeverGrowsWhereItIsOnlyAskedFor) {
    cpu::Buffer buffer;
    buffer.reserve<float>(10);
    EXPECT_GE(buffer.bytes(), 40u);
    EXPECT_NO_THROW(buffer.get<float>(10));
    EXPECT_THROW(buffer.get<float>(1000), std::logic_error);
    EXPECT_LT(buffer.bytes(), 1000u);
}

} // namespace
} // namespace switchyard
