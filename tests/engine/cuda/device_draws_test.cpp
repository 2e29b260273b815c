// Steps behind steps whose tokens the device draws: what they give is what the host's own draws give, and the
// host is not waited for between them.
#include "engine/run/sampler.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <ostream>

namespace switchyard {
namespace {

/// A device that notes how many graphs had run when each step was launched whose tokens it draws.
struct WatchedDevice {
    explicit WatchedDevice(const std::string& fault = "") {
        cuda::EmulatedOptions options{.loses = [this](const cuda::Launch& launch) {
            if (launch.kernel == cuda::Kernel::DrawNext)
                graphs_before.push_back(cuda::counts_of(*device).graphs);
            return false;
        }};
        if (!fault.empty())
            options.fault = cuda::parse_fault(fault);
        device = cuda::make_emulated_device(options);
    }
    std::shared_ptr<cuda::Device> device;
    std::vector<std::uint64_t> graphs_before;

    std::shared_ptr<LoadedModel> load(const std::string& family,
                                      cuda::StepLaunches launches = cuda::StepLaunches::Programs) {
        return test::load_reference(
            family, make_cuda_backend(device, {.threads = 1, .launches = launches, .check = false}));
    }
};

/// Answers that a test computes by itself: prompts of several tokens, then a row of each in every step.
class Answers {
  public:
    Answers(LoadedModel& model, int count, const SequenceTuning& tuning) : model_(model), tuning_(tuning) {
        for (int s = 0; s < count; ++s) {
            Answer answer;
            for (int t = 0; t < 4 + s; ++t)
                answer.tokens.push_back((t * 29 + s * 13) % 150 + 3);
            for (int b = 0; b < 2; ++b)
                answer.blocks.push_back(model.executor().allocate_kv_block(BlockType::F16));
            answers_.push_back(std::move(answer));
        }
        read_prompts();
    }
    ~Answers() {
        for (const Answer& answer : answers_)
            for (const KvBlockId block : answer.blocks)
                model_.executor().release_kv_block(block);
    }
    Answers(const Answers&) = delete;

    /// Steps that are all started before the first begins; each takes its tokens from the one before.
    void run_behind_each_other(int steps) {
        std::latch all_started(1);
        std::vector<std::unique_ptr<PendingStep>> pending;
        Executor& executor = model_.executor();
        Batch gate;
        gate.rows.push_back({.token = 5, .position = 63});
        gate.sequences.push_back({answers_.front().blocks}); // a place that no row sees yet
        pending.push_back(executor.start(std::move(gate), model_.weights(), {}, [&] { all_started.wait(); }));
        for (int step = 0; step < steps; ++step)
            pending.push_back(executor.start(batch(step), model_.weights(), {}));
        all_started.count_down();
        pending.front()->wait();
        for (int step = 0; step < steps; ++step)
            take(pending[static_cast<std::size_t>(step) + 1]->wait());
    }
    void run_one_by_one(int steps) {
        for (int step = 0; step < steps; ++step)
            take(model_.executor().run(batch(0), model_.weights()));
    }

    std::vector<std::int32_t> ids() const { return ids_; }
    std::vector<double> probabilities() const { return probabilities_; }

  private:
    struct Answer {
        std::vector<std::int32_t> tokens;
        std::vector<KvBlockId> blocks;
    };

    void read_prompts() {
        Batch batch;
        for (const Answer& answer : answers_) {
            for (std::size_t t = 0; t + 1 < answer.tokens.size(); ++t)
                batch.rows.push_back({.token = answer.tokens[t],
                                      .position = static_cast<std::int32_t>(t),
                                      .sequence = static_cast<std::int32_t>(batch.sequences.size())});
            batch.sequences.push_back({answer.blocks});
        }
        model_.executor().run(std::move(batch), model_.weights());
    }
    /// The step of each answer's last token but `ahead`; from 1 on that is what the step before draws.
    Batch batch(int ahead) const {
        Batch batch;
        for (std::size_t s = 0; s < answers_.size(); ++s) {
            const Answer& answer = answers_[s];
            const auto row = static_cast<std::int32_t>(s);
            const auto position = static_cast<std::int32_t>(answer.tokens.size()) - 1 + ahead;
            batch.rows.push_back({.token = ahead > 0 ? -1 : answer.tokens.back(),
                                  .drawn_by = ahead > 0 ? row : -1,
                                  .position = position,
                                  .sequence = row,
                                  .wish = RowWish::Draw,
                                  .draw = row});
            batch.sequences.push_back({answer.blocks});
            SequenceTuning tuning = tuning_;
            tuning.seed += s;
            batch.draw_wishes.push_back(draw_wish(
                tuning, answer.tokens, static_cast<std::uint64_t>(position) + 1, kDrawVersion, ahead > 0));
        }
        return batch;
    }
    void take(const StepResult& result) {
        ASSERT_FALSE(result.cancelled);
        ASSERT_EQ(result.drawn.size(), answers_.size());
        for (std::size_t s = 0; s < answers_.size(); ++s) {
            answers_[s].tokens.push_back(result.drawn[s].id);
            ids_.push_back(result.drawn[s].id);
            probabilities_.push_back(result.drawn[s].probability);
        }
    }

    LoadedModel& model_;
    SequenceTuning tuning_;
    std::vector<Answer> answers_;
    std::vector<std::int32_t> ids_;
    std::vector<double> probabilities_;
};

struct Sampling {
    const char* name;
    double temperature;
    int top_k;
    double top_p, min_p, penalty;
};
void PrintTo(const Sampling& sampling, std::ostream* out) { *out << sampling.name; }

SequenceTuning tuning_of(const Sampling& sampling) {
    SequenceTuning tuning;
    tuning.temperature = sampling.temperature;
    tuning.top_k = sampling.top_k;
    tuning.top_p = sampling.top_p;
    tuning.min_p = sampling.min_p;
    tuning.repetition_penalty = sampling.penalty;
    tuning.seed = 42;
    return tuning;
}

constexpr Sampling kGreedy{"greedy", 0, 0, 1, 0, 1}, kTopK{"top_k", 0.9, 40, 1, 0, 1},
    kMinP{"min_p", 1.2, 0, 0.9, 0.3, 1}, kUsual{"usual", 0.8, 40, 0.95, 0.02, 1.1};

class DeviceDrawing : public testing::TestWithParam<std::tuple<const char*, int, Sampling>> {};

TEST_P(DeviceDrawing, GivesWhatTheHostsDrawsGive) {
    const auto& [family, rows, sampling] = GetParam();
    // A penalty falls on tokens that must be known but for the last: two steps at a time.
    const int together = sampling.penalty == 1 ? 4 : 2;
    WatchedDevice own, other;
    const auto model = own.load(family), expected_of = other.load(family);
    Answers answers(*model, rows, tuning_of(sampling)), expected(*expected_of, rows, tuning_of(sampling));
    for (int round = 0; round < 4 / together; ++round) {
        answers.run_one_by_one(1); // makes the room
        answers.run_one_by_one(1);
        own.graphs_before.clear();
        const DeviceDraws before = *model->executor().device_draws();
        const std::uint64_t graphs = cuda::counts_of(*own.device).graphs;
        answers.run_behind_each_other(together);
        std::vector<std::uint64_t> wanted;
        for (int step = 0; step + 1 < together; ++step)
            wanted.push_back(graphs + static_cast<std::uint64_t>(step));
        EXPECT_EQ(own.graphs_before, wanted) << "each was launched before the one in front of it had run";
        const DeviceDraws draws = *model->executor().device_draws();
        EXPECT_EQ(draws.steps - before.steps, static_cast<std::uint64_t>(together) - 1);
        EXPECT_EQ(draws.differed, 0u);
        EXPECT_EQ(draws.undecided, 0u);
        expected.run_one_by_one(together + 2);
    }
    EXPECT_EQ(answers.ids(), expected.ids());
    EXPECT_EQ(answers.probabilities(), expected.probabilities());
    EXPECT_TRUE(other.graphs_before.empty());
}

INSTANTIATE_TEST_SUITE_P(Families, DeviceDrawing,
                         testing::Combine(testing::Values("qwen3moe", "deepseek2_lite"),
                                          testing::Values(1, 3, 8), testing::Values(kGreedy, kUsual)),
                         [](const auto& info) {
                             return std::string(std::get<0>(info.param)) + "_" +
                                    std::to_string(std::get<1>(info.param)) + "_" +
                                    std::get<2>(info.param).name;
                         });

INSTANTIATE_TEST_SUITE_P(Sampling, DeviceDrawing,
                         testing::Combine(testing::Values("llama31"), testing::Values(2),
                                          testing::Values(kTopK, kMinP)),
                         [](const auto& info) { return std::get<2>(info.param).name; });

TEST(DeviceDraws, AnotherTokenThanTheHostsIsComputedAgain) {
    WatchedDevice faulty("DrawNext:LostBlock:1"), sound;
    const auto model = faulty.load("qwen3moe"), expected_of = sound.load("qwen3moe");
    Answers answers(*model, 3, tuning_of(kTopK)), expected(*expected_of, 3, tuning_of(kTopK));
    answers.run_one_by_one(2);
    answers.run_behind_each_other(4);
    answers.run_one_by_one(2);
    expected.run_one_by_one(8);
    EXPECT_EQ(answers.ids(), expected.ids());
    EXPECT_EQ(answers.probabilities(), expected.probabilities());
    EXPECT_GE(model->executor().device_draws()->differed, 1u);
}

TEST(DeviceDraws, WhereCandidatesDoNotDecideTheHostLooksAtAllLogits) {
    WatchedDevice own, other;
    const auto model = own.load("qwen3moe"), expected_of = other.load("qwen3moe");
    const SequenceTuning flat = tuning_of({"flat", 40, 0, 0.999, 0, 1}); // nearly all are kept
    Answers answers(*model, 2, flat), expected(*expected_of, 2, flat);
    answers.run_one_by_one(2);
    answers.run_behind_each_other(5);
    expected.run_one_by_one(7);
    EXPECT_EQ(answers.ids(), expected.ids());
    EXPECT_EQ(answers.probabilities(), expected.probabilities());
    const DeviceDraws draws = *model->executor().device_draws();
    EXPECT_GE(draws.undecided, 1u);
    EXPECT_LT(own.graphs_before.size(), 4u) << "what is in vain is not done at every step";
    EXPECT_EQ(draws.differed, 0u);
}

TEST(DeviceDraws, WhatTheDeviceDoesNotDrawWaitsForTheHost) {
    for (const bool graphs : {true, false}) {
        WatchedDevice own;
        const auto model =
            own.load("qwen3moe", graphs ? cuda::StepLaunches::Graphs : cuda::StepLaunches::Stages);
        // Of all ids, or a step that is not a graph.
        Answers answers(*model, 1, tuning_of(graphs ? Sampling{"all", 1, 0, 1, 0, 1} : kGreedy));
        answers.run_one_by_one(2);
        answers.run_behind_each_other(3);
        EXPECT_TRUE(own.graphs_before.empty());
        EXPECT_EQ(answers.ids().size(), 5u);
        EXPECT_EQ(*model->executor().device_draws(), DeviceDraws{});
    }
}

TEST(DeviceDraws, OthersGetTheDeviceAfterManySteps) {
    WatchedDevice own;
    const auto model = own.load("llama31");
    Answers answers(*model, 1, tuning_of(kGreedy));
    answers.run_one_by_one(2);
    answers.run_behind_each_other(40);
    EXPECT_EQ(own.graphs_before.size(), 38u) << "39 follow another, and one of them waited";
    EXPECT_EQ(model->executor().device_draws()->differed, 0u);
}

/// Requests that end at different tokens, one of them by a stop string where there is one.
std::vector<RunRecord> served(WatchedDevice& own, int steps_in_flight, const std::string& stop,
                              DeviceDraws& draws) {
    const auto model = own.load("qwen3moe");
    std::vector<RunRequest> requests;
    for (int i = 0; i < 3; ++i) {
        RunRequest& request = requests.emplace_back();
        for (int t = 0; t < 6 + i; ++t)
            request.prompt.push_back((t * 31 + i * 17) % 180 + 3);
        request.tuning.max_tokens = i == 0 ? 14 : 5 + 3 * i;
        request.tuning.temperature = i == 1 ? 0 : 0.9;
        request.tuning.seed = static_cast<std::uint64_t>(7 + i);
        request.ignore_end = i != 2;
        if (i == 0 && !stop.empty())
            request.stops = {stop};
        request.priority = RunPriority::Api;
    }
    SchedulerOptions options;
    options.steps_in_flight = steps_in_flight;
    auto records = test::answers_together(model, std::move(requests), options);
    draws = *model->executor().device_draws();
    return records;
}

TEST(DeviceDraws, AnswersEndWhereTheyEndedWithoutThem) {
    DeviceDraws none, some;
    WatchedDevice one, two;
    const auto whole = served(one, 1, "", none);
    EXPECT_EQ(none.steps, 0u);
    std::string stop;
    for (std::size_t t = 6; t < 9; ++t)
        stop += whole[0].tokens[t].text;
    for (const std::string& ends : {std::string(), stop}) {
        const auto expected = ends.empty() ? whole : served(two, 1, ends, none);
        WatchedDevice own;
        const auto records = served(own, 2, ends, some);
        EXPECT_GT(some.steps, 0u);
        EXPECT_EQ(some.differed, 0u);
        for (std::size_t i = 0; i < records.size(); ++i) {
            EXPECT_EQ(records[i].error, "");
            EXPECT_EQ(records[i].finish, expected[i].finish) << i;
            ASSERT_EQ(records[i].tokens.size(), expected[i].tokens.size()) << i;
            for (std::size_t t = 0; t < records[i].tokens.size(); ++t) {
                EXPECT_EQ(records[i].tokens[t].id, expected[i].tokens[t].id) << i << " " << t;
                EXPECT_EQ(records[i].tokens[t].probability, expected[i].tokens[t].probability);
            }
        }
    }
}

} // namespace
} // namespace switchyard
