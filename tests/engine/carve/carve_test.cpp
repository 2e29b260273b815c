#include "engine/base/error.h"
#include "engine/carve/calibration_text.h"
#include "engine/carve/carve.h"
#include "engine/carve/cluster.h"
#include "engine/carve/refine.h"
#include "engine/carve/ridge.h"
#include "engine/quant/quant.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

class CarveFiles : public testing::Test {
  protected:
    fs::path file(const std::string& name) const { return folder_.path() / name; }
    const test::TemporaryFolder folder_;
};

TEST(BalancedGroups, FindsTheGroupsThatAreThere) {
    // 40 vectors around 4 directions, shuffled.
    std::mt19937 random(1);
    std::normal_distribution<float> noise(0, 0.1f);
    std::vector<float> vectors;
    for (int i = 0; i < 40; ++i)
        for (int d = 0; d < 8; ++d)
            vectors.push_back((d == i * 7 % 4 ? 1.0f : 0.0f) + noise(random));
    const auto group = balanced_groups(vectors, 40, 8, 4);
    for (int i = 0; i < 40; ++i)
        EXPECT_EQ(group[static_cast<std::size_t>(i)], group[static_cast<std::size_t>((i + 4) % 40)]) << i;
    for (int g = 0; g < 4; ++g)
        EXPECT_EQ(std::count(group.begin(), group.end(), g), 10);
}

TEST(ExchangeMembers, FindsTheBestOfAllGroupingsAndKeepsSizes) {
    // 8 members, groups of 3, 3 and 2: every grouping is tried. Gains that are a member's liking of one group
    // have no local best.
    std::mt19937 random(4);
    std::uniform_real_distribution<double> amount(0.1, 1.0);
    const std::vector<int> start{0, 0, 0, 1, 1, 1, 2, 2};
    std::vector<double> gain(start.size() * 3);
    for (std::size_t n = 0; n < start.size(); ++n)
        gain[n * 3 + random() % 3] = amount(random);
    const auto total = [&](const std::vector<int>& group) {
        double sum = 0;
        for (std::size_t n = 0; n < group.size(); ++n)
            sum += gain[n * 3 + static_cast<std::size_t>(group[n])];
        return sum;
    };
    std::vector<int> group = start, any = start;
    exchange_members(group, gain, 3);
    double best = 0;
    do
        best = std::max(best, total(any));
    while (std::next_permutation(any.begin(), any.end()));
    EXPECT_GT(total(group), total(start));
    EXPECT_NEAR(total(group), best, 1e-12);
    std::sort(group.begin(), group.end());
    EXPECT_EQ(group, start);
}

TEST(RefineOwners, PutsNeuronsTogetherThatTheInputForetellsTogether) {
    // 16 neurons: four always speak; of the others each speaks where its expert's input is positive.
    constexpr int kHidden = 4, kWidth = 16, kExperts = 4, kTokens = 2048;
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    LayerSample sample;
    const auto truth = [](int neuron) { return neuron % 4 == 3 ? 255 : neuron / 4; };
    for (int t = 0; t < kTokens; ++t) {
        float x[kHidden];
        for (float& v : x) {
            v = normal(random);
            sample.inputs.push_back(float_to_bf16(v));
        }
        for (int n = 0; n < kWidth; ++n) {
            const bool speaks = truth(n) == 255 || x[truth(n)] > 0;
            sample.activations.push_back(
                float_to_bf16(speaks ? 1.0f + 0.1f * std::fabs(normal(random)) : 0.0f));
        }
    }
    // Right but for three pairs that changed places; in one a neuron that always speaks lost its place to one
    // that does not.
    std::vector<std::uint8_t> owner(kWidth);
    for (int n = 0; n < kWidth; ++n)
        owner[static_cast<std::size_t>(n)] = static_cast<std::uint8_t>(truth(n));
    std::swap(owner[2], owner[4]);
    std::swap(owner[10], owner[12]);
    std::swap(owner[3], owner[14]);
    refine_owners(owner, sample, std::vector<double>(kWidth, 1.0), kHidden, kExperts);
    for (int n = 0; n < kWidth; ++n)
        EXPECT_EQ(owner[static_cast<std::size_t>(n)], truth(n)) << n;
}

TEST(CutLoop, EndsATextWhereItRepeatsItself) {
    std::vector<std::int32_t> text(100);
    std::iota(text.begin(), text.end(), 0);
    std::vector<std::int32_t> whole = text;
    cut_loop(text, 0);
    EXPECT_EQ(text, whole);
    for (int times = 0; times < 10; ++times)
        for (std::int32_t i = 0; i < 12; ++i)
            text.push_back(500 + i);
    whole = text;
    cut_loop(text, 0);
    EXPECT_EQ(text.size(), 100u + 3 * 12);
    text = whole;
    cut_loop(text, whole.size() - 30); // a prompt may say the same many times
    EXPECT_EQ(text, whole);
}

TEST(Ridge, RecoversALinearFunctionAndItsIntercept) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    RidgeSums s{3,
                1,
                0,
                std::vector<float>(9),
                std::vector<double>(3),
                std::vector<double>(3),
                std::vector<double>(1)};
    for (int n = 0; n < 2000; ++n) {
        const float x[3] = {normal(random) + 2, normal(random), normal(random)};
        const double y = 3 * x[0] - 2 * x[1] + 0.5 * x[2] + 7;
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j)
                s.xx[i * 3 + j] += x[i] * x[j];
            s.xy[i] += y * x[i];
            s.x[i] += x[i];
        }
        s.y[0] += y;
        s.rows += 1;
    }
    const RidgeFit fit = RidgeSolver(s, 1e-9).fit(s);
    EXPECT_NEAR(fit.weights[0], 3, 1e-2);
    EXPECT_NEAR(fit.weights[1], -2, 1e-2);
    EXPECT_NEAR(fit.weights[2], 0.5, 1e-2);
    EXPECT_NEAR(fit.intercept[0], 7, 5e-2);
}

CarvePlan small_plan() {
    CarvePlan plan;
    plan.hidden = 4;
    plan.width = 8;
    plan.experts = 2;
    plan.expert_width = 2;
    plan.model = "small";
    plan.layers.push_back({{0, 1, 255, 255, 1, 0, 255, 255}, std::vector<float>(8, 0.5f), {1.0f, -2.0f}});
    return plan;
}

using CarvePlanFile = CarveFiles;

TEST_F(CarvePlanFile, ComesBackAsItWasSaved) {
    const CarvePlan plan = small_plan();
    save_plan(plan, file("plan"));
    const CarvePlan back = load_plan(file("plan"));
    EXPECT_EQ(back.layers[0].owner, plan.layers[0].owner);
    EXPECT_EQ(back.layers[0].router, plan.layers[0].router);
    EXPECT_EQ(back.layers[0].intercept, plan.layers[0].intercept);
    EXPECT_EQ(back.model, "small");
}

TEST_F(CarvePlanFile, IsRefusedWhereItIsCutOrChanged) {
    save_plan(small_plan(), file("plan"));
    std::ifstream in(file("plan"), std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), {});
    for (std::size_t n = 0; n < whole.size(); ++n) {
        std::ofstream(file("cut"), std::ios::binary).write(whole.data(), static_cast<std::streamsize>(n));
        EXPECT_THROW(load_plan(file("cut")), Error) << n << " bytes";
    }
    for (std::size_t n = 0; n < whole.size(); ++n) { // never a crash; some changes are still a plan
        std::string changed = whole;
        changed[n] = static_cast<char>(changed[n] ^ 0xff);
        std::ofstream(file("changed"), std::ios::binary)
            .write(changed.data(), static_cast<std::streamsize>(n + 1));
        try {
            load_plan(file("changed"));
        } catch (const Error&) {
        }
    }
    CarvePlan uneven = small_plan();
    uneven.layers[0].owner[0] = 1;
    EXPECT_THROW(save_plan(uneven, file("uneven")), Error);
}

TEST(ShippedPlan, IsSmallAndMovesWholeBlocks) {
    const fs::path path = SWITCHYARD_TEST_DATA "/../../resources/carve/smollm2-135m-instruct.plan";
    EXPECT_LT(fs::file_size(path), 500'000u);
    const CarvePlan plan = load_plan(path);
    EXPECT_EQ(plan.layers.size(), 30u);
    EXPECT_EQ(plan.experts, 8);
    EXPECT_EQ(plan.expert_width % 32, 0); // so that down can be quantized
    EXPECT_EQ(plan.shared_width() % plan.expert_width, 0);
}

class Carving : public CarveFiles {
  protected:
    fs::path dense() const { return SWITCHYARD_TEST_WORK "/reference/models/llama31/model-f32.gguf"; }
    static std::shared_ptr<LoadedModel> load(const fs::path& path) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, true});
        return LoadedModel::load(path, options);
    }
    static std::vector<std::vector<std::int32_t>> texts() {
        std::mt19937 random(3);
        std::vector<std::vector<std::int32_t>> texts(4);
        for (auto& t : texts)
            for (int i = 0; i < 300; ++i)
                t.push_back(static_cast<std::int32_t>(random() % 192));
        return texts;
    }
    static std::vector<float> logits(LoadedModel& model, int experts) {
        Batch batch;
        batch.sequences.push_back({{model.executor().allocate_kv_block(BlockType::F32)}});
        for (std::int32_t i = 0; i < 30; ++i)
            batch.rows.push_back({i * 5, i, 0, experts, true});
        return model.executor().run(std::move(batch), model.weights()).logits;
    }
    static double nmse(const std::vector<float>& a, const std::vector<float>& b) {
        double error = 0, power = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            error += (a[i] - b[i]) * (a[i] - b[i]);
            power += b[i] * b[i];
        }
        return error / power;
    }
};

TEST_F(Carving, WithAllExpertsIsTheDenseModelAndFewerAreFurtherAway) {
    const auto model = load(dense());
    const CarvePlan plan = make_carve_plan(*model, {}, texts(), {});
    EXPECT_EQ(plan.experts, 8);
    const CarveReport report =
        apply_carve_plan(model->file(), model->config(), plan, file("carved.gguf"), {}, {});
    EXPECT_TRUE(report.only_here); // rope factors have no place in the layout
    EXPECT_NE(report.note.find("rope_freqs"), std::string::npos) << report.note;

    const auto carved = load(file("carved.gguf"));
    EXPECT_EQ(carved->config().architecture, "deepseek");
    EXPECT_EQ(carved->config().experts, 8);
    const auto want = logits(*model, 0);
    double last = nmse(logits(*carved, 8), want);
    EXPECT_LT(last, 1e-5);
    for (const int experts : {6, 4, 2}) {
        const double now = nmse(logits(*carved, experts), want);
        EXPECT_GT(now, last) << experts << " experts";
        last = now;
    }
}

TEST_F(Carving, RefusesWhatCannotBeCarved) {
    const auto model = load(dense());
    EXPECT_THROW(make_carve_plan(*model, {.routed = 97}, texts(), {}), Error);
    EXPECT_THROW(make_carve_plan(*model, {}, {{1, 2, 3}}, {}), Error);
    EXPECT_THROW(apply_carve_plan(model->file(), model->config(), small_plan(), file("x.gguf"), {}, {}),
                 Error);
    EXPECT_FALSE(fs::exists(file("x.gguf")));
    const auto moe = load(SWITCHYARD_TEST_WORK "/reference/models/deepseek1/model-f32.gguf");
    EXPECT_THROW(shape_plan(moe->config(), {}), Error);
}

TEST_F(Carving, StopsWhenAskedAndLeavesNothing) {
    std::stop_source source;
    source.request_stop();
    CarveProgress progress;
    progress.stop = source.get_token();
    const auto model = load(dense());
    EXPECT_THROW(make_carve_plan(*model, {}, texts(), progress), Error);
    const CarvePlan plan = make_carve_plan(*model, {}, texts(), {});
    EXPECT_THROW(apply_carve_plan(model->file(), model->config(), plan, file("c.gguf"), {}, progress), Error);
    EXPECT_TRUE(fs::is_empty(folder_.path()));
}

} // namespace
} // namespace switchyard
