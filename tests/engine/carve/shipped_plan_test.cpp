// The plans in resources/carve: that they fit the models they are for, and that a model carved by one is the
// dense model as long as all experts are active. Without those models: a random one of the same shape stands
// for them.
#include "engine/carve/carve_apply.h"
#include "engine/carve/carve_plan.h"
#include "engine/files/gguf_writer.h"
#include "engine/quant/quant.h"
#include "engine/run/loaded_model.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

constexpr int kVocabulary = 64, kHeadWidth = 64;
constexpr float kMassiveGain = 30; ///< how much more a layer reads at a text's first token than elsewhere

struct Shipped {
    const char *file, *architecture;
    int hidden, layers, dense_layers, width, expert_width;
};
constexpr Shipped kShipped[] = {
    {"qwen2.5-coder-0.5b-instruct.plan", "qwen2", 896, 24, 0, 4864, 320},
    {"smollm2-135m-instruct.plan", "llama", 576, 30, 10, 1536, 96},
};

void PrintTo(const Shipped& s, std::ostream* out) { *out << s.file; }

class ShippedPlan : public testing::TestWithParam<Shipped> {
  protected:
    static fs::path path() {
        return fs::path(SWITCHYARD_TEST_DATA) / "../../resources/carve" / GetParam().file;
    }

    // One carved layer of the plan, and a random dense model of one layer that it fits.
    CarvePlan first_layer() const {
        CarvePlan plan = load_plan(path());
        plan.layers.resize(1);
        plan.layers[0].layer = 0;
        plan.model_layers = 1;
        return plan;
    }

    fs::path dense_model() const {
        const Shipped& s = GetParam();
        Metadata m;
        const auto key = [&](const char* name) { return std::string(s.architecture) + "." + name; };
        m.set("general.architecture", std::string(s.architecture));
        m.set("general.name", std::string("random"));
        for (const auto& [name, value] : std::initializer_list<std::pair<const char*, int>>{
                 {"block_count", 1},
                 {"context_length", 64},
                 {"embedding_length", s.hidden},
                 {"feed_forward_length", s.width},
                 {"attention.head_count", s.hidden / kHeadWidth},
                 {"attention.head_count_kv", 1},
                 {"vocab_size", kVocabulary}})
            m.set(key(name), static_cast<std::uint64_t>(value));
        m.set(key("attention.layer_norm_rms_epsilon"), 1e-6);
        list(s);
        std::vector<TensorView> views;
        for (const Random& t : tensors_)
            views.push_back({t.name, t.type, t.shape, nullptr, t.rows() * row_bytes(t.type, t.shape[0])});
        const fs::path file = folder_.path() / "dense.gguf";
        GgufWriter writer(file, m, views);
        for (const Random& t : tensors_)
            write(writer, t);
        writer.finish();
        return file;
    }

    static std::vector<float> logits(const fs::path& file) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, true});
        const auto model = LoadedModel::load(file, options);
        Batch batch;
        batch.sequences.push_back({{model->executor().allocate_kv_block(BlockType::F32)}});
        for (std::int32_t i = 0; i < 6; ++i)
            batch.rows.push_back({.token = i * 7,
                                  .position = i,
                                  .dials = {.experts = model->config().experts},
                                  .wish = RowWish::Logits});
        return model->executor().run(std::move(batch), model->weights()).logits;
    }

    const test::TemporaryFolder folder_;

  private:
    struct Random {
        std::string name;
        BlockType type;
        std::vector<std::int64_t> shape;
        float mean, deviation;
        std::size_t rows() const {
            return shape.size() > 1 ? static_cast<std::size_t>(shape[1]) : std::size_t{1};
        }
    };

    void list(const Shipped& s) const {
        const std::int64_t h = s.hidden, w = s.width;
        const auto matrix = [&](const char* name, std::int64_t cols, std::int64_t rows) {
            tensors_.push_back(
                {name, BlockType::F16, {cols, rows}, 0, 1 / std::sqrt(static_cast<float>(cols))});
        };
        const auto vector = [&](const char* name, std::int64_t n, float mean) {
            tensors_.push_back({name, BlockType::F32, {n}, mean, 0});
        };
        tensors_.clear();
        matrix("token_embd.weight", h, kVocabulary);
        matrix("output.weight", h, kVocabulary);
        vector("output_norm.weight", h, 1);
        vector("blk.0.attn_norm.weight", h, 1);
        for (const char* name : {"blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v"}) {
            const std::int64_t rows = name[11] == 'q' ? h : kHeadWidth;
            matrix((std::string(name) + ".weight").c_str(), h, rows);
            if (s.architecture == std::string("qwen2"))
                vector((std::string(name) + ".bias").c_str(), rows, 0.1f);
        }
        matrix("blk.0.attn_output.weight", h, h);
        vector("blk.0.ffn_norm.weight", h, kMassiveGain);
        matrix("blk.0.ffn_gate.weight", h, w);
        matrix("blk.0.ffn_up.weight", h, w);
        matrix("blk.0.ffn_down.weight", w, h);
    }

    static void write(GgufWriter& writer, const Random& t) {
        std::mt19937 random(static_cast<unsigned>(std::hash<std::string>()(t.name)));
        std::normal_distribution<float> normal;
        std::vector<float> row(static_cast<std::size_t>(t.shape[0]));
        std::vector<std::byte> bytes(row_bytes(t.type, t.shape[0]));
        for (std::size_t r = 0; r < t.rows(); ++r) {
            for (float& v : row)
                v = t.mean + (t.deviation > 0 ? t.deviation * normal(random) : 0);
            encode_row(t.type, row, bytes.data());
            writer.append(bytes);
        }
    }

    mutable std::vector<Random> tensors_;
};

// About half of the neurons in eight experts: a dial whose effect is seen.
TEST_P(ShippedPlan, FitsItsModelIsSmallAndMovesWholeBlocks) {
    const Shipped& s = GetParam();
    EXPECT_LT(fs::file_size(path()), 500'000u);
    const CarvePlan plan = load_plan(path());
    EXPECT_EQ(plan.hidden, s.hidden);
    EXPECT_EQ(plan.model_layers, s.layers);
    EXPECT_EQ(plan.dense_layers(), s.dense_layers);
    EXPECT_TRUE(plan.alike());
    EXPECT_EQ(plan.layers.front().width, s.width);
    EXPECT_EQ(plan.experts, 8);
    EXPECT_EQ(plan.layers.front().expert_width, s.expert_width);
    EXPECT_EQ(plan.layers.front().expert_width % 32, 0); // so that down can be quantized
    EXPECT_NEAR(8.0 * plan.layers.front().expert_width / plan.layers.front().width, 0.5, 0.05);
    bool exact = false;
    for (const CarveLayer& layer : plan.layers) {
        const auto none = [](const std::vector<float>& v) {
            return std::ranges::all_of(v, [](float x) { return x == 0 || !std::isfinite(x); });
        };
        EXPECT_FALSE(none(layer.direction));
        EXPECT_FALSE(none(layer.router));
        exact = exact || std::ranges::count(layer.owner, kExactNeuron) > 0;
    }
    EXPECT_TRUE(exact) << "the neurons of massive activations are not kept exact";
}

// Also where a layer reads much more than usual, as at the first token of a text: the gates' and routers'
// logits grow with it, and must still be so small that all weights are alike.
TEST_P(ShippedPlan, WithAllExpertsActiveIsTheDenseModelInEveryRow) {
    const fs::path dense = dense_model(), carved = folder_.path() / "carved.gguf";
    const auto file = open_gguf(dense);
    apply_carve_plan(*file, read_config(*file), first_layer(), carved, {}, {});
    const std::vector<float> want = logits(dense), got = logits(carved);
    ASSERT_EQ(want.size(), got.size());
    for (std::size_t row = 0; row < want.size(); row += kVocabulary) {
        double error = 0, power = 0;
        for (std::size_t i = row; i < row + kVocabulary; ++i) {
            error += std::pow(static_cast<double>(got[i]) - want[i], 2);
            power += std::pow(static_cast<double>(want[i]), 2);
        }
        EXPECT_LT(error / power, 1e-5) << "row " << row / kVocabulary;
    }
}

INSTANTIATE_TEST_SUITE_P(Plans, ShippedPlan, testing::ValuesIn(kShipped),
                         [](const auto& test) { return std::string(test.param.architecture); });

} // namespace
} // namespace switchyard
