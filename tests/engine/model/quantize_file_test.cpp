// Writing a model again in another block format.
#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/quantize_file.h"
#include "engine/quant/quant.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

namespace switchyard {
namespace {

class QuantizeFile : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "switchyard-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        Metadata metadata;
        metadata.set("general.architecture", std::string("llama"));
        metadata.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"});
        const std::vector<TensorView> tensors = {
            {"token_embd.weight", BlockType::F32, {512, 8}, nullptr, 0},
            {"blk.0.attn_norm.weight", BlockType::F32, {512}, nullptr, 0},
            {"blk.0.attn_q.weight", BlockType::BF16, {512, 8}, nullptr, 0},
            {"blk.0.attn_q.bias", BlockType::F16, {8}, nullptr, 0},
            {"blk.0.ffn_gate_inp.weight", BlockType::F16, {512, 4}, nullptr, 0},
            {"blk.0.ffn_gate_exps.weight", BlockType::F32, {512, 4, 3}, nullptr, 0},
            {"blk.0.ffn_down_exps.weight", BlockType::F32, {96, 4, 3}, nullptr, 0},
            {"blk.0.ffn_down_exps.bias", BlockType::F32, {512, 3}, nullptr, 0},
            {"output.weight", BlockType::F32, {512, 8}, nullptr, 0},
        };
        GgufWriter writer(folder_ / "in.gguf", metadata, tensors);
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        for (const TensorView& t : tensors) {
            std::vector<float> values(static_cast<std::size_t>(t.cols() * t.rows() * t.matrices()));
            for (float& v : values) {
                v = normal(random);
            }
            std::vector<std::byte> bytes(row_bytes(t.type, static_cast<std::int64_t>(values.size())));
            encode_row(t.type, values, bytes.data());
            writer.append(bytes);
        }
        writer.finish();
        source_ = open_gguf(folder_ / "in.gguf");
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::map<std::string, BlockType> types(const QuantizeOptions& options) {
        report_ = quantize_file(*source_, folder_ / "out.gguf", options);
        result_ = open_gguf(folder_ / "out.gguf");
        std::map<std::string, BlockType> out;
        for (const TensorView& t : result_->tensors()) {
            out[t.name] = t.type;
        }
        return out;
    }

    std::filesystem::path folder_;
    std::shared_ptr<const ModelFile> source_, result_;
    QuantizeReport report_;
};

TEST_F(QuantizeFile, ChoosesTypesByRole) {
    auto type = types({.type = BlockType::Q4_K});
    EXPECT_EQ(type["output.weight"], BlockType::Q6_K);
    EXPECT_EQ(type["token_embd.weight"], BlockType::Q4_K);
    EXPECT_EQ(type["blk.0.attn_q.weight"], BlockType::Q4_K);
    EXPECT_EQ(type["blk.0.ffn_gate_exps.weight"], BlockType::Q4_K);
    EXPECT_EQ(type["blk.0.ffn_down_exps.weight"], BlockType::Q5_0);
    for (const char* plain : {"blk.0.attn_norm.weight", "blk.0.attn_q.bias", "blk.0.ffn_gate_inp.weight",
                              "blk.0.ffn_down_exps.bias"}) {
        EXPECT_EQ(type[plain], BlockType::F32) << plain;
    }
    ASSERT_EQ(report_.fallbacks.size(), 1u);
    EXPECT_EQ(report_.fallbacks[0].tensor, "blk.0.ffn_down_exps.weight");
    EXPECT_EQ(report_.fallbacks[0].wanted, BlockType::Q4_K);
    EXPECT_EQ(report_.fallbacks[0].used, BlockType::Q5_0);
    EXPECT_EQ(report_.tensors, 9u);
    EXPECT_EQ(report_.recoded, 7u);
    EXPECT_LT(report_.bytes_after, report_.bytes_before);
}

TEST_F(QuantizeFile, PureMeansEveryMatrix) {
    auto type = types({.type = BlockType::Q4_0, .pure = true});
    EXPECT_EQ(type["output.weight"], BlockType::Q4_0);
    EXPECT_EQ(type["token_embd.weight"], BlockType::Q4_0);
    EXPECT_EQ(type["blk.0.ffn_down_exps.weight"], BlockType::Q4_0);
    EXPECT_EQ(type["blk.0.attn_norm.weight"], BlockType::F32);
    EXPECT_TRUE(report_.fallbacks.empty());
}

TEST_F(QuantizeFile, NeverGivesTheTablesFewerBits) {
    auto type = types({.type = BlockType::Q8_0});
    EXPECT_EQ(type["output.weight"], BlockType::Q8_0);
    type = types({.type = BlockType::F16});
    EXPECT_EQ(type["output.weight"], BlockType::F16);
}

TEST_F(QuantizeFile, CarriesMetadataAndValuesOver) {
    types({.type = BlockType::Q4_K, .threads = 3});
    EXPECT_EQ(result_->metadata().text("general.architecture"), "llama");
    EXPECT_EQ(result_->metadata().texts("tokenizer.ggml.tokens")->size(), 2u);
    EXPECT_EQ(result_->metadata().uint("general.file_type"), 14u);
    EXPECT_EQ(result_->metadata().uint("general.quantization_version"), 2u);
    for (const TensorView& from : source_->tensors()) {
        const TensorView* to = result_->find(from.name);
        ASSERT_TRUE(to);
        ASSERT_EQ(to->shape, from.shape);
        const std::size_t rows = from.bytes / row_bytes(from.type, from.cols());
        std::vector<float> values(static_cast<std::size_t>(from.cols()));
        std::vector<std::byte> expected(row_bytes(to->type, to->cols()));
        for (std::size_t r = 0; r < rows; ++r) {
            decode_row(from.type, from.data + r * row_bytes(from.type, from.cols()), values);
            encode_row(to->type, values, expected.data());
            ASSERT_EQ(std::memcmp(to->data + r * expected.size(), expected.data(), expected.size()), 0)
                << from.name << " row " << r;
        }
    }
}

TEST_F(QuantizeFile, CancellingLeavesNothing) {
    std::size_t calls = 0;
    const auto stop = [&](std::size_t done, std::size_t total) {
        EXPECT_LE(done, total);
        return ++calls < 3;
    };
    EXPECT_THROW(quantize_file(*source_, folder_ / "out.gguf", {}, stop), Error);
    EXPECT_EQ(calls, 3u);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.gguf"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.gguf.part"));
}

} // namespace
} // namespace switchyard
