// A step of one row in one launch: its blocks wait for each other between stages, and a wait that is missing
// is noticed by its results.
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <vector>

namespace switchyard {
namespace {

/// Of four rows, one step each.
std::vector<float> logits_by(cuda::EmulatedOptions card, cuda::StepLaunches launches) {
    const auto model = test::load_reference(
        "qwen3moe", make_cuda_backend(cuda::make_emulated_device(card),
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

TEST(CudaRowProgram, AnyNumberOfBlocksInAnyOrderGivesTheBitsOfLaunches) {
    const auto expected = logits_by({}, cuda::StepLaunches::Graphs);
    for (const int multiprocessors : {1, 2, 3, 7})
        EXPECT_EQ(logits_by({.seed = static_cast<unsigned>(multiprocessors) * 31,
                             .multiprocessors = multiprocessors},
                            cuda::StepLaunches::Programs),
                  expected)
            << multiprocessors << " multiprocessors";
}

TEST(CudaRowProgram, AWaitThatIsLeftOutIsNoticed) {
    const auto expected = logits_by({}, cuda::StepLaunches::Graphs);
    for (const unsigned use :
         {0u, 1u, 3u}) { // which of each block's waits, of those between stages and in them
        cuda::EmulatedOptions card{.seed = 3, .multiprocessors = 3};
        card.fault = {cuda::PlantedFault::Kind::ArrivalWait, cuda::Kernel::RowProgram, use};
        EXPECT_NE(logits_by(card, cuda::StepLaunches::Programs), expected) << "wait " << use;
    }
}

} // namespace
} // namespace switchyard
