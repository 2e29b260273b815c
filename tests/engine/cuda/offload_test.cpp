// Models larger than the device's memory, emulated: their experts lie on the host, and answers are those of a
// device that holds all of them, bit by bit.
#include "engine/run/forecast.h"
#include "engine/run/scheduler.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <future>

namespace switchyard {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::vector<std::int32_t> offload_prompt(int tokens, int seed) {
    std::vector<std::int32_t> ids;
    for (int t = 0; t < tokens; ++t)
        ids.push_back((t * 31 + seed * 17 + t * t) % 180 + 3);
    return ids;
}

/// A long prompt, which is read on the path for prompts, and short ones.
std::vector<RunRequest> requests() {
    std::vector<RunRequest> all;
    for (const int tokens : {90, 5, 11, 70}) {
        RunRequest request;
        request.prompt = offload_prompt(tokens, static_cast<int>(all.size()));
        request.tuning.max_tokens = 4;
        request.tuning.temperature = 0;
        request.ignore_end = true;
        request.priority = RunPriority::Api;
        all.push_back(std::move(request));
    }
    return all;
}

/// Ids, and how likely they were: one other bit in a sum and these differ.
using Told = std::vector<std::pair<std::int32_t, double>>;
Told told(const std::vector<RunRecord>& records) {
    Told all;
    for (const RunRecord& record : records) {
        EXPECT_EQ(record.error, "");
        for (const TokenRecord& token : record.tokens)
            all.emplace_back(token.id, token.probability);
    }
    return all;
}

std::shared_ptr<LoadedModel> offloaded(const std::string& family, std::size_t cache, unsigned seed = 1) {
    auto device =
        std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.memory_bytes = 64 * kMiB, .seed = seed}));
    return test::load_reference(
        family, make_cuda_backend(
                    device, {.threads = 1, .offload_experts = true, .expert_cache = cache, .check = false}));
}

class CudaOffload : public testing::TestWithParam<std::string> {};

TEST_P(CudaOffload, AnswersTheSameWhateverTheCacheHolds) {
    Told expected;
    {
        const auto whole = test::load_reference(GetParam(), test::emulated_backend());
        expected = told(test::answers_together(whole, requests()));
        EXPECT_FALSE(whole->executor().expert_cache());
    }
    ASSERT_EQ(expected.size(), 16u);
    std::size_t slots = 0;
    // Fewer than a row passes, fewer than a step's rows, and nearly all.
    for (const std::size_t cache : {std::size_t{0}, std::size_t{300} << 10, 64 * kMiB}) {
        const auto model = offloaded(GetParam(), cache, static_cast<unsigned>(cache % 7 + 1));
        const auto records = test::answers_together(model, requests());
        EXPECT_EQ(told(records), expected) << "with a cache of " << cache << " bytes";
        const auto use = model->executor().expert_cache();
        ASSERT_TRUE(use);
        EXPECT_GE(use->slots, 2u);
        EXPECT_TRUE(slots < use->slots) << "a larger cache holds more";
        slots = use->slots;
        EXPECT_GT(use->traffic.misses, 0u);
        ExpertTraffic of_runs;
        for (const RunRecord& record : records)
            of_runs += record.timings.experts;
        EXPECT_GE(of_runs.misses, use->traffic.misses) << "each run is told of the steps that it had rows in";
        const TokenRecord& last = records.front().tokens.back();
        EXPECT_EQ(last.weights_bytes, model->weights()->own_bytes() + use->cache_bytes);
        if (cache > kMiB) {
            EXPECT_GT(use->traffic.hit_rate(), 0.1); // how many steps ask for few rows is the machine's
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Families, CudaOffload,
                         testing::Values("qwen3moe", "deepseek2_lite", "gptoss", "nemotron_h", "minimax_m3",
                                         "deepseek_v4"));

TEST(CudaOffloadForecast, SaysWhatLiesOnTheDeviceAndWhatInRam) {
    auto device = std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.memory_bytes = 8 * kMiB}));
    const auto backend = make_cuda_backend(
        device, {.threads = 1, .offload_experts = true, .expert_cache = 500 << 10, .check = false});
    const MemoryUse use =
        usual_need(test::work_folder() + "/reference/models/qwen3moe/model-f32.gguf", *backend);
    EXPECT_TRUE(use.device);
    ASSERT_GT(use.pinned, 0u);
    EXPECT_GT(use.expert_cache, 0u);
    EXPECT_LT(use.expert_cache, use.pinned);
    EXPECT_EQ(use.on_device(), use.weights + use.expert_cache + use.kv + use.scratch);
    EXPECT_EQ(use.in_ram(), use.pinned + use.copies + use.text);
    EXPECT_EQ(use.total(), use.on_device() + use.in_ram());

    const auto model = test::load_reference("qwen3moe", backend);
    std::size_t on_device = 0, pinned = 0;
    for (const auto& weight : model->weights()->weights)
        for (const Slice& slice : weight->slices)
            (slice.place.kind == MemoryPlace::Kind::Pinned ? pinned : on_device) += slice.bytes;
    EXPECT_EQ(on_device, use.weights);
    EXPECT_EQ(pinned, use.pinned);
    EXPECT_EQ(model->weights()->own_bytes(), on_device);
    Scheduler scheduler(engine_parts(model));
    const RunRecord record = run_to_end(scheduler, std::move(requests()[1]));
    ASSERT_EQ(record.error, "");
    const auto held = model->executor().expert_cache();
    ASSERT_TRUE(held);
    EXPECT_LE(held->cache_bytes, use.expert_cache);
    EXPECT_EQ(held->pinned_bytes, pinned);
    EXPECT_GT(record.timings.experts.misses, 0u);
}

} // namespace
} // namespace switchyard
