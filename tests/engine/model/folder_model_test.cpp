// Hugging Face folders against the GGUF files that a converter made of the same models: the same tensors,
// value for value, and the same configuration.
#include "engine/base/error.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_model.h"
#include "engine/model/folder_names.h"
#include "engine/model/model_config.h"
#include "engine/quant/quant.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace switchyard {
namespace {

const std::string kPacked = std::string(SWITCHYARD_TEST_DATA) + "/reference/models/";
const std::string kUnpacked = std::string(SWITCHYARD_TEST_WORK) + "/reference/models/";

std::vector<float> values(const TensorView& t, std::int64_t matrix) {
    const auto cols = static_cast<std::size_t>(t.cols());
    std::vector<float> out(cols * static_cast<std::size_t>(t.rows()));
    const auto blocks = t.matrix(matrix);
    for (std::size_t r = 0; r < static_cast<std::size_t>(t.rows()); ++r) {
        decode_row(t.type, blocks.get() + r * row_bytes(t.type, t.cols()), {out.data() + r * cols, cols});
    }
    return out;
}

class FolderModels : public testing::TestWithParam<const char*> {};

TEST_P(FolderModels, HaveTheTensorsOfTheConvertedFile) {
    const auto folder = open_model(kPacked + GetParam());
    const auto gguf = open_model(kUnpacked + GetParam() + "/model-f32.gguf");
    EXPECT_EQ(folder->tensors().size(), gguf->tensors().size());
    for (const TensorView& expected : gguf->tensors()) {
        const TensorView* found = folder->find(expected.name);
        ASSERT_TRUE(found) << expected.name;
        ASSERT_EQ(found->shape, expected.shape) << expected.name;
        for (std::int64_t m = 0; m < expected.matrices(); ++m) {
            if (expected.name == "rope_freqs.weight") {
                const std::vector<float> a = values(*found, m), b = values(expected, m);
                for (std::size_t i = 0; i < a.size(); ++i) {
                    EXPECT_NEAR(a[i], b[i], 1e-6 * b[i]);
                }
            } else {
                ASSERT_EQ(values(*found, m), values(expected, m)) << expected.name << " matrix " << m;
            }
        }
    }
}

TEST_P(FolderModels, HaveTheConfigurationOfTheConvertedFile) {
    const ModelConfig a = read_config(*open_model(kPacked + GetParam()));
    const ModelConfig b = read_config(*open_model(kUnpacked + GetParam() + "/model-f32.gguf"));
    EXPECT_EQ(a.architecture, b.architecture);
    EXPECT_EQ(a.layers, b.layers);
    EXPECT_EQ(a.hidden, b.hidden);
    EXPECT_EQ(a.vocabulary, b.vocabulary);
    EXPECT_EQ(a.context, b.context);
    EXPECT_EQ(a.heads, b.heads);
    EXPECT_EQ(a.kv_heads, b.kv_heads);
    EXPECT_EQ(a.head_dim, b.head_dim);
    EXPECT_EQ(a.value_dim, b.value_dim);
    EXPECT_EQ(a.kv_lora_rank, b.kv_lora_rank);
    EXPECT_EQ(a.q_lora_rank, b.q_lora_rank);
    EXPECT_EQ(a.windows, b.windows);
    EXPECT_EQ(a.rope.dims, b.rope.dims);
    EXPECT_FLOAT_EQ(a.rope.theta, b.rope.theta);
    EXPECT_FLOAT_EQ(a.rope.factor, b.rope.factor);
    EXPECT_FLOAT_EQ(a.rope.magnitude, b.rope.magnitude);
    EXPECT_FLOAT_EQ(a.attention_scale, b.attention_scale);
    EXPECT_EQ(a.rope.scaling, b.rope.scaling);
    EXPECT_EQ(a.rope.interleaved, b.rope.interleaved);
    EXPECT_EQ(a.experts, b.experts);
    EXPECT_EQ(a.experts_active, b.experts_active);
    EXPECT_EQ(a.experts_shared, b.experts_shared);
    EXPECT_EQ(a.expert_width, b.expert_width);
    EXPECT_EQ(a.shared_width, b.shared_width);
    EXPECT_EQ(a.dense_layers, b.dense_layers);
    EXPECT_EQ(a.expert_gate, b.expert_gate);
    EXPECT_EQ(a.expert_normalise, b.expert_normalise);
    EXPECT_FLOAT_EQ(a.expert_scale, b.expert_scale);
    EXPECT_EQ(a.expert_groups, b.expert_groups);
    EXPECT_EQ(a.expert_groups_kept, b.expert_groups_kept);
}

INSTANTIATE_TEST_SUITE_P(Reference, FolderModels,
                         testing::Values("deepseek1", "deepseek2_grouped", "deepseek2_lite", "deepseek3",
                                         "gptoss", "llama31", "mixtral", "olmoe", "qwen2", "qwen2moe",
                                         "qwen3", "qwen3moe"),
                         [](const auto& info) { return std::string(info.param); });

/// A copy of a reference folder whose config.json can be changed.
class ChangedFolder : public testing::Test {
  protected:
    /// What opening `model` says with `from` replaced by `to` in its config.json; empty where it opens.
    std::string opening(const std::string& model, const std::string& from, const std::string& to) {
        std::ifstream in(kPacked + model + "/config.json");
        std::string config{std::istreambuf_iterator<char>(in), {}};
        const auto at = config.find(from);
        EXPECT_NE(at, config.npos) << from;
        config.replace(at, from.size(), to);
        std::ofstream(folder_ / "config.json") << config;
        std::filesystem::copy_file(kPacked + model + "/model.safetensors", folder_ / "model.safetensors",
                                   std::filesystem::copy_options::overwrite_existing);
        try {
            open_model(folder_);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    }

    const test::TemporaryFolder temporary_;
    const std::filesystem::path& folder_ = temporary_.path();
};

TEST_F(ChangedFolder, SaysWhatIsNotKnown) {
    EXPECT_EQ(opening("qwen2", "\"qwen2\"", "\"qwen2\""), "");
    EXPECT_NE(opening("qwen2", "\"qwen2\"", "\"mamba\"").find("\"mamba\" is not known"), std::string::npos);
    EXPECT_NE(opening("qwen2", "\"num_hidden_layers\"", "\"x\"").find("num_hidden_layers is missing"),
              std::string::npos);
    EXPECT_NE(
        opening("qwen2", "\"hidden_size\": 64", "\"hidden_size\": \"64\"").find("hidden_size is not a count"),
        std::string::npos);
    EXPECT_NE(opening("qwen3", "\"default\"", "\"longropes\"").find("\"longropes\", which is not known"),
              std::string::npos);
    EXPECT_NE(
        opening("qwen3moe", "\"num_local_experts\": 14", "\"num_local_experts\": 13").find("13 experts"),
        std::string::npos);
    EXPECT_NE(
        opening("qwen3moe", "\"num_local_experts\": 14", "\"num_local_experts\": 15").find("expert 14 of"),
        std::string::npos);
    EXPECT_NE(
        opening("deepseek2_lite", "\"v_head_dim\": 20", "\"v_head_dim\": 21").find("does not fit the heads"),
        std::string::npos);
    EXPECT_NE(opening("qwen2", "\"model_type\": \"qwen2\"", "\"model_type\": \"olmoe\", \"clip_qkv\": 8")
                  .find("clip_qkv"),
              std::string::npos);
}

TEST_F(ChangedFolder, SaysWhatContradicts) {
    const auto says = [&](const char* model, const char* from, const char* to, const char* words) {
        const std::string message = opening(model, from, to);
        EXPECT_NE(message.find(words), std::string::npos) << to << ": " << message;
    };
    says("qwen2", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3",
         "num_key_value_heads does not divide the 4 heads");
    says("qwen2", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 0", "num_hidden_layers is 0");
    says("qwen2", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 999999",
         "num_hidden_layers is 999999, expected 1024 at most");
    says("qwen2", "\"silu\"", "\"gelu\"", "hidden_act is \"gelu\"");
    says("qwen2", "\"model_type\"", "\"kind\"", "model_type is missing");
    says("mixtral", "\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 99",
         "num_experts_per_tok is 99, expected 1 to");
    says("deepseek3", "\"n_group\": 4", "\"n_group\": 5", "n_group does not divide the 16 experts");
    says("deepseek3", "\"topk_group\": 2", "\"topk_group\": 1",
         "num_experts_per_tok is more than the kept groups have");
    says("gptoss", "\"full_attention\"", "\"some_attention\"", "layer_types has \"some_attention\"");
}

TEST_F(ChangedFolder, HasTheWindowsOfTheModelsOwnCode) {
    const auto windows = [&](const char* model, const char* from, const char* to) {
        EXPECT_EQ(opening(model, from, to), "");
        return read_config(*open_model(folder_)).windows;
    };
    using Windows = std::vector<int>;
    EXPECT_EQ(windows("gptoss", "\"full_attention\"", "\"sliding_attention\""), Windows({16, 16, 16}));
    EXPECT_EQ(windows("mixtral", "\"sliding_window\": null", "\"sliding_window\": 9"), Windows({9, 9, 9}));
    EXPECT_EQ(windows("qwen2moe", "\"use_sliding_window\": false",
                      "\"use_sliding_window\": true, \"sliding_window\": 5, \"layer_types\": null"),
              Windows({5, 0, 5}));
    EXPECT_EQ(windows("qwen2moe", "\"sliding_window\": 0", "\"sliding_window\": 5"), Windows());
}

TEST_F(ChangedFolder, DenseLayersMayLieAmongOthers) {
    // The router and experts of a layer are one thing, a dense layer's matrices another: tensors decide.
    const ModelConfig config = read_config(*open_model(kPacked + "deepseek3"));
    const Plan plan = build_plan(config, *open_model(kPacked + "deepseek3")).plan;
    EXPECT_EQ(plan.routes, config.layers - config.dense_layers);
    EXPECT_EQ(opening("deepseek3", "\"first_k_dense_replace\": 2", "\"first_k_dense_replace\": 0"), "");
    EXPECT_EQ(build_plan(read_config(*open_model(folder_)), *open_model(folder_)).plan.routes, plan.routes);
}

TEST(FolderNames, KnowLayersAndExperts) {
    using Kind = FolderName::Kind;
    EXPECT_EQ(folder_name("model.layers.3.mlp.experts.12.down_proj.weight", "qwen3moe", 4).expert, 12);
    EXPECT_EQ(folder_name("model.layers.3.mlp.experts.12.down_proj.weight", "qwen3moe", 4).gguf,
              "blk.3.ffn_down_exps.weight");
    EXPECT_EQ(folder_name("model.layers.61.embed_tokens.weight", "deepseek2", 61).kind, Kind::Further);
    EXPECT_EQ(folder_name("model.layers.0.self_attn.q_proj.weight_scale_inv", "deepseek2", 61).kind,
              Kind::Beside);
    for (const char* name :
         {"model.layers.", "model.layers.x.mlp", "model.layers.-1.mlp.gate.weight", "lm_head",
          "model.layers.0.mlp.experts.0.bias", "model.layers.0.mlp.experts.99999999999.w1.weight"}) {
        EXPECT_EQ(folder_name(name, "llama", 4).kind, Kind::Unknown) << name;
    }
}

TEST(FolderModel, CarriesTheSamplingItsAuthorsAdvise) {
    const test::TemporaryFolder temporary;
    const std::filesystem::path& folder = temporary.path();
    std::filesystem::copy(kPacked + "llama31", folder, std::filesystem::copy_options::recursive);
    std::ofstream(folder / "generation_config.json")
        << R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": "wide", "eos_token_id": [1, 2]})";
    const auto model = open_model(folder);
    EXPECT_EQ(model->metadata().real("general.sampling.temp"), 0.6);
    EXPECT_EQ(model->metadata().real("general.sampling.top_k"), 20);
    EXPECT_FALSE(model->metadata().has("general.sampling.top_p"));
    std::ofstream(folder / "generation_config.json") << R"({"do_sample": false, "temperature": 0.6})";
    EXPECT_EQ(open_model(folder)->metadata().real("general.sampling.temp"), 0.0) << "the most likely token";
    std::ofstream(folder / "generation_config.json") << "{ not JSON";
    EXPECT_FALSE(open_model(folder)->metadata().has("general.sampling.temp"));
}

} // namespace
} // namespace switchyard
