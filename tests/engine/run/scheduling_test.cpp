// Who is computed when: priorities, clients, room in the cache, and time beside a long prompt.
#include "engine/run/step_clock.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

#include <future>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::prompt_of;
using namespace std::chrono_literals;
using Kind = SchedulerEvent::Kind;

RunRequest asking(std::vector<std::int32_t> prompt, int max_tokens, RunPriority priority = RunPriority::Api) {
    RunRequest request;
    request.prompt = std::move(prompt);
    request.tuning.max_tokens = max_tokens;
    request.tuning.temperature = 0;
    request.ignore_end = true;
    request.priority = priority;
    return request;
}

std::future<RunRecord> answer_of(Scheduler& scheduler, RunRequest request) {
    return std::async(std::launch::async,
                      [&scheduler, request = std::move(request)] { return run_to_end(scheduler, request); });
}

std::function<void(const SchedulerEvent&)> counting(std::atomic<int>& tokens) {
    return [&tokens](const SchedulerEvent& event) { tokens += event.kind == Kind::Token; };
}
void wait_for(const std::atomic<int>& count, int wanted) {
    while (count < wanted)
        std::this_thread::sleep_for(1ms);
}

/// An answer of which some tokens have come, and are counted as they go on.
std::future<RunRecord> under_way(Scheduler& scheduler, RunRequest request, std::atomic<int>& tokens,
                                 int wanted) {
    request.on_event = counting(tokens);
    auto answer = answer_of(scheduler, std::move(request));
    wait_for(tokens, wanted);
    return answer;
}

TEST(Scheduling, WhatDoesNotFitWaitsAndIsServed) {
    FakeModel model;
    SchedulerOptions options;
    options.kv_budget_bytes = 6000; // six blocks of 32 tokens
    Scheduler scheduler(model.parts(), options);
    std::vector<std::future<RunRecord>> answers;
    for (std::uint64_t i = 0; i < 5; ++i)
        answers.push_back(answer_of(scheduler, asking(prompt_of(100, i), 60)));
    for (auto& answer : answers) {
        const RunRecord record = answer.get();
        EXPECT_EQ(record.finish, FinishReason::MaxTokens) << record.error;
    }
    const RunRecord never = run_to_end(scheduler, asking(prompt_of(300), 5));
    EXPECT_EQ(never.finish, FinishReason::Failed);
    EXPECT_NE(never.error.find("KV cache"), std::string::npos) << never.error;
}

TEST(Scheduling, AnAnswerLongerThanExpectedMakesTheYoungestWaitAndNeverTheOldest) {
    FakeModel model;
    model.executor.row_time = 100us;
    SchedulerOptions options;
    options.kv_budget_bytes = 8000;
    options.save_budget_bytes = 8000;
    Scheduler scheduler(model.parts(), options);
    std::vector<RunRecord> finished;
    std::mutex mutex;
    std::atomic<int> tokens{0};
    const auto note = [&](const SchedulerEvent& event) {
        tokens += event.kind == Kind::Token;
        if (event.kind == Kind::Finished) {
            const std::lock_guard lock(mutex);
            finished.push_back(*event.record);
        }
    };
    // A live dial lets them be longer than they were admitted for.
    std::vector<std::future<RunRecord>> answers;
    std::vector<RunHandle> handles;
    std::vector<RunRequest> requests;
    for (std::uint64_t i = 0; i < 2; ++i) {
        requests.push_back(asking(prompt_of(64, i), 40));
        RunRequest request = requests.back();
        request.on_event = note;
        handles.push_back(scheduler.submit(request));
    }
    wait_for(tokens, 6);
    for (std::size_t i = 0; i < 2; ++i) {
        requests[i].tuning.max_tokens = 150;
        scheduler.set_tuning(handles[i], requests[i].tuning);
    }
    for (bool done = false; !done; std::this_thread::sleep_for(1ms)) {
        const std::lock_guard lock(mutex);
        done = finished.size() == 2;
    }
    EXPECT_GE(scheduler.counters().parked, 1u);
    EXPECT_GT(scheduler.counters().kv.loaded_blocks, 0u);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(finished[i].tokens.size(), 150u) << finished[i].error;
        FakeModel fresh;
        Scheduler alone(fresh.parts());
        const RunRecord expected = run_to_end(alone, requests[i]);
        for (std::size_t t = 0; t < 150; ++t)
            ASSERT_EQ(finished[i].tokens[t].id, expected.tokens[t].id)
                << "the oldest ends first; token " << t;
    }
}

TEST(Scheduling, AChatStartsWithinOneStepWhateverElseIsComputed) {
    FakeModel model;
    model.executor.row_time = 200us;
    SchedulerOptions options;
    options.kv_budget_bytes = 10000;
    options.save_budget_bytes = 10000;
    options.max_runs = 4;
    Scheduler scheduler(model.parts(), options);
    std::atomic<int> tokens{0};
    std::vector<std::future<RunRecord>> others;
    for (std::uint64_t i = 0; i < 6; ++i) {
        RunRequest request = asking(prompt_of(60, i), 60);
        request.on_event = counting(tokens);
        others.push_back(answer_of(scheduler, request));
    }
    RunRequest replay = asking(prompt_of(20), 100);
    replay.moves = {{5, "quant", std::string("Q8_0")}};
    others.push_back(answer_of(scheduler, replay));
    wait_for(tokens, 8);
    RunRequest chat = asking(prompt_of(90, 9), 3, RunPriority::Chat);
    int first = 0;
    const int submitted = model.executor.steps;
    chat.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Prefill && first == 0)
            first = model.executor.steps;
    };
    EXPECT_EQ(run_to_end(scheduler, chat).error, "");
    EXPECT_LE(first - submitted, 3) << "the one under way, its own, and one that began meanwhile";
    for (auto& other : others)
        EXPECT_EQ(other.get().error, "");
}

TEST(Scheduling, ALongPromptHardlyDelaysWhoAnswers) {
    FakeModel model;
    model.executor.step_time = 4ms;
    model.executor.row_time = 100us;
    Scheduler scheduler(model.parts());
    std::atomic<int> tokens{0};
    RunRequest chat = asking(prompt_of(8), 150, RunPriority::Chat);
    auto answer = under_way(scheduler, chat, tokens, 20);
    const int before = model.executor.steps;
    EXPECT_EQ(run_to_end(scheduler, asking(prompt_of(1500, 3), 1, RunPriority::Chat)).error, "");
    const int after = model.executor.steps;
    EXPECT_EQ(answer.get().error, "");
    // In the time that rows take here, whatever else this machine does.
    std::vector<int> rows = model.executor.rows_of_steps;
    rows = {rows.begin() + before + 1, rows.begin() + after};
    ASSERT_GT(rows.size(), 20u);
    EXPECT_LT(rows.size(), 400u) << "the prompt goes on";
    std::ranges::nth_element(rows, rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2));
    EXPECT_LE(4.0 + 0.1 * rows[rows.size() / 2], 1.5 * 4.1);
}

TEST(Scheduling, EqualPromptsAtOnceAreComputedOnce) {
    FakeModel model;
    model.executor.row_time = 100us;
    Scheduler scheduler(model.parts());
    std::vector<std::future<RunRecord>> answers;
    for (int i = 0; i < 8; ++i)
        answers.push_back(answer_of(scheduler, asking(prompt_of(200), 3)));
    for (auto& answer : answers)
        EXPECT_EQ(answer.get().error, "");
    EXPECT_LT(model.executor.rows, 200 + 8 * (32 + 3));
    EXPECT_GE(scheduler.counters().kv.shared_tokens, 7u * 192);
}

TEST(Scheduling, ACancelCostsNobodyElseAStep) {
    FakeModel model;
    model.executor.row_time = 1ms;
    Scheduler scheduler(model.parts());
    std::atomic<int> tokens{0};
    RunRequest kept = asking(prompt_of(8), 60);
    auto answer = under_way(scheduler, kept, tokens, 3);
    for (std::uint64_t i = 0; i < 10; ++i) {
        const RunHandle handle = scheduler.submit(asking(prompt_of(300, i + 2), 5));
        std::this_thread::sleep_for(5ms);
        scheduler.cancel(handle);
    }
    EXPECT_EQ(answer.get().tokens.size(), 60u);
    while (scheduler.counters().steps == 0)
        std::this_thread::sleep_for(1ms);
    // The one that only cancelled prompts were in may be stopped.
    EXPECT_LE(scheduler.counters().steps, static_cast<std::uint64_t>(model.executor.steps) + 1)
        << "no step was thrown away";
}

TEST(Scheduling, ARequestThatMakesNoSenseCostsNobodyElseAnything) {
    FakeModel model;
    model.executor.row_time = 200us;
    Scheduler scheduler(model.parts());
    std::atomic<int> tokens{0};
    RunRequest kept = asking(prompt_of(8), 60);
    auto answer = under_way(scheduler, kept, tokens, 3);
    RunRequest wrong = asking(prompt_of(8), 5);
    wrong.moves = {{2, "quant", std::string("Q77")}};
    EXPECT_NE(run_to_end(scheduler, wrong).error.find("Q77"), std::string::npos);
    wrong.moves = {{2, "nonsense", 1.0}};
    EXPECT_NE(run_to_end(scheduler, wrong).error.find("nonsense"), std::string::npos);
    EXPECT_EQ(answer.get().tokens.size(), 60u);
}

TEST(Scheduling, WhoWasServedLeastIsNext) {
    FakeModel model;
    SchedulerOptions options;
    options.max_runs = 1;
    Scheduler scheduler(model.parts(), options);
    std::mutex mutex;
    std::vector<std::uint64_t> order;
    std::vector<std::future<RunRecord>> answers;
    model.executor.step_time = 2ms;
    const auto ask = [&](std::uint64_t client, std::uint64_t seed) {
        auto done = std::make_shared<std::promise<RunRecord>>();
        RunRequest request = asking(prompt_of(10, seed), 5);
        request.client = client;
        request.on_event = [&, client, done](const SchedulerEvent& event) {
            if (event.kind != Kind::Finished)
                return;
            const std::lock_guard lock(mutex);
            order.push_back(client);
            done->set_value(*event.record);
        };
        answers.push_back(done->get_future());
        scheduler.submit(request);
    };
    for (std::uint64_t i = 0; i < 6; ++i)
        ask(1, i);
    ask(2, 20);
    ask(2, 21);
    for (auto& answer : answers)
        answer.wait();
    EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 1, 2, 1, 1, 1, 1}));
}

TEST(Scheduling, AFullQueueRefusesButNoChat) {
    FakeModel model;
    model.executor.step_time = 2ms;
    SchedulerOptions options;
    options.max_runs = 1;
    options.max_waiting = 3;
    Scheduler scheduler(model.parts(), options);
    std::atomic<int> tokens{0};
    RunRequest first = asking(prompt_of(8), 50);
    auto running = under_way(scheduler, first, tokens, 1);
    std::vector<std::future<RunRecord>> answers;
    for (std::uint64_t i = 0; i < 5; ++i) {
        answers.push_back(answer_of(scheduler, asking(prompt_of(8, i), 2)));
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_EQ(run_to_end(scheduler, asking(prompt_of(8, 77), 2, RunPriority::Chat)).error, "");
    int refused = 0;
    for (auto& answer : answers)
        refused += answer.get().error.find("3 requests are waiting") != std::string::npos;
    EXPECT_EQ(refused, 2);
    EXPECT_EQ(running.get().error, "");
}

TEST(Scheduling, AReplayHasWeightsOfItsOwnAndTheChatKeepsIts) {
    FakeModel model;
    model.executor.row_time = 200us;
    Scheduler scheduler(model.parts());
    RunRequest moved = asking(prompt_of(30), 20);
    moved.moves = {{8, "quant", std::string("Q4_0")}};
    const RunRecord record = run_to_end(scheduler, moved);
    ASSERT_EQ(record.error, "");
    EXPECT_EQ(scheduler.recode_progress().target, std::nullopt);
    std::atomic<int> tokens{0};
    RunRequest chat = asking(prompt_of(10, 4), 300, RunPriority::Chat);
    auto answer = under_way(scheduler, chat, tokens, 3);
    RunRequest again;
    again.prompt = moved.prompt;
    again.priority = RunPriority::Lab;
    again.replay = std::make_shared<const RunRecord>(record);
    again.priority = RunPriority::Api;
    const RunRecord replay = run_to_end(scheduler, again);
    ASSERT_EQ(replay.tokens.size(), record.tokens.size()) << replay.error;
    for (std::size_t t = 0; t < record.tokens.size(); ++t)
        EXPECT_EQ(replay.tokens[t].id, record.tokens[t].id) << t;
    EXPECT_LT(tokens, 300) << "they were computed beside each other";
    chat.on_event = nullptr;
    const RunRecord beside = answer.get();
    for (const TokenRecord& token : beside.tokens)
        EXPECT_EQ(token.quant, "file");
    FakeModel fresh;
    Scheduler alone(fresh.parts());
    const RunRecord expected = run_to_end(alone, chat);
    for (std::size_t t = 0; t < expected.tokens.size(); ++t)
        EXPECT_EQ(beside.tokens[t].id, expected.tokens[t].id) << t;
}

TEST(Scheduling, AnAnswerUnderSeveralMovesOfPrecisionRunsAgainExactly) {
    for (const int pause : {0, 3}) { // ms between the moves: how far each came is a matter of time
        FakeModel model;
        model.executor.row_time = 300us;
        Scheduler scheduler(model.parts());
        RunRequest request = asking(prompt_of(20), 60);
        int tokens = 0;
        request.on_event = [&](const SchedulerEvent& event) {
            if (event.kind != Kind::Token || ++tokens % 12 != 3)
                return;
            for (const auto type : {BlockType::Q8_0, BlockType::Q4_0, BlockType::Q8_0, BlockType::Q5_1}) {
                scheduler.set_model_tuning({type});
                std::this_thread::sleep_for(std::chrono::milliseconds(pause));
            }
        };
        const RunRecord record = run_to_end(scheduler, request);
        ASSERT_EQ(record.tokens.size(), 60u) << record.error;
        FakeModel fresh;
        Scheduler other(fresh.parts());
        RunRequest again;
        again.prompt = request.prompt;
        again.replay = std::make_shared<const RunRecord>(record);
        const RunRecord replay = run_to_end(other, again);
        for (std::size_t t = 0; t < 60; ++t)
            ASSERT_EQ(replay.tokens.at(t).id, record.tokens[t].id) << t << replay.error;
    }
}

TEST(Scheduling, PrecisionMovesOnWhereARunEndsInItsFirstStep) {
    FakeModel model;
    Scheduler scheduler(model.parts());
    for (int i = 0; i < 20; ++i) {
        scheduler.set_model_tuning({i % 2 == 0 ? BlockType::Q4_0 : BlockType::Q8_0});
        EXPECT_EQ(run_to_end(scheduler, asking(prompt_of(8), 1)).error, "");
        scheduler.wait_recoded();
    }
}

TEST(Scheduling, AChatThatNeedsRoomGetsItFromAnOlderLabRun) {
    FakeModel model;
    model.executor.row_time = 100us;
    SchedulerOptions options;
    options.kv_budget_bytes = 6000;
    options.save_budget_bytes = 6000;
    Scheduler scheduler(model.parts(), options);
    std::atomic<int> tokens{0};
    RunRequest lab = asking(prompt_of(100), 80, RunPriority::Lab);
    auto slow = under_way(scheduler, lab, tokens, 5);
    const RunRecord chat = run_to_end(scheduler, asking(prompt_of(120, 4), 20, RunPriority::Chat));
    EXPECT_EQ(chat.tokens.size(), 20u) << chat.error;
    EXPECT_LT(tokens, 80) << "it did not wait for the lab run's end";
    EXPECT_EQ(slow.get().tokens.size(), 80u);
}

TEST(Scheduling, StepsOfSeveralModelsTakeTurns) {
    FakeModel one, two;
    SchedulerOptions options;
    options.turns = std::make_shared<StepTurns>();
    std::atomic<int> computing{0}, together{0};
    for (FakeModel* model : {&one, &two}) {
        model->executor.row_time = 300us;
        model->executor.at_step = [&](bool begins) {
            if (begins ? ++computing > 1 : --computing < 0)
                ++together;
        };
    }
    Scheduler first(one.parts(), options), second(two.parts(), options);
    std::atomic<int> a{0}, b{0}, lab{0};
    RunRequest request = asking(prompt_of(8), 60, RunPriority::Chat);
    request.on_event = counting(a);
    auto chat = answer_of(first, request);
    request.on_event = counting(b);
    request.priority = RunPriority::Api;
    auto api = answer_of(second, request);
    wait_for(a, 20);
    EXPECT_GT(b, 5) << "nobody starves";
    EXPECT_EQ(api.get().error, "");
    EXPECT_EQ(chat.get().error, "");
    // A lab run of one model pauses while the other's chat is answered.
    request.priority = RunPriority::Lab;
    request.on_event = counting(lab);
    auto slow = answer_of(second, request);
    wait_for(lab, 3);
    request.priority = RunPriority::Chat;
    int at_first = -1, at_last = -1;
    request.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token)
            (at_first < 0 ? at_first : at_last) = lab;
    };
    EXPECT_EQ(run_to_end(first, request).error, "");
    EXPECT_LE(at_last - at_first, 1);
    EXPECT_EQ(slow.get().tokens.size(), 60u);
    EXPECT_EQ(together, 0);
}

TEST(StepClock, FollowsWhatStepsTake) {
    StepClock clock;
    EXPECT_EQ(clock.reading_rows(0, 512), 512);
    EXPECT_LE(clock.reading_rows(1, 512), 16);
    for (int i = 0; i < 20; ++i)
        clock.note(1, 0, 0.020);
    for (int i = 0; i < 20; ++i)
        clock.note(1, 10, 0.020 + 10 * 0.0005);
    EXPECT_NEAR(clock.reading_rows(1, 512), 12, 1);
    EXPECT_EQ(clock.reading_rows(1, 4), 4);
    for (int i = 0; i < 20; ++i)
        clock.note(1, 10, 0.020 + 10 * 0.1);
    EXPECT_EQ(clock.reading_rows(1, 512), 1) << "a prompt always goes on";
}

} // namespace
} // namespace switchyard
