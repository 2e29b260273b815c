// Drafted tokens: looked up in the text so far, checked as further rows of a step. They change no answer,
// only the number of steps.
#include "engine/run/draft_lookup.h"
#include "tests/engine/run/fake_engine.h"
#include "tests/engine/run/toy_plan.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <future>
#include <numeric>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::prompt_of;
using Ids = std::vector<std::int32_t>;

TEST(DraftLookup, FindsWhatCameLastTime) {
    DraftLookup lookup;
    EXPECT_EQ(lookup.find(Ids{1, 2, 3, 4, 5, 9, 2, 3, 4}, 3), (Ids{5, 9, 2}));
    EXPECT_EQ(lookup.find(Ids{1, 2, 3, 4, 5, 9, 2, 3, 4, 6, 2, 3, 4}, 2), (Ids{6, 2}))
        << "the latest place counts";
}

TEST(DraftLookup, GoesRoundNearTheEnd) {
    EXPECT_EQ(DraftLookup().find(Ids{7, 8, 7, 8, 7, 8}, 5), (Ids{7, 8, 7, 8, 7}));
    EXPECT_EQ(DraftLookup().find(Ids{4, 4, 4, 4}, 3), (Ids{4, 4, 4}));
}

TEST(DraftLookup, FindsNothingWhereNothingIs) {
    EXPECT_EQ(DraftLookup().find(Ids{}, 3), Ids());
    EXPECT_EQ(DraftLookup().find(Ids{1, 2}, 3), Ids());
    EXPECT_EQ(DraftLookup().find(Ids{1, 2, 3}, 3), Ids());
    EXPECT_EQ(DraftLookup().find(Ids{1, 2, 3, 4, 1, 2, 9}, 3), Ids());
    EXPECT_EQ(DraftLookup().find(Ids{1, 2, 3, 4, 1, 2, 3}, 0), Ids());
}

TEST(DraftLookup, WantsMoreToAgreeWhereDraftsWereWrong) {
    Ids text(20);
    std::iota(text.begin(), text.end(), 0);
    const auto repeated = [&](int count) { // the first `count` tokens again
        Ids all = text;
        all.insert(all.end(), text.begin(), text.begin() + count);
        return all;
    };
    DraftLookup lookup;
    EXPECT_EQ(lookup.find(repeated(3), 2), (Ids{3, 4}));
    for (int i = 0; i < 10; ++i)
        lookup.note(3, 0);
    EXPECT_EQ(lookup.find(repeated(4), 2), Ids());
    EXPECT_EQ(lookup.find(repeated(12), 2), (Ids{12, 13}));
    for (int i = 0; i < 10; ++i)
        lookup.note(3, 3);
    EXPECT_EQ(lookup.find(repeated(13), 2), (Ids{13, 14}));
}

/// The prompt repeats itself, and so does the answer, if not always.
RunRequest request_of(int max_tokens = 60) {
    Ids prompt = prompt_of(20);
    for (int i = 0; i < 25; ++i)
        prompt.push_back((prompt.back() * 7 + 3) % 11);
    return fake::request_for(prompt, max_tokens, 1.0);
}

struct Ran {
    RunRecord record;
    std::uint64_t steps;
};

Ran run(const RunRequest& request, int drafts, bool states = false, float habit = 6) {
    FakeModel model(8, states);
    model.executor.drafts = drafts;
    model.executor.habit = habit;
    Scheduler scheduler(model.parts());
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.error, "");
    return {record, static_cast<std::uint64_t>(model.executor.steps)};
}

int drafted_tokens(const RunRecord& record) {
    return static_cast<int>(std::ranges::count_if(record.tokens, &TokenRecord::drafted));
}

TEST(Drafts, ChangeNoTokenByAnyDialAndSaveSteps) {
    std::vector<RunRequest> requests(7, request_of());
    requests[1].tuning.temperature = 0;
    requests[2].tuning.repetition_penalty = 1.3;
    requests[2].tuning.repetition_window = 3; // each token pushes another out of it
    requests[3].tuning.top_p = 0.5;
    requests[3].tuning.kv = BlockType::Q8_0;
    requests[4].draw = DrawVersion::Cumulative;
    requests[5].alternatives = 3;
    requests[6].tuning.temperature = 1.4; // mostly wrong
    for (const bool states : {false, true})
        for (std::size_t i = 0; i < requests.size(); ++i) {
            const Ran without = run(requests[i], 0, states), with = run(requests[i], 3, states);
            EXPECT_EQ(fake::ids_of(with.record), fake::ids_of(without.record)) << i;
            EXPECT_GT(with.record.timings.drafted, 0) << i;
            EXPECT_EQ(drafted_tokens(with.record), with.record.timings.drafts_right) << i;
            EXPECT_EQ(with.steps + static_cast<std::uint64_t>(with.record.timings.drafts_right),
                      without.steps)
                << i;
            EXPECT_EQ(drafted_tokens(without.record), 0);
            for (std::size_t t = 0; t < without.record.tokens.size(); ++t)
                EXPECT_EQ(with.record.tokens[t].probability, without.record.tokens[t].probability)
                    << i << ", " << t;
        }
    const Ran greedy = run(requests[1], 3);
    EXPECT_GT(greedy.record.timings.drafts_right, 20);
}

TEST(Drafts, EndWhereTheAnswerEndsAndTheChatGoesOnBehindIt) {
    for (const bool states : {false, true})
        for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
            RunRequest request = request_of(400);
            request.ignore_end = false;
            request.conversation = 7;
            request.tuning.seed = seed;
            FakeModel model(8, states);
            model.executor.drafts = 3;
            model.executor.habit = 4;
            Scheduler scheduler(model.parts());
            const RunRecord first = run_to_end(scheduler, request);
            EXPECT_EQ(fake::ids_of(first), fake::ids_of(run(request, 0, states, 4).record));
            RunRequest next = request;
            for (const TokenRecord& token : first.tokens)
                next.prompt.push_back(token.id);
            for (int i = 0; i < 9; ++i)
                next.prompt.push_back(i);
            next.ignore_end = true;
            next.tuning.max_tokens = 30;
            EXPECT_EQ(fake::ids_of(run_to_end(scheduler, next)),
                      fake::ids_of(run(next, 0, states, 4).record));
        }
}

TEST(Drafts, NeverGoBeyondALimit) {
    for (int most = 1; most <= 12; ++most) {
        const Ran with = run(request_of(most), 3, false, 20);
        EXPECT_EQ(with.record.tokens.size(), static_cast<std::size_t>(most));
        EXPECT_EQ(with.record.finish, FinishReason::MaxTokens);
    }
    FakeModel model;
    model.executor.drafts = 3;
    model.executor.habit = 20;
    EngineParts parts = model.parts();
    parts.context = 70;
    Scheduler scheduler(parts);
    const RunRecord record = run_to_end(scheduler, request_of(1000));
    EXPECT_EQ(record.finish, FinishReason::ContextFull);
    EXPECT_EQ(record.tokens.size(), 70U - 45U);
    EXPECT_GT(record.timings.drafts_right, 5);
}

TEST(Drafts, WaitForAMoveThatIsPlanned) {
    RunRequest request = request_of();
    request.moves = {{20, "experts", 1.0}, {21, "temperature", 0.3}, {40, "temperature", 1.7}};
    const Ran without = run(request, 0, false, 20), with = run(request, 3, false, 20);
    EXPECT_EQ(fake::ids_of(with.record), fake::ids_of(without.record));
    EXPECT_GT(with.record.timings.drafts_right, 10);
    for (std::size_t t = 0; t < without.record.tokens.size(); ++t) {
        EXPECT_EQ(with.record.tokens[t].experts_active, without.record.tokens[t].experts_active) << t;
        EXPECT_EQ(with.record.tokens[t].temperature, without.record.tokens[t].temperature) << t;
    }
}

TEST(Drafts, AreInTheRecordAndItReplays) {
    const RunRequest request = request_of();
    const RunRecord record = run(request, 3).record;
    const RunRecord read = run_record_from_json(to_json(record));
    EXPECT_EQ(drafted_tokens(read), record.timings.drafts_right);
    EXPECT_EQ(read.timings.drafted, record.timings.drafted);
    RunRequest again;
    again.prompt = request.prompt;
    again.replay = std::make_shared<const RunRecord>(read);
    const RunRecord replayed = run(again, 3).record;
    EXPECT_EQ(fake::ids_of(replayed), fake::ids_of(record));
    EXPECT_EQ(replayed.timings.drafted, 0);
}

/// What follows depends on more than the tokens drawn, or who listens is asked before each.
TEST(Drafts, AreNotMadeWhereATokenIsAskedFor) {
    std::vector<RunRequest> requests(2, request_of());
    const auto all = std::make_shared<const AllowedIds>(4, ~std::uint64_t{0});
    requests[0].allowed = [all](std::span<const std::int32_t>) { return all; };
    requests[1].has_room = [] { return true; };
    for (const RunRequest& request : requests) {
        const Ran with = run(request, 3, false, 20);
        EXPECT_EQ(fake::ids_of(with.record), fake::ids_of(run(request, 0, false, 20).record));
        EXPECT_EQ(with.record.timings.drafted, 0);
    }
}

/// Rows behind the end were computed, and are no tokens of the answer; their time is the step's.
TEST(Drafts, BehindTheEndAreNotCounted) {
    int cut_short = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        RunRequest request = request_of(400);
        request.ignore_end = false;
        request.tuning.seed = seed;
        FakeModel model;
        model.executor.drafts = 3;
        model.executor.habit = 3;
        model.executor.step_time = std::chrono::microseconds(100);
        Scheduler scheduler(model.parts());
        const RunRecord record = run_to_end(scheduler, request);
        ASSERT_EQ(record.finish, FinishReason::EndOfTurn);
        EXPECT_EQ(drafted_tokens(record), record.timings.drafts_right) << seed;
        double sum = 0;
        for (std::size_t t = 1; t < record.tokens.size(); ++t)
            sum += record.tokens[t].latency_ms;
        EXPECT_GE(record.timings.decode_ms, sum - 1e-6);
        cut_short += record.timings.decode_ms > sum + 0.01;
    }
    EXPECT_GT(cut_short, 0) << "no answer ended within a step";
}

TEST(Drafts, ShareTheTimeOfTheirStep) {
    FakeModel model;
    model.executor.drafts = 3;
    model.executor.habit = 20;
    model.executor.step_time = std::chrono::milliseconds(4);
    Scheduler scheduler(model.parts());
    const RunRecord record = run_to_end(scheduler, request_of());
    ASSERT_GT(record.timings.drafts_right, 20);
    double sum = 0;
    for (std::size_t t = 1; t < record.tokens.size(); ++t) {
        EXPECT_GT(record.tokens[t].latency_ms, 0.5) << t;
        sum += record.tokens[t].latency_ms;
    }
    EXPECT_NEAR(sum, record.timings.decode_ms, 1e-6);
}

/// A real forward pass, with attention and with states of a fixed size.
TEST(Drafts, OfAComputedModelChangeNothing) {
    int drafted = 0, right = 0;
    for (const double temperature : {0.0, 0.3, 0.6}) {
        RunRequest request = fake::request_for(prompt_of(30), 200, temperature);
        Ids expected;
        for (const int drafts : {0, 1, 3, 7}) {
            HybridToy toy;
            SchedulerOptions options;
            options.draft_rows = drafts;
            Scheduler scheduler(toy.parts(), options);
            const RunRecord record = run_to_end(scheduler, request);
            ASSERT_EQ(record.error, "");
            if (drafts == 0)
                expected = fake::ids_of(record);
            EXPECT_EQ(fake::ids_of(record), expected) << temperature << ", " << drafts;
            drafted += record.timings.drafted;
            right += record.timings.drafts_right;
        }
    }
    EXPECT_GT(right, 0);
    EXPECT_GT(drafted, right);
}

TEST(Drafts, AreNotMadeBesideOthers) {
    FakeModel model;
    model.executor.drafts = 3;
    model.executor.habit = 20;
    model.executor.row_time = std::chrono::microseconds(200);
    Scheduler scheduler(model.parts());
    std::vector<std::future<RunRecord>> answers;
    for (const int seed : {1, 2, 3}) {
        RunRequest request = request_of(80);
        request.tuning.seed = static_cast<std::uint64_t>(seed);
        answers.push_back(
            std::async(std::launch::async, [&scheduler, request] { return run_to_end(scheduler, request); }));
    }
    int drafted = 0, alone = 0;
    for (const int seed : {1, 2, 3}) {
        RunRequest request = request_of(80);
        request.tuning.seed = static_cast<std::uint64_t>(seed);
        const RunRecord record = answers[static_cast<std::size_t>(seed - 1)].get();
        EXPECT_EQ(fake::ids_of(record), fake::ids_of(run(request, 0, false, 20).record));
        drafted += record.timings.drafted;
        alone += run(request, 3, false, 20).record.timings.drafted;
    }
    EXPECT_LT(drafted, alone / 2) << "while others wait for the same step";
}

} // namespace
} // namespace switchyard
