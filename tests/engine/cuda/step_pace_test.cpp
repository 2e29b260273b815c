// A long step stops soon after it is asked to.
#include "engine/backends/cuda/step_pace.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

TEST(StepPace, StopsWithinABudgetAndLetsTwoBeUnderWay) {
    const auto device = make_emulated_device();
    const auto stream = device->make_stream();
    std::unique_ptr<Event> events[2] = {device->make_event(), device->make_event()};
    std::stop_source source;
    const StepStop stop = {source.get_token(), {}};
    StepPace pace(*stream, events, stop, 10);
    for (int i = 0; i < 50; ++i)
        EXPECT_NO_THROW(pace.add(3));
    source.request_stop();
    int more = 0;
    EXPECT_THROW(for (;; ++more) pace.add(3), StepPace::Stopped);
    EXPECT_LT(more, 4);
}

/// Two budgets, on cards that reach a third of what their tensor units can (FP16 with sums in floats).
TEST(StepPace, TwoBudgetsTakeLessThan50MillisecondsOnCardsOfAllSizes) {
    struct Card {
        int multiprocessors;
        double tflops;
    };
    for (const Card& card : {Card{132, 989}, {108, 312}, {28, 25}, {40, 65}, {24, 15}}) {
        DeviceInfo info;
        info.multiprocessors = card.multiprocessors;
        EXPECT_LT(2 * 2 * StepPace::budget_of(info) / (card.tflops * 1e12 / 3), 0.05)
            << card.multiprocessors << " multiprocessors";
    }
}

/// A long context makes attention most of a chunk's work: it is launched in parts, with the same bits.
TEST(StepPace, PromptsAttendInPartsOfABudget) {
    if (on_card())
        GTEST_SKIP() << "a card does not count launches";
    constexpr int kRows = 150;
    std::vector<float> logits[2];
    int parts[2] = {};
    for (const bool small : {false, true}) {
        static int launches;
        launches = 0;
        const auto device = std::shared_ptr<Device>(make_test_device({.loses = [](const Launch& launch) {
            launches += launch.kernel == Kernel::AttendPrompt ? 1 : 0;
            return false;
        }}));
        const auto model = test::load_reference(
            "deepseek2_lite",
            make_cuda_backend(device, {.threads = 1, .step_budget = small ? 1.0 : 0.0, .check = false}));
        Executor& executor = model->executor();
        Batch batch;
        batch.sequences.emplace_back();
        for (std::size_t b = 0; b < blocks_for(kRows); ++b)
            batch.sequences.front().blocks.push_back(executor.allocate_kv_block(BlockType::F16));
        for (int r = 0; r < kRows; ++r) // answers, rows of both forms
            batch.rows.push_back({.token = r % 180, .position = r, .decompressed = r >= 70, .prompt = r > 0});
        for (auto* row : {&batch.rows[2], &batch.rows[69], &batch.rows[129], &batch.rows.back()})
            row->wish = RowWish::Logits;
        logits[small] = executor.run(std::move(batch), model->weights()).logits;
        parts[small] = launches;
    }
    EXPECT_EQ(logits[0], logits[1]);
    EXPECT_GT(parts[1], parts[0]) << "128 rows each";
}

/// Of a prompt's step only some launches follow a stop.
TEST(StepPace, AStoppedPromptLaunchesLittleMore) {
    if (on_card())
        GTEST_SKIP() << "a card does not count launches";
    for (const bool stops : {false, true}) {
        static std::stop_source source;
        source = std::stop_source();
        static int launches;
        launches = 0;
        const auto model =
            test::load_reference("qwen3", test::emulated_backend({.loses = [stops](const Launch&) {
                                     if (++launches == 40 && stops)
                                         source.request_stop();
                                     return false;
                                 }}));
        Executor& executor = model->executor();
        Batch batch;
        batch.sequences.emplace_back();
        for (std::size_t b = 0; b < blocks_for(64); ++b)
            batch.sequences.front().blocks.push_back(executor.allocate_kv_block(BlockType::F16));
        for (int r = 0; r < 64; ++r)
            batch.rows.push_back({.token = r, .position = r, .prompt = true});
        batch.rows.back().wish = RowWish::Logits;
        launches = 0;
        const StepResult result = executor.run(std::move(batch), model->weights(), source.get_token());
        EXPECT_EQ(result.cancelled, stops);
        if (stops) {
            EXPECT_LT(launches, 40 + 60) << "six stages have some ten launches each";
        }
    }
}

} // namespace
} // namespace switchyard::cuda
