// Thirty-two requests at once over a cache for a third of them: every answer is what its record gives alone.
#include "engine/base/memory.h"
#include "tests/engine/run/fake_engine.h"
#include "tests/engine/run/toy_plan.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <random>

namespace switchyard {
namespace {

using fake::FakeModel;
using fake::ids_of;
using fake::prompt_of;
using Kind = SchedulerEvent::Kind;

constexpr int kRequests = 32, kChats = 12;

/// A model of the name: one that computes nothing, with states or without, or a tiny one with real forward
/// passes.
struct Served {
    explicit Served(const std::string& name) {
        if (name == "hybrid_toy") {
            toy = std::make_unique<HybridToy>();
            parts = toy->parts();
            return;
        }
        if (name.starts_with("fake")) {
            fake = std::make_unique<FakeModel>(8, name == "fake_states");
            fake->executor.row_time = std::chrono::microseconds(40);
            parts = fake->parts();
            return;
        }
        LoadOptions options;
        options.backend = make_cpu_backend({2, false});
        parts = engine_parts(
            LoadedModel::load(SWITCHYARD_TEST_WORK "/reference/models/" + name + "/model-f32.gguf", options));
    }
    std::unique_ptr<FakeModel> fake;
    std::unique_ptr<HybridToy> toy;
    EngineParts parts;
};

struct Model {
    std::string name;
    int steps_in_flight;
};

class ManyRequests : public testing::TestWithParam<Model> {
  protected:
    struct Asked {
        RunRequest request;
        std::future<RunRecord> record;
    };

    /// A third of the prompts are equal, a third begin alike, the others have nothing in common.
    static RunRequest request_of(int i, std::mt19937& random, int vocabulary) {
        const auto seed = static_cast<std::uint64_t>(i % 3 == 0 ? 1 : i + 100);
        const auto mine = prompt_of(40 + static_cast<int>(random() % 60), seed);
        std::vector<std::int32_t> prompt = i % 3 == 2 ? mine : prompt_of(70, 7);
        if (i % 3 == 1)
            prompt.insert(prompt.end(), mine.begin(), mine.end());
        for (std::int32_t& id : prompt)
            id %= vocabulary;
        RunRequest request;
        request.prompt = std::move(prompt);
        request.tuning.max_tokens = 20 + static_cast<int>(random() % 40);
        request.tuning.temperature = i % 4 == 0 ? 0 : 1.3;
        request.tuning.seed = random();
        request.tuning.kv = i % 5 == 4 ? BlockType::Q8_0 : i % 5 == 2 ? BlockType::Q4_0 : BlockType::F16;
        request.tuning.prefill_chunk = 64;
        request.ignore_end = i % 2 == 0; // half of them do not say how long they will be
        request.client = static_cast<std::uint64_t>(i % 4);
        request.priority = i >= kRequests - kChats ? RunPriority::Chat : RunPriority::Api;
        return request;
    }

    SchedulerCounters ask_all(unsigned seed);

    /// Moves experts now and then, and the model's precision once.
    static void move_dials(Scheduler& scheduler, RunRequest& request, int i) {
        request.on_event = [&scheduler, i, tuning = request.tuning,
                            count = 0](const SchedulerEvent& event) mutable {
            if (event.kind != Kind::Token)
                return;
            ++count;
            if (i % 6 == 0 && count % 9 == 0) {
                tuning.experts = 1 + count % 3;
                scheduler.set_tuning(event.run, tuning);
            }
            if (i == 5 && count == 10)
                scheduler.set_model_tuning({BlockType::Q8_0});
        };
    }
};

/// Asks for all of them, compares each with its record, and tells what the scheduler did.
SchedulerCounters ManyRequests::ask_all(unsigned seed) {
    Served served(GetParam().name);
    std::mt19937 random(seed);
    std::vector<Asked> asked(kRequests);
    std::size_t needed = 0;
    const std::size_t block = served.parts.executor->kv_block_bytes(BlockType::F16);
    for (int i = 0; i < kRequests; ++i) {
        asked[static_cast<std::size_t>(i)].request = request_of(i, random, served.parts.plan->vocabulary);
        const RunRequest& request = asked[static_cast<std::size_t>(i)].request;
        needed +=
            (request.prompt.size() + static_cast<std::size_t>(request.tuning.max_tokens) + 31) / 32 * block;
    }
    SchedulerOptions options;
    options.kv_budget_bytes = needed / 3;
    // Some are saved, others computed again.
    options.save_budget_bytes = 4 * (block + served.parts.executor->state_bytes());
    options.max_runs = kRequests;
    options.steps_in_flight = GetParam().steps_in_flight;
    SchedulerCounters counters;
    int cancelled = 0;
    {
        Scheduler scheduler(served.parts, options);
        std::atomic<int> tokens{0};
        for (int i = 0; i < kRequests; ++i) {
            if (i == kRequests - kChats) // they come when the cache is full
                while (tokens < 60)
                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
            Asked& one = asked[static_cast<std::size_t>(i)];
            move_dials(scheduler, one.request, i);
            one.record = std::async(std::launch::async, [&, request = one.request, i] {
                auto promise = std::make_shared<std::promise<RunRecord>>();
                auto record = promise->get_future();
                RunRequest run = request;
                run.on_event = [&, promise, next = request.on_event, i,
                                count = 0](const SchedulerEvent& event) mutable {
                    next(event);
                    tokens += event.kind == Kind::Token;
                    if (i % 7 == 3 && event.kind == Kind::Token && ++count == 4 + i / 7)
                        scheduler.cancel(event.run);
                    if (i == 12 && event.kind == Kind::Prefill)
                        scheduler.cancel(event.run);
                    if (event.kind == Kind::Finished)
                        promise->set_value(*event.record);
                };
                scheduler.submit(std::move(run));
                return record.get();
            });
        }
        for (Asked& one : asked)
            one.record.wait();
        counters = scheduler.counters();
    }
    Served fresh(GetParam().name);
    Scheduler alone(fresh.parts);
    for (int i = 0; i < kRequests; ++i) {
        Asked& one = asked[static_cast<std::size_t>(i)];
        const RunRecord record = one.record.get();
        EXPECT_NE(record.finish, FinishReason::Failed) << i << ": " << record.error;
        cancelled += record.finish == FinishReason::Stopped;
        if (record.tokens.empty())
            continue;
        RunRequest again;
        again.prompt = one.request.prompt;
        again.replay = std::make_shared<const RunRecord>(record);
        const RunRecord replay = run_to_end(alone, again);
        EXPECT_EQ(replay.error, "") << i;
        EXPECT_EQ(ids_of(replay), ids_of(record)) << i;
    }
    EXPECT_GE(cancelled, 4);
    EXPECT_LE(counters.longest_unserved, 20u);
    return counters;
}

TEST_P(ManyRequests, EachGivesWhatItsRecordGivesAlone) {
    // When a chat comes in is a matter of time: in some rounds nothing had to be saved, in some little was
    // shared.
    constexpr std::uint64_t kShared = 500; // tokens, in one round
    SchedulerCounters all;
    const auto all_happened = [&] {
        return all.parked > 0 && all.kv.loaded_blocks > 0 && all.kv.recomputed_tokens > 0 &&
               all.kv.shared_tokens > kShared;
    };
    for (unsigned seed = 11; seed < 27 && !all_happened(); ++seed) {
        const SchedulerCounters one = ask_all(seed);
        if (HasFailure())
            return;
        std::printf("%s: %llu steps, parked %llu times, %llu blocks saved, %llu tokens computed again, "
                    "%llu shared, longest wait %llu steps\n",
                    GetParam().name.c_str(), static_cast<unsigned long long>(one.steps),
                    static_cast<unsigned long long>(one.parked),
                    static_cast<unsigned long long>(one.kv.saved_blocks),
                    static_cast<unsigned long long>(one.kv.recomputed_tokens),
                    static_cast<unsigned long long>(one.kv.shared_tokens),
                    static_cast<unsigned long long>(one.longest_unserved));
        all.parked += one.parked;
        all.kv.loaded_blocks += one.kv.loaded_blocks;
        all.kv.recomputed_tokens += one.kv.recomputed_tokens;
        all.kv.shared_tokens = std::max(all.kv.shared_tokens, one.kv.shared_tokens);
    }
    EXPECT_GT(all.parked, 0u);
    EXPECT_GT(all.kv.loaded_blocks, 0u);
    EXPECT_GT(all.kv.recomputed_tokens, 0u);
    EXPECT_GT(all.kv.shared_tokens, kShared);
}

/// Bytes of this process in memory.
std::size_t resident() {
    std::size_t pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * 4096;
}

TEST(TenThousandRequests, LeaveNoMoreBehindThanAThousand) {
    Served served("llama31");
    SchedulerOptions options;
    options.kv_budget_bytes = 40 * served.parts.executor->kv_block_bytes(BlockType::F16);
    Scheduler scheduler(served.parts, options);
    std::mutex mutex;
    std::condition_variable wake;
    int under_way = 0;
    std::size_t after_1000 = 0;
    std::mt19937 random(3);
    for (int i = 0; i < 10000; ++i) {
        RunRequest request;
        request.prompt = prompt_of(8 + static_cast<int>(random() % 40), random() % 500);
        request.tuning.max_tokens = 2;
        request.ignore_end = true;
        request.conversation = i % 2 == 0 ? 0 : static_cast<std::uint64_t>(i);
        request.priority = RunPriority::Api;
        request.client = static_cast<std::uint64_t>(i);
        request.on_event = [&](const SchedulerEvent& event) {
            if (event.kind != Kind::Finished)
                return;
            EXPECT_EQ(event.record->error, "");
            const std::lock_guard lock(mutex);
            --under_way;
            wake.notify_all();
        };
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return under_way < 16; });
        ++under_way;
        lock.unlock();
        const RunHandle handle = scheduler.submit(std::move(request));
        if (i % 50 == 7)
            scheduler.cancel(handle);
        if (i == 1000)
            after_1000 = resident();
    }
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return under_way == 0; });
    EXPECT_LT(resident(), after_1000 + (std::size_t{2} << 20));
    std::printf("%.1f MiB after 1,000 requests, %.1f after 10,000\n",
                static_cast<double>(after_1000) / (1 << 20), static_cast<double>(resident()) / (1 << 20));
}

INSTANTIATE_TEST_SUITE_P(Models, ManyRequests,
                         testing::Values(Model{"fake", 1}, Model{"fake", 2}, Model{"fake_states", 1},
                                         Model{"hybrid_toy", 2}, Model{"llama31", 1}, Model{"qwen3moe", 2},
                                         Model{"deepseek2_lite", 1}, Model{"qwen3_5_moe", 1},
                                         Model{"lfm2", 1}, Model{"nemotron_h", 1}, Model{"gemma3", 1},
                                         Model{"kimi_linear", 1}, Model{"deepseek_v32", 1},
                                         Model{"minimax_m3", 1}, Model{"deepseek_v4", 1}, Model{"jamba", 1},
                                         Model{"falcon_h1", 1}, Model{"gemma4", 1}, Model{"gemma4_e", 1}),
                         [](const auto& info) {
                             return info.param.name + (info.param.steps_in_flight > 1 ? "_two_steps" : "");
                         });

} // namespace
} // namespace switchyard
