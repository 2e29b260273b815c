// Two steps under way at once: nothing of an answer changes, dials act in the next step started, and rows
// that were computed in vain leave nothing behind.
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

#include <future>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::prompt_of;
using namespace std::chrono_literals;
using Kind = SchedulerEvent::Kind;

SchedulerOptions two_steps() {
    SchedulerOptions options;
    options.steps_in_flight = 2;
    return options;
}

RunRequest sampled_request(std::vector<std::int32_t> prompt, int max_tokens = 40) {
    return fake::request_for(std::move(prompt), max_tokens, 1.1);
}

std::vector<std::int32_t> answered_ids(const RunRecord& record) {
    EXPECT_EQ(record.error, "");
    return fake::ids_of(record);
}

std::vector<std::int32_t> ids_alone(const RunRequest& request) {
    FakeModel model;
    Scheduler scheduler(model.parts());
    EXPECT_EQ(model.executor.most_in_flight, 0);
    auto ids = answered_ids(run_to_end(scheduler, request));
    EXPECT_EQ(model.executor.most_in_flight, 1);
    return ids;
}

TEST(TwoSteps, AnAnswerIsTheSameByAllDials) {
    std::vector<RunRequest> requests(6, sampled_request(prompt_of(45)));
    requests[1].tuning.temperature = 0;
    requests[2].tuning.repetition_penalty = 1.8;
    requests[2].tuning.repetition_window = 3; // each token pushes another out of it
    requests[3].tuning.repetition_penalty = 1.5;
    requests[3].tuning.repetition_window = 1;
    requests[4].tuning.top_p = 0.5;
    requests[4].tuning.kv = BlockType::Q8_0;
    requests[5].draw = DrawVersion::Cumulative;
    for (const RunRequest& request : requests) {
        const auto expected = ids_alone(request);
        FakeModel model;
        model.executor.step_time = 1ms; // else one may have ended before the next is begun
        Scheduler scheduler(model.parts(), two_steps());
        EXPECT_EQ(answered_ids(run_to_end(scheduler, request)), expected);
        EXPECT_EQ(model.executor.most_in_flight, 2);
        EXPECT_EQ(model.executor.rows, 45 + 39) << "none in vain where the end is known";
    }
}

TEST(TwoSteps, ADialActsInTheNextStepStartedAndReplays) {
    FakeModel model;
    model.executor.step_time = 2ms;
    Scheduler scheduler(model.parts(), two_steps());
    RunRequest request = sampled_request(prompt_of(20), 60);
    int seen = 0;
    RunHandle handle = 0;
    int moved_at = 0;
    request.on_event = [&](const SchedulerEvent& event) {
        handle = event.run;
        if (event.kind == Kind::Token && ++seen == 20) {
            SequenceTuning tuning = request.tuning;
            tuning.experts = 1;
            scheduler.set_tuning(handle, tuning);
        }
        if (event.kind == Kind::Move && event.move.name == "experts")
            moved_at = event.move.token;
    };
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_GE(moved_at, 20);
    EXPECT_LE(moved_at, 22) << "two were under way";
    for (std::size_t t = 0; t < record.tokens.size(); ++t)
        EXPECT_EQ(record.tokens[t].experts_active, static_cast<int>(t) < moved_at ? 4 : 1) << t;
    RunRequest again;
    again.prompt = request.prompt;
    again.replay = std::make_shared<const RunRecord>(record);
    EXPECT_EQ(answered_ids(run_to_end(scheduler, again)), answered_ids(record));
}

TEST(TwoSteps, RowsBehindAnEndLeaveNothingBehind) {
    for (const bool states : {false, true}) {
        FakeModel model(8, states);
        Scheduler scheduler(model.parts(), two_steps());
        RunRequest request = sampled_request(prompt_of(40), 500);
        request.ignore_end = false;
        request.conversation = 7;
        const RunRecord first = run_to_end(scheduler, request);
        ASSERT_EQ(first.finish, FinishReason::EndOfTurn);
        const int computed = model.executor.rows;
        EXPECT_GE(computed, 40 + static_cast<int>(first.tokens.size()));
        EXPECT_LE(computed, 40 + static_cast<int>(first.tokens.size()) + 1) << "one in vain";
        // The chat goes on behind what was said, not behind what was computed in vain.
        RunRequest next = request;
        for (const TokenRecord& token : first.tokens)
            next.prompt.push_back(token.id);
        for (int i = 0; i < 9; ++i)
            next.prompt.push_back(i);
        next.ignore_end = true;
        next.tuning.max_tokens = 30;
        FakeModel fresh(8, states);
        Scheduler other(fresh.parts());
        const auto expected = answered_ids(run_to_end(other, next));
        EXPECT_EQ(answered_ids(run_to_end(scheduler, next)), expected);
        EXPECT_LT(model.executor.rows - computed, 9 + 30 + 33) << "and what was said is not computed again";
    }
}

TEST(TwoSteps, ACancelEndsAtOnceAndCostsNobodyElseAnything) {
    FakeModel model;
    model.executor.step_time = 3ms;
    const auto expected = ids_alone(sampled_request(prompt_of(30, 2), 60));
    Scheduler scheduler(model.parts(), two_steps());
    std::promise<void> ended;
    RunRequest leaving = sampled_request(prompt_of(30, 1), 1000);
    leaving.on_event = [&, count = 0](const SchedulerEvent& event) mutable {
        if (event.kind == Kind::Token && ++count == 12)
            scheduler.cancel(event.run);
        if (event.kind == Kind::Finished)
            ended.set_value();
    };
    scheduler.submit(leaving);
    EXPECT_EQ(answered_ids(run_to_end(scheduler, sampled_request(prompt_of(30, 2), 60))), expected);
    ended.get_future().wait();
    EXPECT_EQ(model.executor.most_in_flight, 2);
}

TEST(TwoSteps, WhoComesIsServedAfterTheStepsUnderWay) {
    FakeModel model;
    Scheduler scheduler(model.parts(), two_steps());
    int steps_before = 0, steps_at_first = 0;
    std::promise<void> served;
    RunRequest coming =
        sampled_request(prompt_of(1, 3), 1); // one row: a longer prompt may take several steps
    coming.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token)
            steps_at_first = model.executor.steps;
        if (event.kind == Kind::Finished)
            served.set_value();
    };
    RunRequest answering = sampled_request(prompt_of(30, 1), 200);
    answering.on_event = [&, count = 0](const SchedulerEvent& event) mutable {
        if (event.kind != Kind::Token || ++count != 20)
            return;
        steps_before = model.executor.steps;
        scheduler.submit(coming);
    };
    run_to_end(scheduler, answering);
    served.get_future().wait();
    EXPECT_LE(steps_at_first - steps_before, 3) << "the one under way, perhaps one more, and its own";
}

TEST(TwoSteps, AStepThatFailsEndsItsRunsWithOneSentence) {
    FakeModel model;
    Scheduler scheduler(model.parts(), two_steps());
    RunRequest request = sampled_request(prompt_of(30), 60);
    request.on_event = [&, count = 0](const SchedulerEvent& event) mutable {
        if (event.kind == Kind::Token && ++count == 10)
            model.executor.fail_next = true;
    };
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.error, "the step failed");
    EXPECT_EQ(answered_ids(run_to_end(scheduler, sampled_request(prompt_of(30), 60))),
              ids_alone(sampled_request(prompt_of(30), 60)));
}

} // namespace
} // namespace switchyard
