#include "engine/backends/common/step_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

namespace switchyard {
namespace {

using namespace std::chrono_literals;

/// A batch that says by its only row which one it is.
Batch numbered(std::int32_t number) {
    Batch batch;
    batch.rows.resize(1);
    batch.rows[0].token = number;
    return batch;
}

/// Tells which step it was.
StepResult named(const Batch& batch) {
    StepResult result;
    result.logits = {static_cast<float>(batch.rows[0].token)};
    return result;
}

const std::shared_ptr<const WeightSet> kNoWeights = std::make_shared<WeightSet>();

std::unique_ptr<PendingStep> begin(StepQueue& queue, std::int32_t number, std::function<void()> on_done = {},
                                   std::stop_token stop = {}) {
    return queue.start(numbered(number), kNoWeights, std::move(stop), std::move(on_done));
}

void wait_for_stop(const StepStop& stop) {
    while (!stop.requested())
        std::this_thread::yield();
}

/// Threads of this program.
std::ptrdiff_t threads_now() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST(StepQueue, ComputesStepsInTheOrderInWhichTheyWereStarted) {
    std::vector<std::int32_t> order;
    StepQueue queue([&](Batch& batch, const WeightSet&, const StepStop&) {
        order.push_back(batch.rows[0].token);
        return named(batch);
    });
    std::vector<std::unique_ptr<PendingStep>> steps;
    std::vector<std::int32_t> expected;
    for (std::int32_t i = 0; i < 50; ++i) {
        steps.push_back(begin(queue, i));
        expected.push_back(i);
    }
    for (std::size_t i = steps.size(); i-- > 0;) // in whatever order they are waited for
        EXPECT_EQ(steps[i]->wait().logits, std::vector{static_cast<float>(i)});
    EXPECT_EQ(order, expected);
    EXPECT_EQ(queue.started(), 50u);
    EXPECT_EQ(queue.ended(), 50u);
}

TEST(StepQueue, TellsTheStepThatIsComputedWhatIsBehindIt) {
    std::latch all_started(1);
    std::vector<std::int32_t> behind;
    bool abandoned = false;
    StepQueue* own = nullptr;
    StepQueue queue([&](Batch& batch, const WeightSet& weights, const StepStop&) {
        all_started.wait();
        const auto next = own->behind();
        behind.push_back(next ? next->batch.rows[0].token : -1);
        if (next) {
            EXPECT_EQ(&next->weights, &weights);
            abandoned |= next->stop.requested();
        }
        return named(batch);
    });
    own = &queue;
    std::stop_source third;
    std::vector<std::unique_ptr<PendingStep>> steps;
    steps.push_back(begin(queue, 1));
    steps.push_back(begin(queue, 2));
    steps.push_back(begin(queue, 3, {}, third.get_token()));
    third.request_stop();
    all_started.count_down();
    for (const auto& step : steps)
        step->wait();
    EXPECT_EQ(behind, (std::vector<std::int32_t>{2, 3, -1}));
    EXPECT_TRUE(abandoned) << "who has stopped is told as such";
}

TEST(StepQueue, HasAThreadFromTheFirstStepOn) {
    std::optional<std::thread::id> first, second;
    const std::ptrdiff_t before = threads_now();
    StepQueue queue([&](Batch& batch, const WeightSet&, const StepStop&) {
        (batch.rows[0].token == 1 ? first : second) = std::this_thread::get_id();
        return named(batch);
    });
    EXPECT_EQ(threads_now(), before);
    begin(queue, 1)->wait();
    begin(queue, 2)->wait();
    EXPECT_EQ(threads_now(), before + 1);
    EXPECT_EQ(first, second);
    EXPECT_NE(first, std::this_thread::get_id());
}

TEST(StepQueue, TellsAFailureToWhoWaitsAndGoesOn) {
    StepQueue queue([](Batch& batch, const WeightSet&, const StepStop&) {
        if (batch.rows[0].token == 1)
            throw Error("the step failed");
        return named(batch);
    });
    int ends = 0;
    const auto failing = begin(queue, 1, [&] { ++ends; });
    const auto after = begin(queue, 2, [&] { ++ends; });
    EXPECT_EQ(after->wait().logits, std::vector{2.0f});
    try {
        failing->wait();
        FAIL() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "the step failed");
    }
    EXPECT_EQ(ends, 2);
    EXPECT_EQ(queue.ended(), 2u);
}

TEST(StepQueue, StopsTheStepThatNobodyWaitsForAndNoOther) {
    std::atomic<int> stopped{0};
    std::latch begun{1};
    StepQueue queue([&](Batch& batch, const WeightSet&, const StepStop& stop) {
        if (batch.rows[0].token == 1) {
            begun.count_down();
            wait_for_stop(stop);
        }
        stopped += stop.requested();
        EXPECT_FALSE(stop.asked.stop_requested());
        return named(batch);
    });
    auto abandoned = begin(queue, 1);
    const auto kept = begin(queue, 2);
    begun.wait();
    abandoned.reset(); // waits until it has ended
    EXPECT_GE(queue.ended(), 1u);
    EXPECT_EQ(kept->wait().logits, std::vector{2.0f});
    EXPECT_EQ(stopped, 1);
}

TEST(StepQueue, PassesOnTheStopThatWasAskedFor) {
    StepQueue queue([](Batch& batch, const WeightSet&, const StepStop& stop) {
        wait_for_stop(stop);
        StepResult result = named(batch);
        result.cancelled = stop.asked.stop_requested() && !stop.abandoned.stop_requested();
        return result;
    });
    std::stop_source stop;
    const auto step = begin(queue, 1, {}, stop.get_token());
    stop.request_stop();
    EXPECT_TRUE(step->wait().cancelled);
}

TEST(StepQueue, TellsTheEndOnceBeforeItIsSeen) {
    std::atomic<int> told{0};
    std::atomic<std::uint64_t> ended_when_told{0};
    StepQueue* at = nullptr;
    StepQueue queue([](Batch& batch, const WeightSet&, const StepStop&) { return named(batch); });
    at = &queue;
    const auto step = begin(queue, 1, [&] {
        ended_when_told = at->ended();
        std::this_thread::sleep_for(20ms); // were the end seen before, wait() would be back by now
        ++told;
    });
    step->wait();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(ended_when_told, 1u); // what it wrote may be freed already
}

TEST(StepQueue, DrainsWhatIsUnderWay) {
    std::atomic<int> computed{0};
    std::promise<void> gate;
    StepQueue queue([&, open = gate.get_future().share()](Batch& batch, const WeightSet&, const StepStop&) {
        open.wait();
        ++computed;
        return named(batch);
    });
    queue.drain(); // nothing was started: there is nothing to wait for
    const auto first = begin(queue, 1), second = begin(queue, 2);
    const std::jthread opener([&] { gate.set_value(); });
    queue.drain();
    EXPECT_EQ(computed, 2);
    EXPECT_EQ(queue.ended(), queue.started());
}

TEST(StepQueue, TellsWhenAStepIsLetGoOnItsOwnersThread) {
    std::vector<std::pair<std::thread::id, std::uint64_t>> let_go;
    StepQueue* at = nullptr;
    StepQueue queue([](Batch& batch, const WeightSet&, const StepStop&) { return named(batch); },
                    [&] { let_go.emplace_back(std::this_thread::get_id(), at->ended()); });
    at = &queue;
    auto step = begin(queue, 1);
    step->wait();
    EXPECT_TRUE(let_go.empty());
    step.reset();
    EXPECT_EQ(let_go, (std::vector{std::pair{std::this_thread::get_id(), std::uint64_t{1}}}));
}

TEST(StepQueue, LetsGoOfWeightsWithTheStep) {
    StepQueue queue([](Batch& batch, const WeightSet&, const StepStop&) { return named(batch); });
    auto weights = std::make_shared<const WeightSet>();
    std::weak_ptr<const WeightSet> held = weights;
    const auto step = queue.start(numbered(1), std::move(weights), {}, {});
    step->wait();
    EXPECT_TRUE(held.expired());
}

} // namespace
} // namespace switchyard
