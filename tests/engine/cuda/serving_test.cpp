// Answers computed by the CUDA backend, emulated: together and alone, under moving dials, and when the device
// fails.
#include "engine/run/scheduler.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

namespace switchyard {
namespace {

using Kind = SchedulerEvent::Kind;
using test::ids_of, test::prompt_of;

RunRequest request_of(int i) {
    RunRequest request;
    request.prompt = prompt_of(9 + 5 * i, i);
    request.tuning.max_tokens = 8 + i;
    request.tuning.temperature = i % 3 == 0 ? 0 : 1.1;
    request.tuning.top_k = i % 2 == 0 ? 20 : 0;
    request.tuning.seed = static_cast<std::uint64_t>(100 + i);
    request.tuning.kv = i % 2 == 0 ? BlockType::F16 : BlockType::Q8_0;
    request.ignore_end = true;
    request.priority = RunPriority::Api;
    return request;
}

TEST(CudaServing, AnswersTogetherUnderMovingDialsAreWhatTheirRecordsGiveAlone) {
    constexpr int kRequests = 5;
    std::vector<RunRecord> records;
    std::vector<RunRequest> requests;
    const auto model = test::load_reference("qwen3moe", test::emulated_backend());
    {
        Scheduler scheduler(engine_parts(model));
        std::vector<std::future<RunRecord>> under_way;
        for (int i = 0; i < kRequests; ++i) {
            requests.push_back(request_of(i));
            RunRequest request = requests.back();
            auto promise = std::make_shared<std::promise<RunRecord>>();
            under_way.push_back(promise->get_future());
            request.on_event = [&scheduler, promise, i, tuning = request.tuning,
                                tokens = 0](const SchedulerEvent& event) mutable {
                if (event.kind == Kind::Finished)
                    promise->set_value(*event.record);
                if (event.kind != Kind::Token)
                    return;
                ++tokens;
                if (i == 1 && tokens == 4) {
                    tuning.experts = 1;
                    scheduler.set_tuning(event.run, tuning);
                }
                if (i == 2 && tokens == 3)
                    scheduler.set_model_tuning({BlockType::Q8_0});
            };
            scheduler.submit(std::move(request));
        }
        for (auto& one : under_way)
            records.push_back(one.get());
    }
    const auto fresh = test::load_reference("qwen3moe", test::emulated_backend({.seed = 5}));
    Scheduler alone(engine_parts(fresh));
    for (std::size_t i = 0; i < kRequests; ++i) {
        ASSERT_EQ(records[i].error, "");
        ASSERT_EQ(records[i].tokens.size(), 8 + i);
        const RunRecord again = test::replayed(alone, requests[i].prompt, records[i]);
        EXPECT_EQ(again.error, "");
        EXPECT_EQ(ids_of(again), ids_of(records[i])) << i;
    }
}

TEST(CudaServing, HoweverStepsAreLaunchedTheyGiveTheSame) {
    using cuda::StepLaunches;
    for (const char* family : {"deepseek2_lite", "olmoe"}) {
        std::vector<std::int32_t> expected;
        std::uint64_t by_stages = 0;
        for (const auto launches :
             {StepLaunches::Stages, StepLaunches::Graphs, StepLaunches::Programs, StepLaunches::Measured}) {
            SCOPED_TRACE(std::string(family) + ", " + std::to_string(static_cast<int>(launches)));
            auto device = std::shared_ptr<cuda::Device>(cuda::make_emulated_device());
            const auto model = test::load_reference(
                family, make_cuda_backend(device, {.threads = 1, .launches = launches, .check = false}));
            const std::uint64_t placing = cuda::counts_of(*device).launches;
            Scheduler scheduler(engine_parts(model));
            const RunRecord record = run_to_end(scheduler, request_of(3));
            ASSERT_EQ(record.error, "");
            const cuda::EmulatedCounts counts = cuda::counts_of(*device);
            if (expected.empty()) {
                expected = ids_of(record);
                by_stages = counts.launches - placing;
            }
            EXPECT_EQ(ids_of(record), expected);
            if (launches == StepLaunches::Stages) {
                EXPECT_EQ(counts.graphs, 0u);
            } else {
                EXPECT_GE(counts.graphs, 8u);
            }
            if (launches == StepLaunches::Programs) {
                EXPECT_LT(counts.launches - placing, by_stages * 3 / 4);
            }
            if (launches <= StepLaunches::Graphs) { // a program has few that could
                EXPECT_GT(counts.dependent, (counts.launches - placing) * 8 / 10)
                    << "launches that may begin early";
            }
        }
    }
}

TEST(CudaServing, ALostDeviceEndsTheAnswerAndNothingElse) {
    auto device = std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.lost_at = 700}));
    const auto model =
        test::load_reference("llama31", make_cuda_backend(device, {.threads = 1, .check = false}));
    Scheduler scheduler(engine_parts(model));
    RunRequest request = request_of(0);
    request.tuning.max_tokens = 400;
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.finish, FinishReason::Failed);
    EXPECT_NE(record.error.find("the device is lost"), std::string::npos) << record.error;
    EXPECT_GT(record.tokens.size(), 3u) << "what was there before stays";
    // The next one ends as well, and quickly.
    EXPECT_EQ(run_to_end(scheduler, request_of(1)).finish, FinishReason::Failed);
}

TEST(CudaServing, AModelThatDoesNotFitSaysWhatWasNeededAndWhatIsFree) {
    try {
        auto device = std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.memory_bytes = 200 << 10}));
        test::load_reference("mixtral", make_cuda_backend(device, {.threads = 1}));
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("on emulated device, of which"), std::string::npos)
            << error.what();
    }
}

TEST(CudaServing, ATokenThatFindsNoMemoryEndsItsAnswerWithASentence) {
    auto refuse = std::make_shared<bool>(false);
    // No memory to spare: each piece is asked for by itself.
    constexpr std::size_t kStretch = std::size_t{4} << 20;
    auto device = std::shared_ptr<cuda::Device>(cuda::make_emulated_device(
        {.may_allocate = [refuse](std::size_t bytes) { return !*refuse && bytes < kStretch; }}));
    const auto model =
        test::load_reference("qwen2", make_cuda_backend(device, {.threads = 1, .check = false}));
    Scheduler scheduler(engine_parts(model));
    ASSERT_EQ(run_to_end(scheduler, request_of(0)).error, "");
    *refuse = true;
    RunRequest large = request_of(1);
    large.prompt = prompt_of(120, 3);
    const RunRecord record = run_to_end(scheduler, large);
    EXPECT_NE(record.error.find("of memory are free"), std::string::npos) << record.error;
    *refuse = false;
    EXPECT_EQ(run_to_end(scheduler, large).error, "") << "and the next one has it";
}

TEST(CudaServing, RestrictedTokensAndAlternativesAreTold) {
    const auto cpu = test::load_reference("olmoe", make_cpu_backend({1, false}));
    const auto cuda = test::load_reference("olmoe", test::emulated_backend());
    std::vector<std::vector<std::int32_t>> answers;
    for (const auto& model : {cpu, cuda}) {
        Scheduler scheduler(engine_parts(model));
        RunRequest request = request_of(0);
        request.tuning.temperature = 0;
        request.alternatives = 3;
        std::vector<std::int32_t> told;
        request.on_event = [&](const SchedulerEvent& event) {
            if (event.kind == Kind::Token)
                for (const TokenAlternative& one : event.alternatives)
                    told.push_back(one.id);
        };
        auto done = std::make_shared<std::promise<void>>();
        request.on_event = [next = request.on_event, done](const SchedulerEvent& event) {
            next(event);
            if (event.kind == Kind::Finished)
                done->set_value();
        };
        scheduler.submit(request);
        done->get_future().wait();
        answers.push_back(told);
    }
    EXPECT_EQ(answers[0].size(), 24u);
    EXPECT_EQ(answers[0], answers[1]);
}

} // namespace
} // namespace switchyard
