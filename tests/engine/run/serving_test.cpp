// What a server asks of the scheduler: stop strings, log-probabilities, restricted tokens, slow listeners.
#include "engine/run/stop_strings.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <future>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::prompt_of;
using namespace std::chrono_literals;
using Kind = SchedulerEvent::Kind;

RunRequest request_for(int max_tokens, std::uint64_t seed = 1) {
    RunRequest request;
    request.prompt = prompt_of(40, seed);
    request.tuning.max_tokens = max_tokens;
    request.tuning.temperature = 0;
    request.tuning.repetition_penalty = 1;
    request.ignore_end = true;
    request.priority = RunPriority::Api;
    return request;
}

struct Told {
    std::string text; ///< as it was streamed
    RunRecord record;
    std::vector<SchedulerEvent> events;
};

Told tell(RunRequest request) {
    FakeModel model;
    Scheduler scheduler(model.parts());
    Told told;
    request.on_event = [&](const SchedulerEvent& event) {
        told.text += event.kind == Kind::Token ? event.token.text : event.tail;
        told.events.push_back(event);
    };
    told.record = run_to_end(scheduler, request);
    return told;
}

TEST(StopStrings, EndTheTextInFrontOfThemWhereverItsPiecesPart) {
    const std::string text = "one two\n\nUser: three aaab end";
    for (const auto& [stop, expected] :
         std::vector<std::pair<std::string, std::string>>{{"\n\nUser", "one two"},
                                                          {"aab", "one two\n\nUser: three a"},
                                                          {"one", ""},
                                                          {"never", text},
                                                          {"ende", text},
                                                          {"", text}})
        for (std::size_t piece = 1; piece < 9; ++piece) {
            StopStrings strings({stop, "not here either"});
            std::string shown;
            for (std::size_t at = 0; at < text.size(); at += piece)
                shown += strings.push(std::string_view(text).substr(at, piece));
            shown += strings.flush();
            EXPECT_EQ(shown, expected) << stop << " in pieces of " << piece;
        }
    StopStrings two({"bc", "abcd"});
    EXPECT_EQ(two.push("xabc"), "xa") << "what is whole first ends it";
    EXPECT_TRUE(two.found());
}

TEST(Serving, AStopStringAcrossTokensEndsTheAnswerUnseen) {
    const Told whole = tell(request_for(12));
    ASSERT_EQ(whole.record.tokens.size(), 12u);
    // From the middle of one token into the next.
    const std::string fifth = whole.record.tokens[5].text, sixth = whole.record.tokens[6].text;
    RunRequest request = request_for(12);
    request.stops = {fifth.substr(1) + sixth.substr(0, 2)};
    const Told told = tell(request);
    EXPECT_EQ(told.record.finish, FinishReason::EndOfTurn);
    const std::size_t at = whole.text.find(request.stops[0]);
    EXPECT_EQ(told.text, whole.text.substr(0, at));
    EXPECT_LE(told.record.tokens.size(), 7u);
    std::string recorded;
    for (const TokenRecord& token : told.record.tokens)
        recorded += token.text;
    EXPECT_EQ(recorded, told.text);
    request.stops = {"<never>"};
    EXPECT_EQ(tell(request).text, whole.text) << "what was held back comes at the end";
}

TEST(Serving, LogProbabilitiesAreThoseOfTheLogits) {
    RunRequest request = request_for(6);
    request.alternatives = 5;
    for (const double top_p : {0.95, 1.0}) { // from candidates, and from all logits
        request.tuning.temperature = 1;
        request.tuning.top_k = 0;
        request.tuning.top_p = top_p;
        const Told told = tell(request);
        int tokens = 0;
        for (const SchedulerEvent& event : told.events) {
            if (event.kind != Kind::Token)
                continue;
            ++tokens;
            ASSERT_EQ(event.alternatives.size(), 5u);
            double sum = 0;
            for (std::size_t i = 0; i < 5; ++i) {
                sum += std::exp(event.alternatives[i].logprob);
                if (i > 0) {
                    EXPECT_LE(event.alternatives[i].logprob, event.alternatives[i - 1].logprob);
                }
                if (event.alternatives[i].id == event.token.id) {
                    EXPECT_NEAR(event.alternatives[i].logprob, std::log(event.token.probability), 1e-6);
                }
            }
            EXPECT_LT(sum, 1.0);
        }
        EXPECT_EQ(tokens, 6);
    }
}

TEST(Serving, ThePromptsTokensAreToldOnceEachAsAnAnswerWouldHaveThem) {
    const Told answer = tell(request_for(20));
    RunRequest request = request_for(1);
    for (const TokenRecord& token : answer.record.tokens)
        request.prompt.push_back(token.id);
    request.prompt_logprobs = true;
    request.alternatives = 2;
    const Told told = tell(request);
    std::vector<PromptToken> tokens;
    for (const SchedulerEvent& event : told.events)
        tokens.insert(tokens.end(), event.prompt.begin(), event.prompt.end());
    ASSERT_EQ(tokens.size(), request.prompt.size() - 1);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
        EXPECT_EQ(tokens[t].id, request.prompt[t + 1]);
        EXPECT_EQ(tokens[t].alternatives.size(), 2u);
        if (t >= 39) {
            EXPECT_NEAR(tokens[t].logprob, std::log(answer.record.tokens[t - 39].probability), 1e-6);
            EXPECT_EQ(tokens[t].alternatives[0].id, tokens[t].id) << "it was the likeliest";
        }
    }
}

TEST(Serving, AMaskThatCannotBeMadeEndsItsOwnRunOnly) {
    fake::FakeModel model;
    Scheduler scheduler(model.parts());
    RunRequest fine = request_for(60), broken = request_for(60);
    broken.allowed = [](std::span<const std::int32_t> answer) -> std::shared_ptr<const AllowedIds> {
        if (answer.size() == 5)
            throw Error("the form of the answer cannot be followed");
        return nullptr;
    };
    auto beside = std::async(std::launch::async, [&] { return run_to_end(scheduler, fine); });
    const RunRecord ended = run_to_end(scheduler, broken);
    EXPECT_EQ(ended.error, "the form of the answer cannot be followed");
    EXPECT_EQ(ended.tokens.size(), 5u);
    EXPECT_EQ(beside.get().tokens.size(), 60u);
}

TEST(Serving, OnlyAllowedTokensAreDrawn) {
    for (const double temperature : {0.0, 1.5}) {
        RunRequest request = request_for(30);
        request.tuning.temperature = temperature;
        const auto even = std::make_shared<const AllowedIds>(1, 0x5555555555555555ull),
                   none = std::make_shared<const AllowedIds>(1, 0);
        request.allowed = [&](std::span<const std::int32_t> answer) {
            return answer.size() % 2 == 0 ? even : nullptr;
        };
        const Told told = tell(request);
        ASSERT_EQ(told.record.tokens.size(), 30u) << told.record.error;
        bool odd = false, odd_where_forbidden = false;
        for (std::size_t t = 0; t < 30; ++t)
            (t % 2 == 0 ? odd_where_forbidden : odd) |= told.record.tokens[t].id % 2 == 1;
        EXPECT_FALSE(odd_where_forbidden);
        EXPECT_TRUE(odd);
        request.allowed = [&](std::span<const std::int32_t>) { return none; };
        EXPECT_NE(tell(request).record.error.find("no token may follow"), std::string::npos);
    }
}

TEST(Serving, WhatACutAnswerNeedsToRunAgainComesWithItsFirstToken) {
    const Told told = tell(request_for(6));
    RunRecord cut = told.record;
    cut.context.clear();
    for (const SchedulerEvent& event : told.events)
        if (event.kind == Kind::Token && !event.context.empty())
            cut.context = event.context;
    EXPECT_EQ(cut.context, told.record.context);
    RunRequest again = request_for(6);
    again.replay = std::make_shared<const RunRecord>(cut);
    EXPECT_EQ(tell(again).record.tokens.size(), 6u);
    cut.context.clear();
    again.replay = std::make_shared<const RunRecord>(cut);
    EXPECT_NE(tell(again).record.error.find("the program ended while"), std::string::npos);
}

TEST(Serving, ARecordOfAnotherModelIsRefused) {
    const Told told = tell(request_for(6));
    for (const int what : {0, 1, 2}) {
        RunRecord other = told.record;
        TokenRecord& token = other.tokens[3];
        (what == 0 ? token.experts_active : token.id) = what == 0 ? 0 : what == 1 ? 61 : -1;
        RunRequest again = request_for(6);
        again.replay = std::make_shared<const RunRecord>(other);
        EXPECT_NE(tell(again).record.error.find("another model made it"), std::string::npos) << what;
    }
}

TEST(Serving, ARecordOfAnotherPrecisionIsRefused) {
    RunRecord other = tell(request_for(6)).record;
    ASSERT_EQ(other.computed_by.file_precision, "F16");
    other.computed_by.file_precision = "Q2_K";
    RunRequest again = request_for(6);
    again.replay = std::make_shared<const RunRecord>(other);
    EXPECT_NE(tell(again).record.error.find("a file of Q2_K made it, this one is of F16"), std::string::npos);
}

TEST(Serving, ASlowListenerPausesItsRunAndNobodyElses) {
    FakeModel model;
    model.executor.row_time = 100us;
    Scheduler scheduler(model.parts());
    std::atomic<int> held{0}, told{0};
    std::atomic<bool> takes{true};
    RunRequest slow = request_for(40);
    slow.has_room = [&] { return takes.load(); };
    slow.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token && ++told == 5)
            takes = false;
        held += event.kind == Kind::Token && !takes;
    };
    auto answer = std::async(std::launch::async, [&] { return run_to_end(scheduler, slow); });
    while (takes)
        std::this_thread::sleep_for(1ms);
    EXPECT_EQ(run_to_end(scheduler, request_for(30, 2)).tokens.size(), 30u);
    std::this_thread::sleep_for(30ms);
    EXPECT_LE(held, 2);
    takes = true;
    slow.on_event = nullptr;
    slow.has_room = nullptr;
    const RunRecord record = answer.get();
    const Told expected = tell(slow);
    ASSERT_EQ(record.tokens.size(), 40u) << record.error;
    for (std::size_t t = 0; t < 40; ++t)
        EXPECT_EQ(record.tokens[t].id, expected.record.tokens[t].id);
}

TEST(Serving, AListenerThatTakesNothingForLongEndsItsRun) {
    FakeModel model;
    Scheduler scheduler(model.parts());
    RunRequest request = request_for(100);
    request.patience = 50ms;
    request.has_room = [told = 0]() mutable { return ++told < 4; };
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.finish, FinishReason::Failed);
    EXPECT_NE(record.error.find("has taken nothing"), std::string::npos) << record.error;
    EXPECT_FALSE(record.tokens.empty()) << "what was said stays";
}

} // namespace
} // namespace switchyard
