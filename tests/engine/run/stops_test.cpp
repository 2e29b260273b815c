// A stop is answered within 50 ms, whatever a step is in: long contexts, many rows, wide layers, the exact
// path.
#include "tests/engine/run/toy_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sys/resource.h>
#include <thread>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace switchyard {
namespace {

using namespace std::chrono_literals;

/// Of this process: on a busy machine a clock would count what others compute.
double processor_ms() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto ms = [](const timeval& time) {
        return 1e3 * double(time.tv_sec) + 1e-3 * double(time.tv_usec);
    };
    return ms(use.ru_utime) + ms(use.ru_stime);
}

constexpr int kHidden = 1024;

/// A plan of one kind of step between an embedding and a head, on one thread.
struct Stage {
    std::string name;
    bool exact;
    int rows, context; ///< of the step; tokens before it
    bool decompressed = false;
    RowWish wish = RowWish::Nothing;
};

void add_stage(ToyPlan& toy, const std::string& name) {
    Plan& plan = toy.plan();
    plan.vocabulary = 4096;
    plan.hidden = kHidden;
    plan.values = {kHidden, kHidden, kHidden, 256};
    toy.add(kNoLayer, EmbedStep{toy.table(plan.vocabulary, kHidden), 0});
    const auto project = [&](ValueId out, int rows) {
        toy.add(0, ProjectStep{0, toy.matrix(rows, kHidden, 0.03f), kNoWeight, out, false});
    };
    if (name == "attention") {
        plan.kv = {{2, 128, 128}};
        for (const ValueId v : {1, 2})
            project(v, kHidden);
        project(3, 256);
        toy.add(0, AttentionStep{.q = 1,
                                 .k = 3,
                                 .v = 3,
                                 .out = 2,
                                 .heads = 8,
                                 .kv_heads = 2,
                                 .head_dim = 128,
                                 .value_dim = 128,
                                 .scale = 0.1f});
    } else if (name == "latent") {
        plan.kv = {{1, 256, 0}};
        project(1, kHidden);
        project(3, 256);
        toy.add(0, LatentAttentionStep{.q = 1,
                                       .latent = 3,
                                       .out = 2,
                                       .heads = 8,
                                       .nope = 96,
                                       .rope = 32,
                                       .latent_dim = 224,
                                       .value_dim = 128,
                                       .k_b = toy.matrix(224, 96, 0.05f, 8),
                                       .v_b = toy.matrix(128, 224, 0.05f, 8),
                                       .scale = 0.1f});
    } else if (name == "projection") {
        for (int i = 0; i < 4; ++i)
            project(1, kHidden);
    } else if (name == "feed_forward") {
        toy.add(0, FeedForwardStep{.in = 0,
                                   .gate = toy.matrix(4096, kHidden, 0.03f),
                                   .up = toy.matrix(4096, kHidden, 0.03f),
                                   .down = toy.matrix(kHidden, 4096, 0.03f),
                                   .out = 1,
                                   .width = 4096,
                                   .add = false});
    }
    toy.add(kNoLayer, HeadStep{0, toy.matrix(plan.vocabulary, kHidden, 0.03f)});
    toy.compile();
}

class StopTest : public testing::TestWithParam<Stage> {};

TEST_P(StopTest, IsAnsweredWithinFiftyMilliseconds) {
    const Stage& stage = GetParam();
    ToyPlan toy(1, stage.exact);
    add_stage(toy, stage.name);
    Batch batch;
    for (int r = 0; r < stage.rows; ++r)
        batch.rows.push_back({.token = r * 7 % 4096,
                              .position = stage.context + r,
                              .wish = stage.wish,
                              .decompressed = stage.decompressed});
    batch.rows.back().wish = RowWish::Logits;
    batch.sequences.emplace_back();
    for (int t = 0; t < stage.context + stage.rows; t += kKvBlockTokens)
        batch.sequences[0].blocks.push_back(
            toy.executor().allocate_kv_block(stage.exact ? BlockType::F32 : BlockType::F16));
    double longest = 0;
    int stopped = 0;
    for (int n = 0; n < 5; ++n) {
        std::stop_source stop;
        auto step = toy.executor().start(batch, toy.weights(), stop.get_token());
        const double until = processor_ms() + 8 + 17 * n;
        while (processor_ms() < until)
            std::this_thread::sleep_for(1ms);
        const double asked = processor_ms();
        stop.request_stop();
        if (step->wait().cancelled) {
            longest = std::max(longest, processor_ms() - asked);
            ++stopped;
        }
    }
    EXPECT_GE(stopped, 3) << "the step is too short to be stopped";
    EXPECT_LT(longest, 50);
    std::printf("%s%s: %d stops, the longest after %.1f ms\n", stage.name.c_str(),
                stage.exact ? ", exactly" : "", stopped, longest);
}

/// Memory that nobody has written holds large numbers while it lives, as it may at any time.
class WildMemory {
  public:
#ifdef M_PERTURB
    WildMemory() { mallopt(M_PERTURB, 0x5a); }
    ~WildMemory() { mallopt(M_PERTURB, 0); }
#endif
};

/// What rows did not choose before the stop is not read as a choice: in a step's first rooms it is anything.
TEST(StopInRouting, LeavesAloneWhatWasNotDecided) {
    [[maybe_unused]] const WildMemory wild;
    for (const int threads : {1, 2}) {
        for (const int rows : {40, 3}) {
            ToyPlan toy(threads);
            Plan& plan = toy.plan();
            plan.vocabulary = 64;
            plan.hidden = plan.values.emplace_back(64);
            plan.values.push_back(64);
            plan.experts = 8;
            plan.routes = 1;
            toy.add(kNoLayer, EmbedStep{toy.table(64, 64), 0});
            toy.add(0, RouteStep{.in = 0,
                                 .weight = toy.matrix(8, 64, 0.5f),
                                 .constant_bias = {},
                                 .route = 0,
                                 .routing = {.experts = 8, .active = 3}});
            toy.add(0, ExpertsStep{.in = 0,
                                   .route = 0,
                                   .gate = toy.matrix(32, 64, 0.1f, 8),
                                   .up = toy.matrix(32, 64, 0.1f, 8),
                                   .down = toy.matrix(64, 32, 0.1f, 8),
                                   .out = 1,
                                   .width = 32,
                                   .clamp = {}});
            toy.add(kNoLayer, HeadStep{1, toy.matrix(64, 64, 0.1f)});
            toy.compile();
            Batch batch;
            for (int r = 0; r < rows; ++r)
                batch.rows.push_back({.token = r, .position = r});
            batch.rows.back().wish = RowWish::Logits;
            BatchSequence& sequence = batch.sequences.emplace_back();
            for (int t = 0; t < rows; t += kKvBlockTokens)
                sequence.blocks.push_back(toy.executor().allocate_kv_block(BlockType::F16));
            std::stop_source stop;
            stop.request_stop();
            EXPECT_TRUE(toy.executor().start(batch, toy.weights(), stop.get_token())->wait().cancelled);
            const StepResult whole = toy.executor().run(batch, toy.weights());
            EXPECT_FALSE(whole.cancelled);
            EXPECT_TRUE(std::ranges::all_of(whole.logits, [](float logit) { return std::isfinite(logit); }));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Stages, StopTest,
    testing::Values(Stage{"attention", false, 512, 8000}, Stage{"attention", true, 64, 8000},
                    Stage{"latent", false, 512, 8000}, Stage{"latent", false, 512, 4000, true},
                    Stage{"latent", true, 64, 4000}, Stage{"latent", true, 64, 4000, true},
                    Stage{"projection", false, 4096, 0}, Stage{"projection", true, 1024, 0},
                    Stage{"feed_forward", false, 2048, 0}, Stage{"feed_forward", true, 256, 0},
                    Stage{"head", false, 2048, 0, false, RowWish::Logits},
                    Stage{"head", true, 256, 0, false, RowWish::Logits}),
    [](const auto& info) {
        return info.param.name + (info.param.exact ? "_exact" : "") +
               (info.param.decompressed ? "_decompressed" : "");
    });

} // namespace
} // namespace switchyard
