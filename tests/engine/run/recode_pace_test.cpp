// That re-encoding rests while a step computes, and gets no more than its share in between. Shares are
// counted in processor time: a busy machine changes nothing about them.
#include "engine/run/recode_pace.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

#include <ctime>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::prompt_of;
using namespace std::chrono_literals;
using PaceClock = std::chrono::steady_clock;

std::chrono::nanoseconds thread_time() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

/// Work in stretches of 0.1 ms of processor time that says when it is under way.
struct Stretches {
    std::atomic<int> under_way{0};
    std::atomic<std::int64_t> nanoseconds{0};

    void compute(int count) {
        for (int i = 0; i < count; ++i) {
            pause_point();
            ++under_way;
            const auto begin = thread_time();
            while (thread_time() - begin < 100us) {
            }
            nanoseconds += (thread_time() - begin).count();
            --under_way;
        }
    }
};

TEST(WorkGateTest, AllThreadsRestOnceItIsClosedAndAWindowTakesNoMoreThanItself) {
    constexpr int kThreads = 3, kWindows = 20;
    WorkGate gate;
    gate.close();
    Stretches stretches;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < kThreads; ++t)
            threads.emplace_back([&] {
                try {
                    const WorkGate::Stay stay(&gate, 0);
                    stretches.compute(1 << 30);
                } catch (const WorkGate::GivenUp&) {
                }
            });
        for (int i = 0; i < kWindows; ++i) {
            gate.open(PaceClock::now() + 2ms);
            std::this_thread::sleep_for(2ms);
            gate.close();
            const std::int64_t before = stretches.nanoseconds;
            EXPECT_EQ(gate.at_work(), 0);
            std::this_thread::sleep_for(1ms);
            EXPECT_EQ(stretches.under_way, 0);
            EXPECT_EQ(stretches.nanoseconds, before);
        }
        gate.give_up();
    }
    EXPECT_GT(stretches.nanoseconds, 0);
    EXPECT_LE(stretches.nanoseconds, kThreads * kWindows * std::chrono::nanoseconds(2ms + 150us).count());
}

TEST(WorkGateTest, AWindowThatHasPassedLetsNobodyIn) {
    WorkGate gate;
    gate.open(PaceClock::now() - 1ms);
    std::atomic<bool> in{false};
    std::jthread thread([&] {
        const WorkGate::Stay stay(&gate, WorkGate::kAlways);
        in = true;
    });
    std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(in);
    gate.give_up(); // it was not asked to
    gate.open();
    thread.join();
    EXPECT_TRUE(in);
}

TEST(RecodePaceTest, GivesAShareOfWhatStepsUsuallyTake) {
    RecodePace pace;
    EXPECT_EQ(pace.window(10ms), 3500us);
    pace.took(3500us);
    EXPECT_EQ(pace.window(90ms), 3500us) << "one that others held up is no measure";
    for (int i = 0; i < 7; ++i)
        pace.window(20ms);
    EXPECT_EQ(pace.window(20ms), 7ms);
    for (int i = 0; i < 8; ++i)
        pace.window(1min);
    EXPECT_EQ(pace.window(1min), 1s);
}

TEST(RecodePaceTest, TakesFromTheNextWindowsWhatOneTookTooMuch) {
    RecodePace pace;
    pace.window(10ms);
    pace.took(4500us);
    EXPECT_EQ(pace.window(10ms), 2500us);
    pace.took(2500us);
    EXPECT_EQ(pace.window(10ms), 3500us);
    pace.took(9s); // it goes on all the same
    int until_next = 1;
    while (pace.window(10ms) == 0s)
        ++until_next;
    EXPECT_EQ(until_next, 5);
}

class RecodeWindows : public testing::Test {
  protected:
    RecodeWindows() {
        model.executor.row_time = 4ms;
        model.backend.before_encoding = [this](const EncodeControl& control) {
            share_behind_gate(2, 2, control, [this](auto, auto) { stretches.compute(60); });
        };
        model.executor.during_step = [this] { met += stretches.under_way > 0; };
    }
    /// An answer during which the precision changes.
    RunRecord answer(Scheduler& scheduler) {
        RunRequest request;
        request.prompt = prompt_of(5);
        request.tuning.max_tokens = 60;
        request.ignore_end = true;
        request.on_event = [&](const SchedulerEvent& event) {
            if (event.kind == SchedulerEvent::Kind::Token && ++tokens == 2)
                scheduler.set_model_tuning({BlockType::Q8_0});
        };
        return run_to_end(scheduler, std::move(request));
    }

    FakeModel model;
    Stretches stretches;
    std::atomic<int> met{0};
    int tokens = 0;
};

TEST_F(RecodeWindows, NothingIsEncodedWhileAStepComputes) {
    Scheduler scheduler(model.parts());
    const RunRecord record = answer(scheduler);
    EXPECT_EQ(record.error, "");
    EXPECT_EQ(met, 0);
    EXPECT_GT(record.tokens.back().recoded_slices, 0u);
    const double steps_ms = model.executor.steps * 4.0, encoding_ms = 1e-6 * stretches.nanoseconds;
    EXPECT_GT(encoding_ms, 0.0);
    EXPECT_LE(encoding_ms, 2 * 0.5 * std::max(steps_ms, record.timings.decode_ms / 1.5));
    scheduler.wait_recoded(); // nobody computes: without a limit
}

TEST_F(RecodeWindows, ANewTargetWhileAnAnswerRunsIsTakenUpInTheNextWindows) {
    Scheduler scheduler(model.parts());
    RunRequest request;
    request.prompt = prompt_of(5);
    request.tuning.max_tokens = 120;
    request.ignore_end = true;
    request.on_event = [&](const SchedulerEvent& event) {
        if (event.kind != SchedulerEvent::Kind::Token)
            return;
        ++tokens;
        if (tokens % 20 == 2)
            scheduler.set_model_tuning({tokens % 40 == 2 ? BlockType::Q8_0 : BlockType::Q4_0});
    };
    EXPECT_EQ(run_to_end(scheduler, std::move(request)).error, "");
    EXPECT_EQ(met, 0);
    scheduler.wait_recoded();
    EXPECT_TRUE(scheduler.recode_progress().finished());
}

// Rows are encoded in parts, which are to give the row's own bits.
TEST(ReencodeMatrix, WideRowsBecomeWhatTheyBecomeAtOnce) {
    constexpr std::int64_t kCols = 2 * 2048 + 256, kRows = 3;
    std::vector<float> values(static_cast<std::size_t>(kCols * kRows));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(fake::mix(1, i) >> 40) * 0x1p-23f - 1.0f;
    for (const BlockType from : {BlockType::F32, BlockType::Q4_K, BlockType::Q8_0}) {
        const std::size_t stride = row_bytes(from, kCols);
        std::vector<std::byte> blocks(stride * kRows);
        for (std::size_t r = 0; r < kRows; ++r)
            encode_row(from, std::span(values).subspan(r * kCols, kCols), blocks.data() + r * stride);
        const TensorView tensor{"t", from, {kCols, kRows}, blocks.data(), blocks.size()};
        const WeightSource source{
            .name = "t", .role = WeightRole::Attention, .use = WeightUse::Matrix, .tensor = &tensor};
        for (const BlockType to : {BlockType::F16, BlockType::FP8, BlockType::Q8_0, BlockType::Q6_K,
                                   BlockType::Q5_1, BlockType::Q4_K, BlockType::Q3_K, BlockType::IQ4_NL}) {
            const auto made = reencode_matrix(source, 0, to, nullptr, {.threads = 3});
            std::vector<float> row(kCols);
            std::vector<std::byte> expected(row_bytes(to, kCols));
            for (std::size_t r = 0; r < kRows; ++r) {
                decode_row(from, blocks.data() + r * stride, row);
                encode_row(to, row, expected.data());
                EXPECT_EQ(std::memcmp(made.get() + r * expected.size(), expected.data(), expected.size()), 0)
                    << traits(from).name << " to " << traits(to).name << ", row " << r;
            }
        }
    }
}

} // namespace
} // namespace switchyard
