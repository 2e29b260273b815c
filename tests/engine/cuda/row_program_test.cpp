// A step of one row in one launch: its blocks wait for each other between stages, and a wait that is missing
// is noticed by its results.
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace switchyard {
namespace {

/// Of four rows, one step each.
std::vector<float> logits_by(const std::string& family, cuda::EmulatedOptions card,
                             cuda::StepLaunches launches) {
    const auto model =
        test::load_reference(family, make_cuda_backend(cuda::make_emulated_device(card),
                                                       {.threads = 1, .launches = launches, .check = false}));
    const KvBlockId block = model->executor().allocate_kv_block(BlockType::F16);
    std::vector<float> all;
    for (int position = 0; position < 4; ++position) {
        Batch batch;
        batch.rows.push_back({.token = 5 + position, .position = position, .wish = RowWish::Logits});
        batch.sequences.push_back({.blocks = {block}});
        const auto logits = model->executor().run(std::move(batch), model->weights()).logits;
        all.insert(all.end(), logits.begin(), logits.end());
    }
    model->executor().release_kv_block(block);
    return all;
}

class CudaRowProgram : public testing::TestWithParam<const char*> {};

TEST_P(CudaRowProgram, AnyNumberOfBlocksInAnyOrderGivesTheBitsOfLaunches) {
    const auto expected = logits_by(GetParam(), {}, cuda::StepLaunches::Graphs);
    // Grids of one to seven blocks.
    for (const auto& [multiprocessors, resident] :
         {std::pair{1, 1}, {1, 2}, {3, 1}, {2, 2}, {5, 1}, {3, 2}, {7, 1}})
        EXPECT_EQ(logits_by(GetParam(),
                            {.seed = static_cast<unsigned>(multiprocessors) * 31,
                             .multiprocessors = multiprocessors,
                             .resident_blocks = resident},
                            cuda::StepLaunches::Programs),
                  expected)
            << multiprocessors << " multiprocessors with " << resident << " blocks each";
}

/// Waits are counted by each block: those between stages, and those within some. A block that had nothing to
/// do in the stage in front may be right without its wait, so that of any two neighbours one is looked at.
TEST_P(CudaRowProgram, AWaitThatIsLeftOutIsNoticed) {
    const auto expected = logits_by(GetParam(), {}, cuda::StepLaunches::Graphs);
    for (const unsigned use : {0u, 2u, 4u}) {
        int noticed = 0;
        for (const unsigned one : {use, use + 1}) {
            cuda::EmulatedOptions card{.seed = 3, .multiprocessors = 3};
            card.fault = {cuda::PlantedFault::Kind::ArrivalWait, cuda::Kernel::RowProgram, one};
            noticed += logits_by(GetParam(), card, cuda::StepLaunches::Programs) != expected;
        }
        EXPECT_GT(noticed, 0) << "waits " << use << " and " << use + 1;
    }
}

TEST(CudaRowLaunches, TimesAreOfTheWeightsOfNow) {
    const auto model = test::load_reference(
        "llama31",
        make_cuda_backend(cuda::make_emulated_device(),
                          {.threads = 1, .launches = cuda::StepLaunches::Measured, .check = false}));
    Executor& executor = model->executor();
    const KvBlockId block = executor.allocate_kv_block(BlockType::F16);
    const auto step = [&](int position, int rows, std::shared_ptr<const WeightSet> weights) {
        Batch batch;
        batch.sequences.push_back({.blocks = {block}});
        for (int r = 0; r < rows; ++r)
            batch.rows.push_back({.token = 5, .position = position + r, .wish = RowWish::Logits});
        executor.run(std::move(batch), std::move(weights));
    };
    for (int position = 0; position < 4; ++position) // the first is sampled
        step(position, 1, model->weights());
    EXPECT_GT(executor.row_launch_times()->graph, 0);
    EXPECT_GT(executor.row_launch_times()->program, 0);
    step(4, 2, std::make_shared<WeightSet>(*model->weights())); // no step of one row with these so far
    EXPECT_EQ(executor.row_launch_times()->graph, 0);
    EXPECT_EQ(executor.row_launch_times()->program, 0);
    executor.release_kv_block(block);
}

INSTANTIATE_TEST_SUITE_P(Families, CudaRowProgram, testing::Values("qwen3moe", "deepseek2_lite"));

} // namespace
} // namespace switchyard
