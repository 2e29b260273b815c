// Memory, threads and files that are gone in the middle of the work: a sentence, the program goes on, and the
// same model then answers with the same tokens as before.
#include "engine/base/error.h"
#include "engine/carve/calibrate.h"
#include "engine/carve/carve_apply.h"
#include "engine/model/folder_model.h"
#include "engine/model/quantize_file.h"
#include "engine/run/evaluate.h"
#include "engine/run/scheduler.h"
#include "tests/engine/faults/injection.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kForever = std::int64_t{1} << 60;
constexpr auto kTimeOfATest = std::chrono::seconds(4);

fs::path family(const std::string& name) {
    return SWITCHYARD_TEST_WORK "/reference/models/" + name + "/model-f32.gguf";
}

std::shared_ptr<LoadedModel> load(const fs::path& path, bool exact = false) {
    LoadOptions options;
    options.backend = make_cpu_backend({2, exact});
    return LoadedModel::load(path, options);
}

RunRequest request(int tokens = 6) {
    RunRequest request;
    for (std::int32_t i = 0; i < 40; ++i)
        request.prompt.push_back(i * 37 % 190);
    request.tuning.max_tokens = tokens;
    request.tuning.prefill_chunk = 16;
    request.tuning.seed = 3;
    request.ignore_end = true;
    request.reuse_cache = false;
    return request;
}

std::string bytes_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::int32_t> ids(const RunRecord& record) {
    EXPECT_EQ(record.error, "");
    std::vector<std::int32_t> all;
    for (const TokenRecord& token : record.tokens)
        all.push_back(token.id);
    return all;
}

/// Does `work` again and again, a later allocation failing each time: one alone, a few, or all from there on.
/// Ends when one run needs no more. `good` has to hold after each.
void fail_each_allocation(const std::function<void()>& work, const std::function<void()>& good) {
    work(); // what is made once is made now
    good();
    const auto until = Clock::now() + kTimeOfATest;
    test::fail_allocations(kForever, 0);
    work();
    test::stop_failing();
    const std::int64_t all = test::allocations();
    int tried = 0, failed = 0;
    // Every one of the first, then fewer and fewer; with an odd step the kinds of failure take turns.
    for (std::int64_t n = 0; n < all + 20 && Clock::now() < until; n += 1 + n / 48) {
        const std::int64_t counts[] = {1, 7, kForever};
        test::fail_allocations(n, counts[tried++ % 3]);
        try {
            work();
        } catch (const std::bad_alloc&) {
        } catch (const std::exception& error) {
            EXPECT_STRNE(error.what(), "");
        }
        failed += test::stop_failing();
        good();
        if (testing::Test::HasFailure()) {
            ADD_FAILURE() << "where allocation " << n << " failed";
            return;
        }
    }
    EXPECT_GT(failed, 5);
}

class OutOfMemory : public testing::TestWithParam<std::string> {};

TEST_P(OutOfMemory, EndsAnAnswerWithASentenceAndTheModelAnswersAsBefore) {
    const auto model = load(family(GetParam()));
    Scheduler scheduler(engine_parts(model));
    const std::vector<std::int32_t> expected = ids(run_to_end(scheduler, request()));
    fail_each_allocation(
        [&] {
            const RunRecord record = run_to_end(scheduler, request());
            const test::NoFailures spared;
            if (record.finish == FinishReason::Failed)
                EXPECT_NE(record.error, "");
            else
                EXPECT_EQ(ids(record), expected);
        },
        [&] { EXPECT_EQ(ids(run_to_end(scheduler, request())), expected); });
}

TEST_P(OutOfMemory, StopsReencodingWithASentenceAndTheModelAnswersAsBefore) {
    const auto model = load(family(GetParam()));
    Scheduler scheduler(engine_parts(model));
    const auto move_to = [&](std::optional<BlockType> type) {
        scheduler.set_model_tuning({type});
        scheduler.wait_recoded();
    };
    const std::vector<std::int32_t> expected = ids(run_to_end(scheduler, request()));
    fail_each_allocation([&] { move_to(BlockType::Q8_0); },
                         [&] {
                             move_to(std::nullopt);
                             EXPECT_EQ(ids(run_to_end(scheduler, request())), expected);
                         });
}

// Its helpers stand at a gate then, which the worker waits for.
TEST_P(OutOfMemory, StopsReencodingUnderAnAnswerAndBothGoOn) {
    const auto model = load(family(GetParam()));
    Scheduler scheduler(engine_parts(model));
    const std::vector<std::int32_t> expected = ids(run_to_end(scheduler, request()));
    fail_each_allocation(
        [&] {
            RunRequest under = request(24);
            under.on_event = [&](const SchedulerEvent& event) {
                if (event.kind == SchedulerEvent::Kind::Token && event.token.recoded_slices == 0)
                    scheduler.set_model_tuning({BlockType::Q8_0});
            };
            const RunRecord record = run_to_end(scheduler, std::move(under));
            const test::NoFailures spared;
            if (record.finish == FinishReason::Failed)
                EXPECT_NE(record.error, "");
            else
                EXPECT_EQ(record.tokens.size(), 24u);
        },
        [&] {
            scheduler.set_model_tuning({std::nullopt});
            scheduler.wait_recoded();
            EXPECT_EQ(ids(run_to_end(scheduler, request())), expected);
        });
}

TEST_P(OutOfMemory, StopsLoadingWithASentence) {
    std::vector<std::int32_t> expected;
    {
        Scheduler scheduler(engine_parts(load(family(GetParam()))));
        expected = ids(run_to_end(scheduler, request()));
    }
    int rounds = 0;
    fail_each_allocation([&] { load(family(GetParam())); },
                         [&] {
                             if (++rounds % 16 != 0)
                                 return;
                             Scheduler scheduler(engine_parts(load(family(GetParam()))));
                             EXPECT_EQ(ids(run_to_end(scheduler, request())), expected);
                         });
}

INSTANTIATE_TEST_SUITE_P(Families, OutOfMemory, testing::Values("llama31", "deepseek1", "deepseek2_lite"),
                         [](const auto& info) { return info.param; });

TEST(OutOfMemoryInFiles, StopsQuantizingAndCarvingAndLeavesNothing) {
    const test::TemporaryFolder folder;
    const auto file = open_gguf(family("llama31"));
    const fs::path out = folder.path() / "out.gguf";
    fail_each_allocation([&] { quantize_file(*file, out, {.type = BlockType::Q8_0, .threads = 2}); },
                         [&] { EXPECT_FALSE(fs::exists(folder.path() / "out.gguf.part")); });

    const auto model = load(family("llama31"));
    std::vector<std::vector<std::int32_t>> texts(4);
    for (std::int32_t i = 0; i < 1200; ++i)
        texts[static_cast<std::size_t>(i % 4)].push_back(i * 31 % 192);
    fail_each_allocation(
        [&] {
            const CarvePlan plan = make_carve_plan(*model, {}, texts, {});
            apply_carve_plan(model->file(), model->config(), plan, out, {}, {});
        },
        [&] { EXPECT_FALSE(fs::exists(folder.path() / "out.gguf.part")); });
}

TEST(NoThreads, AreASentenceWhereverTheyAreWanted) {
    if (!test::threads_can_fail())
        GTEST_SKIP() << "a sanitizer has to see threads begin";
    const test::TemporaryFolder folder;
    const auto file = open_gguf(family("llama31"));
    int sentences = 0;
    const auto all = [&] {
        LoadOptions options;
        options.backend = make_cpu_backend({4, false});
        Scheduler scheduler(engine_parts(LoadedModel::load(file, options)));
        if (const RunRecord record = run_to_end(scheduler, request()); !record.error.empty())
            throw Error(record.error); // the executor's thread begins with the first step
    };
    bool more = true;
    for (std::int64_t n = 0; more && n < 20; ++n) {
        test::fail_threads(n, n % 2 == 0 ? 1 : kForever);
        try {
            all();
        } catch (const Error& error) {
            ++sentences;
            EXPECT_NE(std::string(error.what()).find("thread"), std::string::npos) << error.what();
        }
        more = test::stop_failing();
    }
    EXPECT_FALSE(more);
    EXPECT_EQ(sentences, 6); // three of the pool, the re-encoder's, the scheduler's and the executor's
    all();
    // Helpers that do not come are done without, also while an answer is computed.
    {
        const auto model = load(family("llama31"));
        Scheduler scheduler(engine_parts(model));
        RunRequest under = request(400);
        std::uint32_t done = 0;
        under.on_event = [&](const SchedulerEvent& event) {
            if (event.kind != SchedulerEvent::Kind::Token)
                return;
            if (event.token.quant == "file") {
                test::fail_threads(0, kForever);
                scheduler.set_model_tuning({BlockType::Q8_0});
            } else if ((done = event.token.recoded_slices) == event.token.recode_total) {
                scheduler.cancel(event.run);
            }
        };
        EXPECT_EQ(run_to_end(scheduler, std::move(under)).error, "");
        scheduler.wait_recoded();
        test::stop_failing();
        EXPECT_GT(done, 0u);
    }
    test::fail_threads(0, kForever);
    quantize_file(*file, folder.path() / "out.gguf", {.type = BlockType::Q8_0, .threads = 4});
    EXPECT_TRUE(test::stop_failing());
    const std::string few = bytes_of(folder.path() / "out.gguf");
    quantize_file(*file, folder.path() / "out.gguf", {.type = BlockType::Q8_0, .threads = 4});
    EXPECT_EQ(bytes_of(folder.path() / "out.gguf"), few);
}

/// What `action` throws; "" where it does not.
template <typename Action>
std::string sentence(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

/// A copy of a model that is cut while it is in use.
class CutFile : public testing::Test {
  protected:
    void SetUp() override {
        fs::copy_file(family("llama31"), path_);
        whole_ = fs::file_size(path_);
    }
    void cut(std::uintmax_t bytes) { fs::resize_file(path_, bytes); }
    void expect_named(const std::string& error) {
        EXPECT_NE(error.find(path_.string() + ": was cut short"), std::string::npos) << error;
    }

    const test::TemporaryFolder folder_;
    const fs::path path_ = folder_.path() / "model.gguf";
    std::uintmax_t whole_ = 0;
};

TEST_F(CutFile, EndsTheAnswerUnderWayAndTheNextOnes) {
    const auto other = load(family("deepseek1"));
    Scheduler other_scheduler(engine_parts(other));
    const auto others = ids(run_to_end(other_scheduler, request()));
    for (const bool exact : {false, true}) { // the exact path reads all weights from the file
        const auto model = load(path_, exact);
        Scheduler scheduler(engine_parts(model));
        RunRequest long_one = request(2000);
        long_one.on_event = [&](const SchedulerEvent& event) {
            if (event.kind == SchedulerEvent::Kind::Token && event.token.id >= 0)
                cut(4096);
        };
        const RunRecord record = run_to_end(scheduler, long_one);
        EXPECT_EQ(record.finish, FinishReason::Failed);
        expect_named(record.error);
        expect_named(run_to_end(scheduler, request()).error);
        EXPECT_EQ(ids(run_to_end(other_scheduler, request())), others) << "another model goes on";
        fs::remove(path_);
        fs::copy_file(family("llama31"), path_);
    }
}

TEST_F(CutFile, StopsReencodingQuantizingEvaluatingAndLoading) {
    const auto model = load(path_, true);
    Scheduler scheduler(engine_parts(model));
    const auto file = open_gguf(path_);
    cut(whole_ / 3);
    scheduler.set_model_tuning({BlockType::Q8_0});
    expect_named(sentence([&] { scheduler.wait_recoded(); }));
    const fs::path out = folder_.path() / "out.gguf";
    expect_named(sentence([&] { quantize_file(*file, out, {.type = BlockType::Q4_0}); }));
    EXPECT_FALSE(fs::exists(out));
    expect_named(sentence([&] {
        evaluate(model->executor(), model->backend(), model->plan(), model->weights(), request().prompt, {},
                 [](int, std::span<const float>) {}, {});
    }));
    EXPECT_NE(sentence([&] { load(path_); }), "");
}

/// A folder whose weights lie in two shards, the second of which is cut while it is in use.
class CutShard : public testing::Test {
  protected:
    void SetUp() override {
        const fs::path source = SWITCHYARD_TEST_DATA "/reference/models/llama31";
        fs::create_directory(folder_);
        for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
            if (fs::exists(source / name))
                fs::copy_file(source / name, folder_ / name);
        split(bytes_of(source / "model.safetensors"));
    }
    void cut() { fs::resize_file(second_, 4096); }
    void mend() { std::ofstream(second_, std::ios::binary) << shard_; }
    void expect_named(const std::string& error) {
        EXPECT_NE(error.find(second_.string() + ": was cut short"), std::string::npos) << error;
    }

    const test::TemporaryFolder temporary_;
    const fs::path folder_ = temporary_.path() / "model";
    const fs::path second_ = folder_ / "model-00002-of-00002.safetensors";

  private:
    /// Every other tensor goes into the second shard.
    void split(const std::string& whole) {
        std::uint64_t header_bytes = 0;
        std::memcpy(&header_bytes, whole.data(), sizeof header_bytes);
        const auto header = nlohmann::json::parse(whole.substr(8, header_bytes));
        nlohmann::json headers[2], map;
        std::string data[2];
        int next = 0;
        for (const auto& [name, tensor] : header.items()) {
            if (name == "__metadata__")
                continue;
            const int shard = next++ % 2;
            const auto from = tensor["data_offsets"][0].get<std::size_t>();
            const auto to = tensor["data_offsets"][1].get<std::size_t>();
            headers[shard][name] = {{"dtype", tensor["dtype"]},
                                    {"shape", tensor["shape"]},
                                    {"data_offsets", {data[shard].size(), data[shard].size() + to - from}}};
            data[shard] += whole.substr(8 + header_bytes + from, to - from);
            map[name] = "model-0000" + std::to_string(shard + 1) + "-of-00002.safetensors";
        }
        std::ofstream(folder_ / "model.safetensors.index.json")
            << nlohmann::json{{"metadata", nlohmann::json::object()}, {"weight_map", map}};
        for (const int shard : {0, 1}) {
            std::string text = headers[shard].dump();
            text.resize((text.size() + 7) / 8 * 8, ' ');
            const std::uint64_t size = text.size();
            std::string file(reinterpret_cast<const char*>(&size), sizeof size);
            file += text + data[shard];
            std::ofstream(shard == 0 ? folder_ / "model-00001-of-00002.safetensors" : second_,
                          std::ios::binary)
                << file;
            shard_ = std::move(file);
        }
    }

    std::string shard_; ///< the second, whole
};

TEST_F(CutShard, EndsTheAnswerUnderWayAndTheNextOnes) {
    for (const bool exact : {false, true}) {
        const auto model = load(folder_, exact);
        Scheduler scheduler(engine_parts(model));
        EXPECT_EQ(run_to_end(scheduler, request()).error, "");
        RunRequest long_one = request(2000);
        long_one.on_event = [&](const SchedulerEvent& event) {
            if (event.kind == SchedulerEvent::Kind::Token && event.token.id >= 0)
                cut();
        };
        const RunRecord record = run_to_end(scheduler, long_one);
        EXPECT_EQ(record.finish, FinishReason::Failed);
        expect_named(record.error);
        expect_named(run_to_end(scheduler, request()).error);
        mend();
    }
}

TEST_F(CutShard, StopsReencodingQuantizingAndLoading) {
    const auto model = load(folder_, true);
    Scheduler scheduler(engine_parts(model));
    const auto file = open_model(folder_);
    cut();
    scheduler.set_model_tuning({BlockType::Q8_0});
    expect_named(sentence([&] { scheduler.wait_recoded(); }));
    const fs::path out = temporary_.path() / "out.gguf";
    expect_named(sentence([&] { quantize_file(*file, out, {.type = BlockType::Q4_0}); }));
    EXPECT_FALSE(fs::exists(out));
    EXPECT_NE(sentence([&] { load(folder_); }).find(second_.string()), std::string::npos);
}

TEST_F(CutShard, MayBeCutWhileItIsRead) {
    for (int i = 1; i < 12; i += 2) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, false});
        options.progress = [&](double share) {
            if (share * 12 > i)
                cut();
        };
        expect_named(sentence([&] { LoadedModel::load(folder_, options); }));
        mend();
    }
}

TEST_F(CutFile, IsNoticedByALastPartialPage) {
    const auto model = load(path_);
    Scheduler scheduler(engine_parts(model));
    cut(whole_ - 1); // no page is gone: the rest of the last one reads as zeros
    expect_named(run_to_end(scheduler, request()).error);
}

TEST_F(CutFile, MayBeCutWhileItIsRead) {
    for (int i = 1; i < 12; ++i) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, false});
        options.progress = [&](double share) {
            if (share * 12 > i)
                cut(4096);
        };
        expect_named(sentence([&] { LoadedModel::load(path_, options); }));
        fs::remove(path_);
        fs::copy_file(family("llama31"), path_);
    }
}

} // namespace
} // namespace switchyard
