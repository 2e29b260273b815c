#include "engine/base/error.h"
#include "engine/carve/calibration_text.h"
#include "engine/carve/carve.h"
#include "engine/carve/cluster.h"
#include "engine/carve/exact_columns.h"
#include "engine/carve/refine.h"
#include "engine/carve/ridge.h"
#include "engine/files/gguf_writer.h"
#include "engine/quant/quant.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

class CarveFiles : public testing::Test {
  protected:
    fs::path file(const std::string& name) const { return folder_.path() / name; }
    static std::string contents(const fs::path& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
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

TEST(Ridge, RecoversALinearFunction) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    RidgeSums s{3, 1, 0, std::vector<float>(9), std::vector<double>(3)};
    for (int n = 0; n < 2000; ++n) {
        const float x[3] = {normal(random) + 2, normal(random), normal(random)};
        const double y = 3 * x[0] - 2 * x[1] + 0.5 * x[2];
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j)
                s.xx[i * 3 + j] += x[i] * x[j];
            s.xy[i] += y * x[i];
        }
        s.rows += 1;
    }
    const std::vector<float> weights = RidgeSolver(s, 1e-9).fit(s);
    EXPECT_NEAR(weights[0], 3, 1e-2);
    EXPECT_NEAR(weights[1], -2, 1e-2);
    EXPECT_NEAR(weights[2], 0.5, 1e-2);
}

CarvePlan small_plan() {
    CarvePlan plan;
    plan.hidden = 4;
    plan.model_layers = 1;
    plan.experts = 2;
    plan.model = "small";
    plan.layers.push_back({0,
                           8,
                           2,
                           {0, 1, kExactNeuron, kSharedNeuron, 1, 0, kSharedNeuron, kSharedNeuron},
                           std::vector<float>(8, 0.5f),
                           {1.0f, -2.0f, 0.0f, 0.25f}});
    return plan;
}

// One with more experts than four bits tell apart; the width is odd.
CarvePlan many_experts() {
    CarvePlan plan;
    plan.hidden = 2;
    plan.model_layers = 2;
    plan.experts = 20;
    CarveLayer layer{
        0, 23, 1, std::vector<std::uint8_t>(23, kSharedNeuron), std::vector<float>(40, 1.0f), {1.0f, 2.0f}};
    std::iota(layer.owner.begin(), layer.owner.begin() + 20, std::uint8_t{0});
    plan.layers = {layer, layer};
    plan.layers[1].layer = 1;
    return plan;
}

// Layers of two widths, between others that stay as they are.
CarvePlan uneven_layers() {
    CarvePlan plan = small_plan();
    plan.model_layers = 6;
    plan.layers.push_back(
        {4, 6, 3, {0, 1, 0, 1, 0, 1}, std::vector<float>(8, -0.25f), {0.5f, 2.0f, 1.0f, 0.0f}});
    plan.layers[0].layer = 1;
    return plan;
}

using CarvePlanFile = CarveFiles;

TEST_F(CarvePlanFile, ComesBackAsItWasSaved) {
    for (const CarvePlan& plan : {small_plan(), many_experts(), uneven_layers()}) {
        save_plan(plan, file("plan"));
        const CarvePlan back = load_plan(file("plan"));
        ASSERT_EQ(back.layers.size(), plan.layers.size());
        for (std::size_t l = 0; l < plan.layers.size(); ++l) {
            EXPECT_EQ(back.layers[l].layer, plan.layers[l].layer);
            EXPECT_EQ(back.layers[l].width, plan.layers[l].width);
            EXPECT_EQ(back.layers[l].expert_width, plan.layers[l].expert_width);
            EXPECT_EQ(back.layers[l].owner, plan.layers[l].owner);
            EXPECT_EQ(back.layers[l].router, plan.layers[l].router);
            EXPECT_EQ(back.layers[l].direction, plan.layers[l].direction);
        }
        EXPECT_EQ(back.model, plan.model);
        EXPECT_EQ(back.model_layers, plan.model_layers);
        EXPECT_EQ(back.dense_layers(), plan.dense_layers());
    }
}

TEST_F(CarvePlanFile, OfAnotherVersionSaysSo) {
    std::ofstream(file("old"), std::ios::binary) << "SWCARVE1 and more";
    try {
        load_plan(file("old"));
        FAIL();
    } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find("another version"), std::string::npos) << e.what();
    }
}

TEST_F(CarvePlanFile, OfLayersThatAreAlikeIsOfTheVersionThatOlderProgramsRead) {
    save_plan(small_plan(), file("alike"));
    save_plan(uneven_layers(), file("uneven"));
    EXPECT_TRUE(contents(file("alike")).starts_with("SWCARVE2"));
    EXPECT_TRUE(contents(file("uneven")).starts_with("SWCARVE3"));
}

TEST_F(CarvePlanFile, IsNoDeviceOrFolder) {
    for (const fs::path& path : {fs::path("/dev/zero"), folder_.path(), file("missing")})
        EXPECT_THROW(load_plan(path), Error) << path;
}

TEST_F(CarvePlanFile, IsRefusedWhereItsCountsAreNone) {
    for (const char* counts : {R"("layers":1,"dense_layers":-2000000000)", R"("layers":2000000000)",
                               R"("layers":-1,"dense_layers":4096)", R"("layers":0)"}) {
        const std::string header =
            R"({"hidden":4,"width":8,"experts":2,"expert_width":2,)" + std::string(counts) + "}";
        const auto length = static_cast<std::uint32_t>(header.size());
        std::ofstream out(file("plan"), std::ios::binary);
        out << "SWCARVE2";
        out.write(reinterpret_cast<const char*>(&length), sizeof length);
        out << header;
        out.close();
        EXPECT_THROW(load_plan(file("plan")), Error) << counts;
    }
}

TEST_F(CarvePlanFile, IsRefusedWhereItIsCutOrChanged) {
    for (const CarvePlan& plan : {small_plan(), uneven_layers()}) { // of both versions
        save_plan(plan, file("plan"));
        const std::string whole = contents(file("plan"));
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
    }
    CarvePlan uneven = small_plan();
    uneven.layers[0].owner[0] = 1;
    EXPECT_THROW(save_plan(uneven, file("uneven")), Error);
    CarvePlan twice = uneven_layers();
    twice.layers[1].layer = twice.layers[0].layer;
    EXPECT_THROW(save_plan(twice, file("twice")), Error);
}

TEST(ExactColumns, LeadTheirBlocks) {
    std::vector<int> neurons(70);
    std::iota(neurons.begin(), neurons.end(), 0);
    EXPECT_EQ(lead_blocks(neurons, {100, 101, 102}), 2u); // a third block would not be whole
    EXPECT_EQ(neurons.size(), 73u);
    EXPECT_EQ(neurons[0], 100);
    EXPECT_EQ(neurons[32], 101);
    EXPECT_EQ(neurons.back(), 102);
    std::sort(neurons.begin(), neurons.end());
    EXPECT_EQ(neurons[69], 69);
    std::vector<int> none;
    EXPECT_EQ(lead_blocks(none, {1, 2}), 0u);
    EXPECT_EQ(none, (std::vector<int>{1, 2}));
}

TEST(ExactColumns, AreOffByLessThanAHalfCanTell) {
    std::mt19937 random(6);
    std::normal_distribution<float> normal;
    for (int times = 0; times < 200; ++times) {
        std::vector<float> row(64), back(64), plain(64);
        for (float& v : row)
            v = normal(random) * 0.05f;
        std::vector<std::byte> blocks(row_bytes(BlockType::Q8_0, 64));
        encode_row(BlockType::Q8_0, row, blocks.data());
        decode_row(BlockType::Q8_0, blocks.data(), plain);
        encode_leads(row, 1, blocks);
        decode_row(BlockType::Q8_0, blocks.data(), back);
        const float most = std::fabs(*std::max_element(
            row.begin(), row.begin() + 32, [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
        if (std::fabs(row[0]) > most / 127) {
            EXPECT_NEAR(back[0], row[0], std::fabs(row[0]) / 2048);
        }
        for (std::size_t i = 0; i < 32; ++i) // at worst a step of twice the usual width
            EXPECT_NEAR(back[i], row[i], 1.001f * most / 127) << i;
        for (std::size_t i = 32; i < 64; ++i)
            EXPECT_EQ(back[i], plain[i]);
    }
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
            batch.rows.push_back(
                {.token = i * 5, .position = i, .dials = {.experts = experts}, .wish = RowWish::Logits});
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
    EXPECT_TRUE(report.only_here); // rope factors have no place in deepseek's layout
    EXPECT_NE(report.note.find("rope_freqs"), std::string::npos) << report.note;

    const auto carved = load(file("carved.gguf"));
    EXPECT_EQ(carved->config().architecture, "llama");
    EXPECT_EQ(carved->file().metadata().text("general.architecture"), "llama-carved");
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

TEST_F(Carving, LeavesLeadingLayersAsTheyAreWhereAsked) {
    const auto model = load(dense());
    const CarvePlan plan = make_carve_plan(*model, {.dense_layers = 1}, texts(), {});
    EXPECT_EQ(plan.layers.size() + 1, static_cast<std::size_t>(model->config().layers));
    const CarveReport report =
        apply_carve_plan(model->file(), model->config(), plan, file("carved.gguf"), {}, {});
    EXPECT_EQ(report.note.find("ffn"), std::string::npos) << report.note;

    const auto carved = load(file("carved.gguf"));
    EXPECT_EQ(carved->plan().routes, carved->config().layers - 1);
    for (const char* name : {"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
        const TensorView *before = model->file().find(name), *after = carved->file().find(name);
        ASSERT_TRUE(before && after) << name;
        EXPECT_TRUE(std::equal(before->data, before->data + before->bytes, after->data)) << name;
    }
    EXPECT_FALSE(carved->file().find("blk.0.ffn_gate_inp.weight"));
    EXPECT_TRUE(carved->file().find("blk.1.ffn_gate_inp.weight"));
    EXPECT_FALSE(carved->file().find("blk.1.ffn_down.weight"));

    const auto want = logits(*model, 0);
    EXPECT_LT(nmse(logits(*carved, 8), want), 1e-5);
    // The other layers are carved as ever, and less is left out.
    const CarvePlan all = make_carve_plan(*model, {}, texts(), {});
    EXPECT_EQ(all.layers.back().owner, plan.layers.back().owner);
    EXPECT_EQ(all.layers.back().router, plan.layers.back().router);
    apply_carve_plan(model->file(), model->config(), all, file("all.gguf"), {}, {});
    EXPECT_LT(nmse(logits(*carved, 2), want), nmse(logits(*load(file("all.gguf")), 2), want));
}

TEST_F(Carving, OfQwen2KeepsItsBiasesInALayoutThatOthersRead) {
    const auto model = load(SWITCHYARD_TEST_WORK "/reference/models/qwen2/model-f32.gguf");
    const CarvePlan plan = make_carve_plan(*model, {.routed = 5}, texts(), {}); // widths that do not divide
    const CarveLayer& layer = plan.layers.front();
    EXPECT_NE(layer.shared_width(5) % layer.expert_width, 0);
    const CarveReport report =
        apply_carve_plan(model->file(), model->config(), plan, file("carved.gguf"), {}, {});
    EXPECT_FALSE(report.only_here) << report.note;

    const auto carved = load(file("carved.gguf"));
    EXPECT_EQ(carved->config().architecture, "qwen2moe");
    EXPECT_EQ(carved->config().experts_active, 5);
    EXPECT_EQ(carved->config().shared_width, layer.shared_width(5));
    EXPECT_TRUE(carved->config().router_bias.empty());
    const Metadata& metadata = carved->file().metadata();
    EXPECT_TRUE(metadata.has("qwen2moe.expert_shared_feed_forward_length"));
    EXPECT_GT(metadata.real(kCarveScaleKey).value_or(0), 0);
    EXPECT_TRUE(carved->file().find("output.weight"));
    for (const char* name : {"blk.0.attn_q.bias", "blk.1.attn_k.bias", "blk.1.attn_v.bias"}) {
        const TensorView *before = model->file().find(name), *after = carved->file().find(name);
        ASSERT_TRUE(before && after) << name;
        EXPECT_TRUE(std::equal(before->data, before->data + before->bytes, after->data)) << name;
    }
    const auto want = logits(*model, 0);
    double last = nmse(logits(*carved, 5), want);
    EXPECT_LT(last, 1e-5);
    for (const int experts : {4, 1}) {
        const double now = nmse(logits(*carved, experts), want);
        EXPECT_GT(now, last) << experts << " experts";
        last = now;
    }
}

// The shared part's gate as llama.cpp computes it: silu(x) / x.
class PeerGates : public FeedForwardObserver {
  public:
    explicit PeerGates(const ModelFile& file) : file_(file) {}
    void observe(const FeedForwardView& v, int thread, int) override {
        const TensorView* t = file_.find("blk." + std::to_string(v.block) + ".ffn_gate_inp_shexp.weight");
        if (thread != 0 || !t)
            return;
        const auto* weights = reinterpret_cast<const float*>(t->data);
        for (int r = 0; r < v.rows; ++r) {
            const float* in = v.in + r * v.in_stride;
            const float x = std::inner_product(weights, weights + t->cols(), in, 0.0f);
            gates.push_back(x / (1.0f + std::exp(-x)) / x);
        }
    }
    std::vector<float> gates;

  private:
    const ModelFile& file_;
};

TEST_F(Carving, OfQwen2HasAGateThatIsAHalfElsewhereToo) {
    const auto model = load(SWITCHYARD_TEST_WORK "/reference/models/qwen2/model-f32.gguf");
    const CarvePlan plan = make_carve_plan(*model, {}, texts(), {});
    apply_carve_plan(model->file(), model->config(), plan, file("carved.gguf"), {}, {});
    const auto carved = open_gguf(file("carved.gguf"));
    PeerGates peer(*carved); // the dense model's inputs are the carved one's
    model->executor().set_observer(&peer);
    logits(*model, 0);
    model->executor().set_observer(nullptr);
    EXPECT_EQ(peer.gates.size(), 30u * plan.layers.size());
    for (float gate : peer.gates)
        EXPECT_NEAR(gate, 0.5f, 5e-3f); // not NaN
}

TEST_F(Carving, RefusesWhatCannotBeCarved) {
    const auto model = load(dense());
    EXPECT_THROW(make_carve_plan(*model, {.routed = 97}, texts(), {}), Error);
    EXPECT_THROW(make_carve_plan(*model, {}, {{1, 2, 3}}, {}), Error);
    for (const int dense_layers : {-1, model->config().layers})
        EXPECT_THROW(shape_plan(model->file(), model->config(), {.dense_layers = dense_layers}), Error)
            << dense_layers;
    const auto qwen2 = load(SWITCHYARD_TEST_WORK "/reference/models/qwen2/model-f32.gguf");
    EXPECT_EQ(carve_layout(qwen2->file(), qwen2->config(), 8, 0).architecture, "qwen2moe");
    EXPECT_EQ(carve_layout(qwen2->file(), qwen2->config(), 8, 1).architecture, "qwen2-carved");
    EXPECT_THROW(apply_carve_plan(model->file(), model->config(), small_plan(), file("x.gguf"), {}, {}),
                 Error);
    EXPECT_FALSE(fs::exists(file("x.gguf")));
    const auto moe = load(SWITCHYARD_TEST_WORK "/reference/models/deepseek1/model-f32.gguf");
    EXPECT_THROW(shape_plan(moe->file(), moe->config(), {}), Error);
}

TEST_F(Carving, StopsAtAWeightThatIsNoNumberAndNamesTheTensor) {
    const auto good = open_gguf(dense());
    for (const std::string name : {"blk.0.ffn_down.weight", "output_norm.weight"}) {
        const std::vector<TensorView> tensors(good->tensors().begin(), good->tensors().end());
        GgufWriter writer(file("bad.gguf"), good->metadata(), tensors);
        for (const TensorView& t : tensors) {
            std::vector<std::byte> bytes(t.data, t.data + t.bytes);
            const float nan = std::nanf("");
            if (t.name == name)
                std::memcpy(bytes.data() + t.bytes - sizeof nan, &nan, sizeof nan);
            writer.append(bytes);
        }
        writer.finish();
        CarveRequest request;
        request.in = file("bad.gguf");
        request.out = file("out.gguf");
        request.threads = 2;
        try {
            carve_model(request, {});
            ADD_FAILURE() << name;
        } catch (const Error& error) {
            const std::string text = error.what();
            EXPECT_NE(text.find(name), std::string::npos) << text;
            EXPECT_NE(text.find("NaN"), std::string::npos) << text;
        }
        EXPECT_FALSE(fs::exists(file("out.gguf")));
    }
}

TEST_F(Carving, ByAPlanRefusesATensorOfAnotherShape) {
    const auto good = open_gguf(dense());
    const auto model = load(dense());
    save_plan(make_carve_plan(*model, {}, texts(), {}), file("plan"));
    std::vector<TensorView> tensors(good->tensors().begin(), good->tensors().end());
    for (TensorView& t : tensors)
        if (t.name == "blk.1.ffn_gate.weight") { // half of the neurons
            t.shape[1] /= 2;
            t.bytes /= 2;
        }
    GgufWriter writer(file("bad.gguf"), good->metadata(), tensors);
    for (const TensorView& t : tensors)
        writer.append({t.data, t.bytes});
    writer.finish();
    CarveRequest request;
    request.in = file("bad.gguf");
    request.out = file("out.gguf");
    request.plan = file("plan");
    request.threads = 2;
    try {
        carve_model(request, {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("blk.1.ffn_gate.weight"), std::string::npos) << error.what();
    }
    EXPECT_FALSE(fs::exists(file("out.gguf")));
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
