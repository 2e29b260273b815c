// The scheduler over real forward passes: what may not change an answer does not change a single token of it.
#include "engine/run/scheduler.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <future>

namespace switchyard {
namespace {

using fake::mix;

struct Setting {
    std::string family;
    bool exact;
};

class TinyModelTest : public testing::TestWithParam<Setting> {
  protected:
    static std::shared_ptr<LoadedModel> load(int threads = 2) {
        LoadOptions options;
        options.backend = make_cpu_backend({threads, GetParam().exact});
        return LoadedModel::load(
            SWITCHYARD_TEST_WORK "/reference/models/" + GetParam().family + "/model-f32.gguf", options);
    }
    static std::vector<std::int32_t> prompt(int count, std::uint64_t seed = 1) {
        std::vector<std::int32_t> ids;
        for (int i = 0; i < count; ++i)
            ids.push_back(static_cast<std::int32_t>(mix(seed, static_cast<std::uint64_t>(i)) % 190));
        return ids;
    }
    static RunRequest request_of(std::vector<std::int32_t> ids, int max_tokens = 24) {
        RunRequest request;
        request.prompt = std::move(ids);
        request.tuning.max_tokens = max_tokens;
        request.tuning.temperature = 1.2;
        request.tuning.seed = 3;
        request.ignore_end = true;
        return request;
    }
    static std::vector<std::int32_t> answer(const RunRecord& record) {
        EXPECT_EQ(record.error, "");
        return fake::ids_of(record);
    }
    /// By a fresh model and scheduler.
    static std::vector<std::int32_t> alone(const RunRequest& request, int threads = 2) {
        Scheduler scheduler(engine_parts(load(threads)));
        return answer(run_to_end(scheduler, request));
    }
};

TEST_P(TinyModelTest, ChunksThreadsAndCompanyDoNotChangeTheAnswer) {
    const RunRequest plain = request_of(prompt(90));
    const auto expected = alone(plain);
    EXPECT_EQ(alone(plain, 1), expected);
    Scheduler scheduler(engine_parts(load()));
    for (int chunk : {1, 13, 32, 64}) {
        RunRequest request = plain;
        request.tuning.prefill_chunk = chunk;
        request.reuse_cache = false;
        EXPECT_EQ(answer(run_to_end(scheduler, request)), expected) << "chunk " << chunk;
    }
    std::vector<std::future<RunRecord>> batch;
    for (int i = 0; i < 5; ++i)
        batch.push_back(std::async(std::launch::async, [&, i] {
            return run_to_end(scheduler, i == 2 ? plain : request_of(prompt(20 + 30 * i, 7 + i)));
        }));
    for (int i = 0; i < 5; ++i) {
        const auto ids = answer(batch[static_cast<std::size_t>(i)].get());
        EXPECT_EQ(ids, i == 2 ? expected : alone(request_of(prompt(20 + 30 * i, 7 + i)))) << i;
    }
}

TEST_P(TinyModelTest, ReusingAPrefixEqualsComputingItAgain) {
    const auto model = load();
    Scheduler scheduler(engine_parts(model));
    RunRequest first = request_of(prompt(50));
    first.conversation = 1;
    auto context = first.prompt;
    for (std::int32_t id : answer(run_to_end(scheduler, first)))
        context.push_back(id);
    for (std::int32_t id : prompt(11, 5))
        context.push_back(id);
    RunRequest second = request_of(context);
    second.conversation = 1;
    const RunRecord record = run_to_end(scheduler, second);
    // States are kept where blocks end.
    EXPECT_EQ(record.timings.prompt_tokens_reused, model->plan().states.empty() ? 50 + 23 : 64);
    EXPECT_EQ(answer(record), alone(second));
}

TEST_P(TinyModelTest, ADialMoveEqualsARunThatHadTheValueFromThatTokenOn) {
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, ControlValue>>{{"experts", 1.0},
                                                           {"temperature", 0.0},
                                                           {"kv", std::string("Q8_0")},
                                                           {"kv", std::string("Q4_0")},
                                                           {"quant", std::string("Q8_0")}}) {
        const auto model = load();
        if (!model->plan().states.empty())
            return; // what stands behind the last whole block is computed again, with the dial as it is then
        if (name == "experts" && model->plan().experts == 0)
            continue;
        RunRequest moved = request_of(prompt(40), 30);
        moved.moves = {{10, name, value}};
        Scheduler scheduler(engine_parts(model));
        const auto all = answer(run_to_end(scheduler, moved));
        ASSERT_EQ(all.size(), 30u);

        Scheduler other(engine_parts(load()));
        RunRequest head = request_of(prompt(40), 10);
        head.conversation = 1;
        auto context = head.prompt;
        const auto before = answer(run_to_end(other, head));
        EXPECT_EQ(std::vector(all.begin(), all.begin() + 10), before) << name;
        context.insert(context.end(), before.begin(), before.end());
        RunRequest tail = request_of(context, 20);
        tail.conversation = 1;
        const Tuning tuning = with_control({tail.tuning, {}}, *find_control(name), value);
        tail.tuning = tuning.sequence;
        other.set_model_tuning(tuning.model);
        other.wait_recoded();
        EXPECT_EQ(std::vector(all.begin() + 10, all.end()), answer(run_to_end(other, tail))) << name;
    }
}

TEST_P(TinyModelTest, AStoredAnswerRunsAgainExactly) {
    Scheduler scheduler(engine_parts(load()));
    RunRequest request = request_of(prompt(40), 60);
    request.on_event = [&, count = 0](const SchedulerEvent& event) mutable {
        if (event.kind != SchedulerEvent::Kind::Token)
            return;
        ++count;
        SequenceTuning moved = request_of({}, 60).tuning;
        moved.experts = 2;
        moved.top_p = 0.8;
        moved.kv = count % 2 ? BlockType::Q8_0 : BlockType::Q4_0;
        if (count == 9)
            scheduler.set_tuning(event.run, moved);
        if (count == 5 || count == 40)
            scheduler.set_model_tuning({count == 5 ? std::optional(BlockType::Q4_0) : std::nullopt});
    };
    const RunRecord record = run_to_end(scheduler, request);
    EXPECT_GE(record.moves.size(), 4u);
    RunRequest again;
    again.prompt = request.prompt;
    again.replay = std::make_shared<RunRecord>(
        run_record_from_json(nlohmann::ordered_json::parse(to_json(record).dump())));
    Scheduler other(engine_parts(load(1)));
    EXPECT_EQ(answer(run_to_end(other, again)), answer(record));
}

TEST_P(TinyModelTest, GoingBackToTheFileGivesTheFirstAnswerAgain) {
    Scheduler scheduler(engine_parts(load()));
    RunRequest request = request_of(prompt(40));
    request.reuse_cache = false;
    const auto first = answer(run_to_end(scheduler, request));
    scheduler.set_model_tuning({BlockType::Q4_0});
    scheduler.wait_recoded();
    EXPECT_NE(answer(run_to_end(scheduler, request)), first);
    scheduler.set_model_tuning({});
    scheduler.wait_recoded();
    EXPECT_EQ(answer(run_to_end(scheduler, request)), first);
}

/// A model whose rotations are others in texts of more than 64 tokens.
class LongTexts : public TinyModelTest {
  protected:
    static RunRequest greedy(std::vector<std::int32_t> ids, int max_tokens) {
        RunRequest request = request_of(std::move(ids), max_tokens);
        request.tuning.temperature = 0.0;
        return request;
    }
};

TEST_P(LongTexts, ATextThatGrowsLongIsComputedAgainFromItsFirstToken) {
    ASSERT_EQ(load()->plan().short_text, 64);
    const auto beginning = prompt(56);
    Scheduler scheduler(engine_parts(load()));
    RunRequest whole = greedy(beginning, 24);
    whole.conversation = 1;
    const auto ids = answer(run_to_end(scheduler, whole));
    ASSERT_EQ(ids.size(), 24u);
    const auto with = [&](std::ptrdiff_t count) {
        auto context = beginning;
        context.insert(context.end(), ids.begin(), ids.begin() + count);
        return context;
    };
    for (const std::ptrdiff_t said : {4, 8, 9, 16}) {
        const auto rest = std::vector(ids.begin() + said, ids.end());
        EXPECT_EQ(alone(greedy(with(said), 24 - static_cast<int>(said))), rest) << said;
        RunRequest again = greedy(with(said), 24 - static_cast<int>(said)); // over what the conversation has
        again.conversation = 1;
        EXPECT_EQ(answer(run_to_end(scheduler, again)), rest) << said;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, LongTexts, testing::Values(Setting{"phi3", false}, Setting{"phi3", true}),
                         [](const auto& info) { return info.param.exact ? "exact" : "fast"; });

INSTANTIATE_TEST_SUITE_P(Families, TinyModelTest,
                         testing::Values(Setting{"llama31", false}, Setting{"llama31", true},
                                         Setting{"deepseek1", false}, Setting{"deepseek1", true},
                                         Setting{"deepseek2_lite", false}, Setting{"qwen3_5_moe", false},
                                         Setting{"nemotron_h", false}, Setting{"deepseek_v4", false},
                                         Setting{"glm_moe_dsa", false}, Setting{"gemma4_e", false},
                                         Setting{"llama4", false}),
                         [](const auto& info) {
                             return info.param.family + (info.param.exact ? "_exact" : "_fast");
                         });

} // namespace
} // namespace switchyard
