// How many launches a step of one row is: each is microseconds that no memory is read.
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/engine/cuda/sequence.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

/// Of a step of one row at a position that is not the first.
std::uint64_t launches_of_a_row(const std::string& family, cuda::StepLaunches how, int& layers) {
    auto device = std::shared_ptr<cuda::Device>(cuda::make_emulated_device());
    const auto model = test::load_reference(
        family, make_cuda_backend(device, {.threads = 1, .launches = how, .check = false}));
    layers = static_cast<int>(model->plan().kv.size());
    test::Sequence sequence(*model, BlockType::F16);
    std::uint64_t before = 0, after = 0;
    for (int position = 0; position < 2; ++position) {
        Batch batch;
        const std::int32_t id = 5;
        sequence.append(batch, {&id, 1});
        before = cuda::counts_of(*device).launches;
        model->executor().run(std::move(batch), model->weights());
        after = cuda::counts_of(*device).launches;
    }
    return after - before;
}

/// Embedding, rotations' tables and the head beside them.
constexpr int kBeside = 3;

struct Limit {
    const char* family;
    int a_layer;
};

class CudaLaunches : public testing::TestWithParam<Limit> {};

TEST_P(CudaLaunches, OfARowAreFew) {
    int layers = 0;
    const std::uint64_t launches = launches_of_a_row(GetParam().family, cuda::StepLaunches::Stages, layers);
    EXPECT_LE(launches, static_cast<std::uint64_t>(GetParam().a_layer * layers + kBeside))
        << layers << " layers";
}

/// The embedding, the rotations' tables, and all else; where norms of whole rows come between, one program in
/// front of each and one behind the last.
TEST_P(CudaLaunches, OfARowByAProgramAreThree) {
    int layers = 0;
    const std::uint64_t launches = launches_of_a_row(GetParam().family, cuda::StepLaunches::Programs, layers);
    const bool apart = GetParam().family == std::string("olmoe");
    EXPECT_EQ(launches, apart ? 3 + 2 * static_cast<std::uint64_t>(layers) : 3u) << layers << " layers";
}

/// What comes between products is a launch each: a convolution, a recurrence with its norm, rows taken apart,
/// gates, norms behind blocks.
TEST(CudaStateLaunches, OfARowAreFew) {
    for (const Limit& limit :
         {Limit{"lfm2", 5}, {"nemotron_h", 4}, {"qwen3_5", 7}, {"qwen3_next", 7}, {"gemma3", 7}}) {
        int layers = 0;
        const std::uint64_t launches = launches_of_a_row(limit.family, cuda::StepLaunches::Stages, layers);
        EXPECT_LE(launches, static_cast<std::uint64_t>(limit.a_layer * layers + kBeside)) << limit.family;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, CudaLaunches,
                         testing::Values(Limit{"qwen3moe", 5}, Limit{"llama31", 5}, Limit{"gptoss", 5},
                                         Limit{"mixtral", 5}, Limit{"qwen2moe", 5}, Limit{"deepseek1", 5},
                                         Limit{"olmoe", 6}, // norms of whole queries and keys
                                         Limit{"deepseek2_lite", 6},
                                         Limit{"deepseek3", 7}), // queries by two matrices
                         [](const auto& info) { return std::string(info.param.family); });

} // namespace
} // namespace switchyard
