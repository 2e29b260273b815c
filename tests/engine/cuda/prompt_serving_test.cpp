// Long prompts through the scheduler: which path each took is in its record, and is taken again.
#include "engine/run/scheduler.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace switchyard {
namespace {

RunRequest long_request(int tokens) {
    RunRequest request;
    for (int t = 0; t < tokens; ++t)
        request.prompt.push_back((t * 29 + t * t) % 180 + 3);
    request.tuning.max_tokens = 3;
    request.tuning.seed = 5;
    request.ignore_end = true;
    return request;
}

TEST(CudaPromptServing, ThePathOfAPromptIsInItsRecordAndTakenAgain) {
    const RunRequest request = long_request(70);
    std::vector<ContextSpan> found;
    for (const bool library : {true, false}) {
        if (cuda::on_card())
            GTEST_SKIP() << "a card has a library or has not";
        const auto device =
            std::shared_ptr<cuda::Device>(cuda::make_test_device({.dense_products = library}));
        const auto model =
            test::load_reference("olmoe", make_cuda_backend(device, {.threads = 1, .check = false}));
        Scheduler scheduler(engine_parts(model));
        const RunRecord record = run_to_end(scheduler, request);
        ASSERT_EQ(record.error, "");
        ASSERT_FALSE(record.context.empty());
        EXPECT_TRUE(record.context.front().prompt);
        EXPECT_EQ(record.context.front().library, library);
        EXPECT_EQ(record.computed_by.library, library ? "emulated products" : "");
        EXPECT_EQ(cuda::counts_of(*device).products > 0, library);
        EXPECT_EQ(test::replayed(scheduler, request.prompt, record).context, record.context);
        // As a machine without a library, or one with, would have recorded it.
        RunRecord other = record;
        for (ContextSpan& span : other.context)
            span.library = false;
        const auto products = cuda::counts_of(*device).products;
        const RunRecord third = test::replayed(scheduler, request.prompt, other);
        EXPECT_EQ(third.error, "");
        EXPECT_EQ(third.context, other.context);
        EXPECT_EQ(cuda::counts_of(*device).products, products);
        EXPECT_EQ(third.computed_by.library, "") << "nothing of it was the library's";
    }
}

/// What a library takes a while to find is found when a model is opened, not while a prompt is read.
TEST(CudaPromptServing, TheLibraryIsAskedForAllShapesWhenAModelIsOpened) {
    if (cuda::on_card())
        GTEST_SKIP() << "a card does not count what its library is asked";
    for (const char* family : {"llama31", "qwen2moe", "deepseek2_lite"}) {
        const auto device = std::shared_ptr<cuda::Device>(cuda::make_test_device({}));
        const auto model =
            test::load_reference(family, make_cuda_backend(device, {.threads = 1, .check = false}));
        const auto shapes = cuda::counts_of(*device).shapes;
        EXPECT_GT(shapes, 0u);
        Scheduler scheduler(engine_parts(model));
        EXPECT_EQ(run_to_end(scheduler, long_request(70)).error, "");
        EXPECT_GT(cuda::counts_of(*device).products, 0u);
        EXPECT_EQ(cuda::counts_of(*device).shapes, shapes) << family;
    }
}

/// Long prompts decompress latent attention, answers do not; a record says so and is followed.
TEST(CudaPromptServing, LongPromptsDecompressLatentAttentionAndRecordsSaySo) {
    const auto model = test::load_reference("deepseek2_lite", test::emulated_backend());
    const int from = model->executor().decompressed_rows();
    ASSERT_GE(from, model->executor().prompt_rows());
    Scheduler scheduler(engine_parts(model));
    const RunRequest request = long_request(from + 3);
    const RunRecord record = run_to_end(scheduler, request);
    ASSERT_EQ(record.error, "");
    ASSERT_FALSE(record.context.empty());
    EXPECT_TRUE(record.context.front().prompt);
    EXPECT_TRUE(record.context.front().decompressed);
    EXPECT_GE(record.context.front().tokens, from);
    EXPECT_EQ(test::replayed(scheduler, request.prompt, record).context, record.context);
    RunRecord absorbed = record;
    for (ContextSpan& span : absorbed.context)
        span.decompressed = false;
    EXPECT_EQ(test::replayed(scheduler, request.prompt, absorbed).context, absorbed.context);
}

/// An answer's rows would take many times as long there, and no record would say so.
TEST(CudaPromptServing, AnAnswerLeavesThePathOfItsPrompt) {
    std::vector<double> probabilities[2];
    for (const int in_flight : {1, 2}) {
        const auto model = test::load_reference("llama31", test::emulated_backend());
        SchedulerOptions options;
        options.steps_in_flight = in_flight;
        Scheduler scheduler(engine_parts(model), options);
        const RunRecord record = run_to_end(scheduler, long_request(70));
        ASSERT_EQ(record.error, "");
        for (const TokenRecord& token : record.tokens)
            probabilities[in_flight - 1].push_back(token.probability);
    }
    EXPECT_EQ(probabilities[0], probabilities[1]) << "steps that follow others compute the same";
}

} // namespace
} // namespace switchyard
