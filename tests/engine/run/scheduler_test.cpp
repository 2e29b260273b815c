#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <future>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::ids_of;
using fake::prompt_of;
using namespace std::chrono_literals;
using Kind = SchedulerEvent::Kind;

std::vector<std::int32_t> joined(std::vector<std::int32_t> a, std::span<const std::int32_t> b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

RunRequest request_of(std::vector<std::int32_t> prompt, int max_tokens = 20) {
    RunRequest request = fake::request_for(std::move(prompt), max_tokens, 1.5);
    request.tuning.top_k = 0;
    request.tuning.top_p = 1;
    return request;
}

class SchedulerTest : public testing::Test {
  protected:
    /// An answer by a scheduler of its own: nothing is shared with the test's.
    RunRecord alone(const RunRequest& request, std::optional<BlockType> weights = std::nullopt) {
        FakeModel own;
        Scheduler scheduler(own.parts());
        scheduler.set_model_tuning({weights});
        scheduler.wait_recoded();
        return run_to_end(scheduler, request);
    }
    FakeModel model;
};

TEST_F(SchedulerTest, AnswersWithARecordOfEveryToken) {
    Scheduler scheduler(model.parts());
    RunRequest request = request_of(prompt_of(40), 12);
    std::vector<SchedulerEvent> events;
    request.on_event = [&](const SchedulerEvent& event) { events.push_back(event); };
    request.tuning.prefill_chunk = 16;
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.finish, FinishReason::MaxTokens) << record.error;
    ASSERT_EQ(record.tokens.size(), 12u);
    EXPECT_EQ(record.timings.prompt_tokens, 40);
    EXPECT_EQ(record.timings.prompt_tokens_reused, 0);
    EXPECT_EQ(record.settings.sequence.experts, 4) << "the model's own number, said";
    ASSERT_EQ(events.size(), 3u + 12u + 1u);
    EXPECT_EQ(events[0].kind, Kind::Prefill);
    EXPECT_EQ(events[0].prefill_done, 16);
    EXPECT_EQ(events[2].prefill_done, 40);
    EXPECT_EQ(events[3].kind, Kind::Token);
    EXPECT_EQ(events.back().kind, Kind::Finished);
    for (const TokenRecord& token : record.tokens) {
        EXPECT_EQ(token.experts_active, 4);
        EXPECT_EQ(token.quant, "file");
        EXPECT_EQ(token.recoded_slices, token.recode_total);
        EXPECT_EQ(token.kv, BlockType::F16);
        EXPECT_GT(token.probability, 0);
        EXPECT_GE(token.latency_ms, 0);
        EXPECT_EQ(token.weights_bytes, model.weights->bytes());
        EXPECT_GT(token.kv_bytes, 0u);
        EXPECT_EQ(token.scratch_bytes, 77u);
        EXPECT_EQ(token.text, token.id >= 59 ? "" : "<" + std::to_string(token.id) + ">");
    }
    const std::vector<ContextSpan> context = {{40, 4, BlockType::F16, {}}};
    EXPECT_EQ(record.context, context);
}

TEST_F(SchedulerTest, ChunksDoNotChangeTheAnswer) {
    const RunRequest plain = request_of(prompt_of(70));
    const auto expected = ids_of(alone(plain));
    for (int chunk : {1, 7, 32, 64, 69}) {
        RunRequest request = plain;
        request.tuning.prefill_chunk = chunk;
        EXPECT_EQ(ids_of(alone(request)), expected) << chunk;
    }
}

TEST_F(SchedulerTest, ABatchGivesWhatEachRunGivesAlone) {
    SchedulerOptions options;
    options.max_runs = 6;
    Scheduler scheduler(model.parts(), options);
    std::vector<std::future<RunRecord>> answers;
    std::vector<RunRequest> requests;
    for (int i = 0; i < 12; ++i) {
        RunRequest request = request_of(prompt_of(5 + 9 * i, static_cast<std::uint64_t>(i % 4)), 10 + i);
        request.tuning.seed = static_cast<std::uint64_t>(i);
        request.tuning.experts = 1 + i % 8;
        request.priority = static_cast<RunPriority>(i % 3);
        request.conversation = static_cast<std::uint64_t>(i);
        requests.push_back(request);
    }
    for (const RunRequest& request : requests)
        answers.push_back(
            std::async(std::launch::async, [&scheduler, request] { return run_to_end(scheduler, request); }));
    for (std::size_t i = 0; i < answers.size(); ++i)
        EXPECT_EQ(ids_of(answers[i].get()), ids_of(alone(requests[i]))) << i;
    EXPECT_GT(model.executor.widest, 1) << "they did run together";
}

TEST_F(SchedulerTest, ASecondTurnCostsOnlyItsNewTokensAndEqualsAFullRecompute) {
    Scheduler scheduler(model.parts());
    RunRequest first = request_of(prompt_of(50), 30);
    first.conversation = 3;
    const RunRecord answer = run_to_end(scheduler, first);
    RunRequest second = request_of(joined(joined(first.prompt, ids_of(answer)), prompt_of(9, 2)), 20);
    second.conversation = 3;
    const int rows = model.executor.rows;
    const RunRecord next = run_to_end(scheduler, second);
    EXPECT_EQ(next.timings.prompt_tokens, 89);
    EXPECT_EQ(next.timings.prompt_tokens_reused, 79)
        << "all but the last token, which was never fed, and 9 new";
    EXPECT_EQ(model.executor.rows - rows, 10 + 19);
    EXPECT_EQ(ids_of(next), ids_of(alone(second)));

    RunRequest again = first; // regenerate with another seed: the prompt is there
    again.tuning.seed = 6;
    const RunRecord other = run_to_end(scheduler, again);
    EXPECT_EQ(other.timings.prompt_tokens_reused, 49);
    EXPECT_EQ(ids_of(other), ids_of(alone(again)));
    EXPECT_NE(ids_of(other), ids_of(answer));

    scheduler.forget(3);
    EXPECT_EQ(run_to_end(scheduler, first).timings.prompt_tokens_reused, 0);
}

TEST_F(SchedulerTest, ADialMoveEqualsARunThatHadTheValueFromThatTokenOn) {
    Scheduler scheduler(model.parts());
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, ControlValue>>{{"experts", 2.0},
                                                           {"temperature", 0.0},
                                                           {"top_p", 0.3},
                                                           {"seed", 9.0},
                                                           {"kv", std::string("Q8_0")},
                                                           {"kv", std::string("Q4_0")},
                                                           {"activations", std::string("8")},
                                                           {"quant", std::string("Q4_0")}}) {
        RunRequest moved = request_of(prompt_of(30), 40);
        moved.moves = {{15, name, value}};
        const RunRecord record = run_to_end(scheduler, moved);
        ASSERT_EQ(record.tokens.size(), 40u) << record.error;
        ASSERT_EQ(record.moves.size(), 1u);
        EXPECT_EQ(record.moves[0].token, 15);
        const auto all = ids_of(record);
        const auto before = ids_of(alone(request_of(prompt_of(30), 15)));
        EXPECT_EQ(std::vector(all.begin(), all.begin() + 15), before) << name;

        // The same context, the cache written with the old value, then a run with the new one: a chat goes
        // on.
        Scheduler second(model.parts());
        RunRequest head = request_of(prompt_of(30), 15);
        head.conversation = 1;
        run_to_end(second, head);
        RunRequest tail = request_of(joined(prompt_of(30), before), 25);
        tail.conversation = 1;
        const ControlSpec& spec = *find_control(name);
        Tuning tuning = with_control({tail.tuning, {}}, spec, value);
        tail.tuning = tuning.sequence;
        second.set_model_tuning(tuning.model);
        second.wait_recoded();
        const RunRecord rest = run_to_end(second, tail);
        EXPECT_EQ(rest.timings.prompt_tokens_reused, 44);
        EXPECT_EQ(std::vector(all.begin() + 15, all.end()), ids_of(rest)) << name;
        scheduler.set_model_tuning({});
        scheduler.wait_recoded();
    }
}

TEST_F(SchedulerTest, TheNextTokenObeysALiveDial) {
    Scheduler scheduler(model.parts());
    RunRequest request = request_of(prompt_of(10), 400);
    request.tuning.experts = 8;
    SequenceTuning moved = request.tuning;
    moved.experts = 3;
    moved.max_tokens = 60;
    request.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token && event.token.experts_active == 8)
            scheduler.set_tuning(event.run, moved); // comes again and again: only the first moves anything
    };
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.tokens.size(), 60u);
    ASSERT_EQ(record.moves.size(), 2u);
    EXPECT_EQ(record.moves[0].name, "max_tokens");
    EXPECT_EQ(record.moves[1].name, "experts");
    EXPECT_EQ(record.moves[1].token, 1);
    EXPECT_EQ(record.tokens[0].experts_active, 8);
    EXPECT_EQ(record.tokens[1].experts_active, 3);

    RunRequest planned = request_of(prompt_of(10), 60);
    planned.tuning.experts = 8;
    planned.moves = {{1, "experts", 3.0}};
    EXPECT_EQ(ids_of(record), ids_of(alone(planned)));
    moved.top_p = 7;
    EXPECT_THROW(scheduler.set_tuning(1, moved), Error);
}

TEST_F(SchedulerTest, AMoveBeforeTheFirstTokenActsOnThePromptToo) {
    RunRequest moved = request_of(prompt_of(30));
    moved.moves = {{0, "experts", 2.0}};
    RunRequest plain = request_of(prompt_of(30));
    plain.tuning.experts = 2;
    EXPECT_EQ(ids_of(alone(moved)), ids_of(alone(plain)));
}

TEST_F(SchedulerTest, ThePrecisionChangesWhileTheAnswerGoesOn) {
    Scheduler scheduler(model.parts());
    RunRequest request = request_of(prompt_of(10), 300);
    model.executor.row_time = 200us;
    request.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token && event.token.quant == "file")
            scheduler.set_model_tuning({BlockType::Q4_K});
    };
    const RunRecord record = run_to_end(scheduler, request);
    ASSERT_EQ(record.tokens.size(), 300u);
    EXPECT_EQ(record.tokens[0].quant, "file");
    EXPECT_EQ(record.tokens[1].quant, "Q4_K");
    for (std::size_t i = 2; i < record.tokens.size(); ++i)
        EXPECT_GE(record.tokens[i].recoded_slices, record.tokens[i - 1].recoded_slices);
    EXPECT_EQ(record.tokens.back().recoded_slices, FakeModel::kSlices);
    EXPECT_LT(record.tokens.back().weights_bytes, record.tokens[0].weights_bytes);
    ASSERT_EQ(record.moves.size(), 1u);
    EXPECT_EQ(record.moves[0].name, "quant");
    EXPECT_EQ(record.moves[0].value, ControlValue(std::string("Q4_K")));
}

/// A record as it comes back from a database.
std::shared_ptr<const RunRecord> stored(const RunRecord& record) {
    return std::make_shared<RunRecord>(
        run_record_from_json(nlohmann::ordered_json::parse(to_json(record).dump())));
}

TEST_F(SchedulerTest, AStoredAnswerRunsAgainExactly) {
    model.executor.row_time = 100us;
    Scheduler scheduler(model.parts());
    // A chat with dials moved by hand at times that nobody knows beforehand.
    std::vector<RunRecord> answers;
    std::vector<std::vector<std::int32_t>> prompts;
    std::vector<std::int32_t> context = prompt_of(45);
    const std::optional<BlockType> targets[] = {BlockType::Q8_0, BlockType::Q4_0, std::nullopt};
    for (int turn = 0; turn < 3; ++turn) {
        RunRequest request = request_of(context, 60);
        request.conversation = 1;
        SequenceTuning moved = request.tuning;
        request.on_event = [&, turn, moved, count = 0](const SchedulerEvent& event) mutable {
            if (event.kind != Kind::Token)
                return;
            if (++count == 3)
                scheduler.set_model_tuning({targets[turn]});
            if (count % 13 == 0) {
                moved.experts = 1 + count % 7;
                moved.kv = std::array{BlockType::F16, BlockType::Q8_0, BlockType::Q4_0}[count / 13 % 3];
                moved.activation_bits = count / 13 % 2 == 0 ? 16 : 8;
                moved.temperature = 0.8 + 0.01 * count;
                scheduler.set_tuning(event.run, moved);
            }
            if (count == 55 && turn == 1)
                scheduler.set_model_tuning({BlockType::Q6_K});
        };
        prompts.push_back(context);
        answers.push_back(run_to_end(scheduler, request));
        ASSERT_EQ(answers.back().finish, FinishReason::MaxTokens) << answers.back().error;
        context =
            joined(joined(context, ids_of(answers.back())), prompt_of(12, static_cast<std::uint64_t>(turn)));
    }
    EXPECT_GT(answers[2].context.size(), 4u);

    FakeModel fresh;
    Scheduler other(fresh.parts());
    other.set_model_tuning({BlockType::Q5_1});
    other.wait_recoded();
    for (std::size_t turn : {2u, 0u, 1u}) {
        RunRequest again;
        again.prompt = prompts[turn];
        again.replay = stored(answers[turn]);
        const RunRecord record = run_to_end(other, again);
        EXPECT_EQ(record.finish, answers[turn].finish) << record.error;
        EXPECT_EQ(ids_of(record), ids_of(answers[turn])) << "turn " << turn;
        EXPECT_EQ(record.context, answers[turn].context);
        ASSERT_EQ(record.moves.size(), answers[turn].moves.size());
        for (std::size_t i = 0; i < record.tokens.size(); ++i) {
            EXPECT_EQ(record.tokens[i].recoded_slices, answers[turn].tokens[i].recoded_slices);
            EXPECT_EQ(record.tokens[i].experts_active, answers[turn].tokens[i].experts_active);
            EXPECT_EQ(record.tokens[i].text, answers[turn].tokens[i].text);
        }
        EXPECT_EQ(other.model_tuning().weights, BlockType::Q5_1);
        other.wait_recoded();
        EXPECT_EQ(other.recode_progress().target, BlockType::Q5_1) << "the chat's own precision comes back";
    }
    RunRequest wrong;
    wrong.prompt = prompt_of(7);
    wrong.replay = stored(answers[0]);
    const RunRecord refused = run_to_end(other, wrong);
    EXPECT_EQ(refused.finish, FinishReason::Failed);
    EXPECT_NE(refused.error.find("cannot be run again"), std::string::npos);
}

TEST_F(SchedulerTest, CancelEndsWithin50MsAndLeavesTheOthersAlone) {
    model.executor.row_time = 2ms; // a chunk takes a second
    Scheduler scheduler(model.parts());
    RunRequest kept = request_of(prompt_of(8), 30);
    std::promise<void> decoding;
    kept.on_event = [&, said = false](const SchedulerEvent& event) mutable {
        if (event.kind == Kind::Token && !std::exchange(said, true))
            decoding.set_value();
    };
    auto answer = std::async(std::launch::async, [&] { return run_to_end(scheduler, kept); });
    decoding.get_future().wait();
    std::promise<RunRecord> stopped;
    RunRequest long_prompt = request_of(prompt_of(1500, 3));
    long_prompt.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Finished)
            stopped.set_value(*event.record);
    };
    const RunHandle handle = scheduler.submit(long_prompt);
    std::this_thread::sleep_for(100ms); // its first chunk is being computed
    const auto asked = std::chrono::steady_clock::now();
    scheduler.cancel(handle);
    const RunRecord record = stopped.get_future().get();
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 50ms);
    EXPECT_EQ(record.finish, FinishReason::Stopped);
    kept.on_event = nullptr;
    EXPECT_EQ(ids_of(answer.get()), ids_of(alone(kept))) << "its row was computed again";
    scheduler.cancel(handle);
    scheduler.cancel(12345);
}

TEST_F(SchedulerTest, StoppedInTheMiddleKeepsWhatWasSaid) {
    model.executor.row_time = 1ms;
    Scheduler scheduler(model.parts());
    RunRequest request = request_of(prompt_of(8), 1000);
    request.conversation = 1;
    request.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token && event.token.latency_ms >= 0 && ++request.tuning.max_tokens == 1005)
            scheduler.cancel(event.run);
    };
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.finish, FinishReason::Stopped);
    EXPECT_EQ(record.tokens.size(), 5u);
    RunRequest next = request_of(joined(request.prompt, ids_of(record)), 3);
    next.conversation = 1;
    EXPECT_GE(run_to_end(scheduler, next).timings.prompt_tokens_reused, 12);
    RunRequest again;
    again.prompt = request.prompt;
    again.replay = stored(record);
    const RunRecord replay = run_to_end(scheduler, again);
    EXPECT_EQ(replay.finish, FinishReason::Stopped);
    EXPECT_EQ(ids_of(replay), ids_of(record));
}

TEST_F(SchedulerTest, LabRunsPauseWhileAChatIsAnswered) {
    model.executor.row_time = 500us;
    Scheduler scheduler(model.parts());
    std::atomic<int> lab_tokens{0};
    RunRequest lab = request_of(prompt_of(8), 200);
    lab.priority = RunPriority::Lab;
    lab.on_event = [&](const SchedulerEvent& event) { lab_tokens += event.kind == Kind::Token; };
    auto slow = std::async(std::launch::async, [&] { return run_to_end(scheduler, lab); });
    while (lab_tokens < 3)
        std::this_thread::sleep_for(1ms);
    RunRequest chat = request_of(prompt_of(8, 2), 50);
    int at_first = -1, at_last = -1;
    chat.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Token)
            (at_first < 0 ? at_first : at_last) = lab_tokens;
    };
    run_to_end(scheduler, chat);
    EXPECT_EQ(at_first, at_last);
    lab.on_event = nullptr;
    EXPECT_EQ(ids_of(slow.get()), ids_of(alone(lab)));
}

TEST_F(SchedulerTest, ARunAloneHasNobodyBesideIt) {
    Scheduler scheduler(model.parts());
    std::vector<std::future<RunRecord>> others;
    for (int i = 0; i < 3; ++i)
        others.push_back(std::async(std::launch::async, [&scheduler, i] {
            return run_to_end(scheduler, request_of(prompt_of(8, static_cast<std::uint64_t>(i)), 50));
        }));
    RunRequest bench = request_of(prompt_of(8, 9), 50);
    bench.alone = true;
    int steps = 0;
    bench.on_event = [&](const SchedulerEvent& event) {
        if (event.kind == Kind::Prefill)
            steps = -model.executor.steps;
        if (event.kind == Kind::Finished)
            steps += model.executor.steps;
    };
    run_to_end(scheduler, bench);
    EXPECT_EQ(steps, 49);
    for (auto& other : others)
        other.get();
}

TEST_F(SchedulerTest, EndsWhereItShould) {
    Scheduler scheduler(model.parts());
    RunRequest request = request_of(prompt_of(1990), 100);
    const RunRecord full = run_to_end(scheduler, request);
    EXPECT_EQ(full.finish, FinishReason::ContextFull);
    EXPECT_EQ(full.tokens.size(), 10u);
    // Some seed meets an end token.
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        request = request_of(prompt_of(10), 500);
        request.tuning.seed = seed;
        request.ignore_end = false;
        const RunRecord record = run_to_end(scheduler, request);
        if (record.finish != FinishReason::EndOfTurn)
            continue;
        for (std::int32_t id : ids_of(record))
            EXPECT_NE(id, 60);
        RunRequest again;
        again.prompt = request.prompt;
        again.replay = stored(record);
        EXPECT_EQ(ids_of(run_to_end(scheduler, again)), ids_of(record));
        return;
    }
    FAIL() << "no run met an end token";
}

TEST_F(SchedulerTest, ARequestThatCannotBeServedSaysWhy) {
    Scheduler scheduler(model.parts());
    const auto error_of = [&](RunRequest request) {
        const RunRecord record = run_to_end(scheduler, std::move(request));
        EXPECT_EQ(record.finish, FinishReason::Failed);
        return record.error;
    };
    EXPECT_EQ(error_of(request_of({})), "the prompt is empty");
    EXPECT_EQ(error_of(request_of({1, 61})), "token id 61 is outside the model's vocabulary of 61");
    EXPECT_NE(error_of(request_of(prompt_of(2001))).find("context holds 2000"), std::string::npos);
    RunRequest request = request_of(prompt_of(5));
    request.tuning.top_p = 3;
    EXPECT_NE(error_of(request).find("top_p"), std::string::npos);
    request = request_of(prompt_of(5));
    request.moves = {{3, "loudness", 1.0}};
    EXPECT_NE(error_of(request).find("loudness"), std::string::npos);
    EXPECT_EQ(run_to_end(scheduler, request_of(prompt_of(5))).finish, FinishReason::MaxTokens);
}

TEST_F(SchedulerTest, AFailureEndsTheRunAndKeepsTheConversation) {
    Scheduler scheduler(model.parts());
    RunRequest request = request_of(prompt_of(64), 200);
    request.conversation = 1;
    model.executor.most_blocks = 3;
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_EQ(record.finish, FinishReason::Failed);
    EXPECT_EQ(record.error, "no memory for a KV block");
    EXPECT_EQ(record.tokens.size(), 33u);
    model.executor.most_blocks = 100;
    RunRequest next = request_of(joined(request.prompt, ids_of(record)), 5);
    next.conversation = 1;
    const RunRecord after = run_to_end(scheduler, next);
    EXPECT_EQ(after.timings.prompt_tokens_reused, 96);
    EXPECT_EQ(ids_of(after), ids_of(alone(next)));

    model.executor.fail_next = true;
    EXPECT_EQ(run_to_end(scheduler, next).error, "the step failed");
    EXPECT_EQ(ids_of(run_to_end(scheduler, next)), ids_of(alone(next)));
}

TEST_F(SchedulerTest, DestructionEndsEveryRun) {
    model.executor.row_time = 1ms;
    std::atomic<int> finished{0};
    {
        Scheduler scheduler(model.parts());
        for (int i = 0; i < 20; ++i) {
            RunRequest request = request_of(prompt_of(300, static_cast<std::uint64_t>(i)), 500);
            request.on_event = [&](const SchedulerEvent& event) {
                if (event.kind == Kind::Finished) {
                    EXPECT_EQ(event.record->finish, FinishReason::Stopped);
                    ++finished;
                }
            };
            scheduler.submit(std::move(request));
        }
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_EQ(finished, 20);
    EXPECT_EQ(model.executor.live_blocks(), 0u);
}

TEST_F(SchedulerTest, APrecisionChangesWhileNothingRuns) {
    std::promise<RecodeProgress> done;
    SchedulerOptions options;
    options.on_recode = [&](const RecodeProgress& progress) {
        if (progress.finished() && progress.target == BlockType::Q6_K)
            done.set_value(progress);
    };
    Scheduler scheduler(model.parts(), options);
    scheduler.set_model_tuning({BlockType::Q6_K});
    EXPECT_EQ(done.get_future().get().total, FakeModel::kSlices);
    model.backend.fail_from = 0;
    scheduler.set_model_tuning({BlockType::Q4_0});
    EXPECT_THROW(scheduler.wait_recoded(), Error);
}

TEST_F(SchedulerTest, TheExactPathKeepsItsCacheInF32) {
    model.backend.exact_ = true;
    Scheduler scheduler(model.parts());
    const RunRecord record = run_to_end(scheduler, request_of(prompt_of(5)));
    EXPECT_EQ(record.tokens[0].kv, BlockType::F32);
    EXPECT_EQ(record.context[0].kv, BlockType::F32);
    RunRequest again;
    again.prompt = prompt_of(5);
    again.replay = stored(record);
    EXPECT_EQ(ids_of(run_to_end(scheduler, again)), ids_of(record));
}

} // namespace
} // namespace switchyard
