// Carving models of every dense family: what their layers have that llama's have not stays where it was.
#include "engine/base/error.h"
#include "engine/carve/carve.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/folder_model.h"
#include "engine/model/quantize_file.h"
#include "engine/run/evaluate.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_folders.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

constexpr int kTokens = 40;

std::shared_ptr<LoadedModel> load(const fs::path& path) {
    LoadOptions options;
    options.backend = make_cpu_backend({2, true});
    return LoadedModel::load(path, options);
}

std::vector<float> logits(LoadedModel& model, int experts) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < kTokens; ++i)
        ids.push_back(i * 37 % model.config().vocabulary);
    std::vector<float> all;
    evaluate(model.executor(), model.backend(), model.plan(), model.weights(), ids, {.experts = experts},
             [&](int, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
    return all;
}

double nmse(const std::vector<float>& a, const std::vector<float>& b) {
    double error = 0, power = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        error += std::pow(double(a[i]) - b[i], 2);
        power += std::pow(double(b[i]), 2);
    }
    return error / power;
}

std::vector<std::vector<std::int32_t>> texts(int vocabulary) {
    std::mt19937 random(3);
    std::vector<std::vector<std::int32_t>> texts(2);
    for (auto& text : texts)
        for (int i = 0; i < 300; ++i)
            text.push_back(static_cast<std::int32_t>(random() % static_cast<unsigned>(vocabulary)));
    return texts;
}

class CarvedFamily : public testing::TestWithParam<const char*> {
  protected:
    fs::path file(const char* name) const { return folder_.path() / name; }

    /// With all experts active the carved file is the model, with fewer it is further away.
    void carve(const fs::path& dense, const CarveShape& shape, CarveOptions options) {
        const auto model = load(dense);
        const CarvePlan plan = make_carve_plan(*model, shape, texts(model->config().vocabulary), {});
        save_plan(plan, file("plan"));
        apply_carve_plan(model->file(), model->config(), load_plan(file("plan")), file("carved.gguf"),
                         options, {});
        const auto carved = load(file("carved.gguf"));
        EXPECT_EQ(carved->config().experts, shape.routed);
        EXPECT_EQ(static_cast<std::size_t>(carved->plan().routes), plan.layers.size());
        const auto want = logits(*model, 0);
        const double all = nmse(logits(*carved, shape.routed), want);
        RecordProperty("nmse", std::to_string(all * 1e12) + "e-12");
        EXPECT_LT(all, options.down == BlockType::F32 ? 1e-8 : 1e-3);
        EXPECT_GT(nmse(logits(*carved, 1), want), 10 * all);
    }

    const test::TemporaryFolder folder_;
};

TEST_P(CarvedFamily, IsTheDenseModelWithAllExperts) {
    const fs::path dense = test::reference_model(GetParam());
    carve(dense, {.routed = 4}, {.down = BlockType::F32});
    // The file is one as any other: for the dial of precision, and to be quantized.
    const auto carved = open_model(file("carved.gguf"));
    quantize_file(*carved, file("small.gguf"), {.type = BlockType::Q8_0});
    const auto small = load(file("small.gguf"));
    EXPECT_LT(nmse(logits(*small, 4), logits(*load(dense), 0)), 5e-2);
}

TEST_P(CarvedFamily, NeedsNoSharedNeuronsAndNotAllLayers) {
    carve(test::reference_model(GetParam()), {.routed = 3, .dense_layers = 1, .shared_share = 0},
          {.down = BlockType::F32});
}

TEST_P(CarvedFamily, ComesFromTheAuthorsFolderToo) {
    fs::path folder = fs::path(test::data_folder()) / "reference/models" / GetParam();
    if (!fs::exists(folder / "model.safetensors")) {
        const char* others = std::getenv("SWITCHYARD_REFERENCE_MODELS");
        if (!others)
            GTEST_SKIP() << "the weights are here as a GGUF file only (SWITCHYARD_REFERENCE_MODELS)";
        folder = fs::path(others) / GetParam();
    }
    carve(folder, {.routed = 4}, {});
}

INSTANTIATE_TEST_SUITE_P(Families, CarvedFamily,
                         testing::Values("falcon_h1", "gemma3", "gemma3_27b", "gemma4_e",
                                         "granitehybrid_dense", "lfm2", "llama31", "ministral3", "olmo2",
                                         "olmo3", "phi3", "phi3_window", "qwen2", "qwen3", "qwen3_5",
                                         "smollm3"));

/// A llama whose neurons have biases, and its layers one behind them.
fs::path with_biases(const fs::path& folder) {
    const auto source = open_model(test::reference_model("llama31"));
    const ModelConfig config = read_config(*source);
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 0.2f);
    std::vector<TensorView> tensors(source->tensors().begin(), source->tensors().end());
    std::vector<std::vector<float>> biases;
    for (int layer = 0; layer < config.layers; ++layer)
        for (const char* part : {"ffn_gate", "ffn_up", "ffn_down"}) {
            const int values = part == std::string("ffn_down") ? config.hidden : config.feed_forward;
            auto& bias = biases.emplace_back();
            for (int i = 0; i < values; ++i)
                bias.push_back(normal(random));
            tensors.push_back({"blk." + std::to_string(layer) + "." + part + ".bias",
                               BlockType::F32,
                               {values},
                               reinterpret_cast<const std::byte*>(bias.data()),
                               bias.size() * sizeof(float)});
        }
    fs::path file = folder / "biases.gguf";
    GgufWriter writer(file, source->metadata(), tensors);
    for (const TensorView& t : tensors)
        writer.append({t.data, t.bytes});
    writer.finish();
    return file;
}

using CarvedBiases = CarvedFamily;

TEST_P(CarvedBiases, GoWithTheirNeurons) {
    const double shared = GetParam() == std::string("shared") ? 0.5 : 0;
    carve(with_biases(folder_.path()), {.routed = 4, .shared_share = shared}, {.down = BlockType::F32});
    const auto carved = open_model(file("carved.gguf"));
    EXPECT_TRUE(carved->find("blk.0.ffn_up_exps.bias"));
    EXPECT_EQ(carved->find("blk.0.ffn_up_shexp.bias") != nullptr, shared > 0);
}

INSTANTIATE_TEST_SUITE_P(Neurons, CarvedBiases, testing::Values("shared", "none"));

} // namespace
} // namespace switchyard
