// DeepSeek's FP8 folders: matrices of E4M3 with a scale for each 128 x 128 values, partial edge blocks
// included. The same model with the values written out as floats must give the same bits.
#include "engine/model/folder_model.h"
#include "engine/quant/float8.h"
#include "engine/quant/quant.h"
#include "engine/run/loaded_model.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

namespace switchyard {
namespace {

using Json = nlohmann::json;

/// Collects tensors and writes them as model.safetensors.
class SafetensorsWriter {
  public:
    void add(const std::string& name, const char* type, const std::vector<std::int64_t>& shape,
             const void* data, std::size_t bytes) {
        header_[name] = {
            {"dtype", type}, {"shape", shape}, {"data_offsets", {data_.size(), data_.size() + bytes}}};
        data_.append(static_cast<const char*>(data), bytes);
    }
    void write(const std::filesystem::path& folder, const Json& config) const {
        std::filesystem::create_directories(folder);
        std::ofstream(folder / "config.json") << config;
        std::string header = header_.dump();
        header.resize((header.size() + 7) / 8 * 8, ' ');
        const std::uint64_t size = header.size();
        std::ofstream out(folder / "model.safetensors", std::ios::binary);
        out.write(reinterpret_cast<const char*>(&size), sizeof size);
        out << header << data_;
    }

  private:
    Json header_ = Json::object();
    std::string data_;
};

/// A small DeepSeek-V3 in two folders, fp8/ and f32/, of the same random values.
class Fp8Folder : public testing::Test {
  protected:
    void SetUp() override {
        std::ifstream in(SWITCHYARD_TEST_DATA "/reference/models/deepseek3/config.json");
        config_ = Json::parse(in);
        config_.update({{"hidden_size", kHidden},
                        {"intermediate_size", 320},
                        {"moe_intermediate_size", 64},
                        {"n_routed_experts", 4},
                        {"n_group", 2},
                        {"topk_group", 1},
                        {"num_experts_per_tok", 2},
                        {"num_hidden_layers", 2},
                        {"first_k_dense_replace", 1},
                        {"q_lora_rank", 64},
                        {"kv_lora_rank", 192}});
    }

    void write(std::int64_t nope, std::int64_t value) {
        config_.update({{"qk_nope_head_dim", nope}, {"qk_head_dim", nope + 8}, {"v_head_dim", value}});
        plain("model.embed_tokens.weight", {192, kHidden});
        plain("model.norm.weight", {kHidden});
        plain("lm_head.weight", {192, kHidden});
        for (int layer = 0; layer < 2; ++layer) {
            const std::string at = "model.layers." + std::to_string(layer) + ".";
            plain(at + "input_layernorm.weight", {kHidden});
            plain(at + "post_attention_layernorm.weight", {kHidden});
            plain(at + "self_attn.q_a_layernorm.weight", {64});
            plain(at + "self_attn.kv_a_layernorm.weight", {192});
            matrix(at + "self_attn.q_a_proj.weight", 64, kHidden);
            matrix(at + "self_attn.q_b_proj.weight", 4 * (nope + 8), 64);
            matrix(at + "self_attn.kv_a_proj_with_mqa.weight", 192 + 8, kHidden);
            matrix(at + "self_attn.kv_b_proj.weight", 4 * (nope + value), 192);
            matrix(at + "self_attn.o_proj.weight", kHidden, 4 * value);
            if (layer == 0) {
                block(at + "mlp.", 320);
                continue;
            }
            plain(at + "mlp.gate.weight", {4, kHidden});
            plain(at + "mlp.gate.e_score_correction_bias", {4});
            block(at + "mlp.shared_experts.", 64);
            for (int e = 0; e < 4; ++e) {
                block(at + "mlp.experts." + std::to_string(e) + ".", 64);
            }
        }
        fp8_.write(root_ / "fp8", config_);
        f32_.write(root_ / "f32", config_);
    }

    std::vector<float> logits(const char* folder, bool exact) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, exact});
        const auto model = LoadedModel::load((root_ / folder).string(), options);
        const BlockType kv = exact ? BlockType::F32 : BlockType::F16;
        Batch batch;
        batch.sequences.push_back({{model->executor().allocate_kv_block(kv)}});
        for (int i = 0; i < 9; ++i) {
            batch.rows.push_back({.token = 17 * i % 192, .position = i, .wish = RowWish::Logits});
        }
        return model->executor().run(std::move(batch), model->weights()).logits;
    }

    const test::TemporaryFolder temporary_;
    const std::filesystem::path& root_ = temporary_.path();

  private:
    static constexpr std::int64_t kHidden = 192; // one whole block of 128 and a partial one

    void plain(const std::string& name, std::vector<std::int64_t> shape) {
        std::vector<float> values(static_cast<std::size_t>(shape[0] * (shape.size() > 1 ? shape[1] : 1)));
        for (float& v : values) {
            v = normal_(random_) + (shape.size() == 1 ? 1.0f : 0.0f);
        }
        for (SafetensorsWriter* w : {&fp8_, &f32_}) {
            w->add(name, "F32", shape, values.data(), values.size() * sizeof(float));
        }
    }
    void matrix(const std::string& name, std::int64_t rows, std::int64_t cols) {
        const std::int64_t down = (rows + 127) / 128, across = (cols + 127) / 128;
        std::vector<float> scales(static_cast<std::size_t>(down * across));
        for (float& s : scales) {
            s = 0.001f * std::exp(normal_(random_));
        }
        std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * cols));
        std::vector<float> values(codes.size());
        for (std::size_t i = 0; i < codes.size(); ++i) {
            const auto bits = static_cast<std::uint8_t>(random_() & 0xff);
            codes[i] = (bits & 0x7f) == 0x7f ? std::uint8_t{0x40} : bits;
            const auto r = static_cast<std::int64_t>(i) / cols, c = static_cast<std::int64_t>(i) % cols;
            values[i] =
                f8_e4m3_to_float(codes[i]) * scales[static_cast<std::size_t>(r / 128 * across + c / 128)];
        }
        fp8_.add(name, "F8_E4M3", {rows, cols}, codes.data(), codes.size());
        fp8_.add(name + "_scale_inv", "F32", {down, across}, scales.data(), scales.size() * sizeof(float));
        f32_.add(name, "F32", {rows, cols}, values.data(), values.size() * sizeof(float));
    }
    void block(const std::string& at, std::int64_t width) {
        matrix(at + "gate_proj.weight", width, kHidden);
        matrix(at + "up_proj.weight", width, kHidden);
        matrix(at + "down_proj.weight", kHidden, width);
    }

    Json config_;
    SafetensorsWriter fp8_, f32_;
    std::mt19937 random_{5};
    std::normal_distribution<float> normal_;
};

TEST_F(Fp8Folder, StaysFp8AndComputesTheSameBits) {
    write(64, 64);
    const auto file = open_model(root_ / "fp8"), floats = open_model(root_ / "f32");
    std::size_t kept = 0;
    for (const TensorView& t : file->tensors()) {
        const TensorView& same = *floats->find(t.name);
        ASSERT_EQ(t.shape, same.shape) << t.name;
        kept += t.type == BlockType::FP8;
        std::vector<float> a(static_cast<std::size_t>(t.cols())), b(a.size());
        for (std::int64_t m = 0; m < t.matrices(); ++m) {
            const auto blocks = t.matrix(m), floats_of = same.matrix(m);
            for (std::int64_t r = 0; r < t.rows(); ++r) {
                const auto row = static_cast<std::size_t>(r);
                decode_row(t.type, blocks.get() + row * row_bytes(t.type, t.cols()), a);
                decode_row(same.type, floats_of.get() + row * row_bytes(same.type, t.cols()), b);
                ASSERT_EQ(a, b) << t.name << " matrix " << m << " row " << r;
            }
        }
    }
    EXPECT_EQ(kept, 21u); // six of attention a layer, three of the dense layer, six of the experts
    EXPECT_EQ(logits("fp8", true), logits("f32", true));
    EXPECT_EQ(logits("fp8", false), logits("f32", false));
}

TEST_F(Fp8Folder, TakesHeadsThatScalesAreNotAlignedWith) {
    write(24, 80);
    EXPECT_EQ(open_model(root_ / "fp8")->find("blk.0.attn_k_b.weight")->type, BlockType::F32);
    EXPECT_EQ(open_model(root_ / "fp8")->find("blk.0.attn_v_b.weight")->type, BlockType::FP8);
    EXPECT_EQ(logits("fp8", true), logits("f32", true));
    EXPECT_EQ(logits("fp8", false), logits("f32", false));
}

} // namespace
} // namespace switchyard
