// Writing a model again in another block format.
#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/quantize_file.h"
#include "engine/quant/quant.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

namespace switchyard {
namespace {

class QuantizeFile : public testing::Test {
  protected:
    void SetUp() override {
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

    std::map<std::string, BlockType> types(const QuantizeOptions& options) {
        report_ = quantize_file(*source_, folder_ / "out.gguf", options);
        result_ = open_gguf(folder_ / "out.gguf");
        std::map<std::string, BlockType> out;
        for (const TensorView& t : result_->tensors()) {
            out[t.name] = t.type;
        }
        return out;
    }

    const test::TemporaryFolder temporary_;
    const std::filesystem::path& folder_ = temporary_.path();
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

TEST_F(QuantizeFile, RolesHaveTypesOfTheirOwn) {
    auto type = types({.type = BlockType::Q8_0, .attention = BlockType::Q6_K, .routed = BlockType::Q4_0});
    EXPECT_EQ(type["blk.0.attn_q.weight"], BlockType::Q6_K);
    EXPECT_EQ(type["blk.0.ffn_gate_exps.weight"], BlockType::Q4_0);
    EXPECT_EQ(type["token_embd.weight"], BlockType::Q8_0);
    EXPECT_EQ(type["blk.0.ffn_gate_inp.weight"], BlockType::F32);
}

TEST_F(QuantizeFile, MixesAreKnownByName) {
    EXPECT_EQ(find_mix("q4_k_m")->name, "Q4_K_M");
    EXPECT_EQ(find_mix("Q4_K"), nullptr);
    types({.type = BlockType::Q4_K, .mix = find_mix("Q4_K_M")});
    EXPECT_EQ(result_->metadata().uint("general.file_type"), 15u);
    EXPECT_EQ(result_->find("blk.0.attn_q.weight")->type, BlockType::Q4_K);
    EXPECT_EQ(result_->find("output.weight")->type, BlockType::Q6_K);
}

TEST(QuantizeMix, GivesSensitiveTensorsMoreBits) {
    const QuantizeMix& mix = *find_mix("Q4_K_M");
    std::string spread;
    for (int layer = 0; layer < 16; ++layer) {
        const std::string name = "blk." + std::to_string(layer) + ".ffn_down_exps.weight";
        spread += mix_type(mix, name, 16) == BlockType::Q6_K ? '6' : '4';
    }
    EXPECT_EQ(spread, "6644644644644666");
    EXPECT_EQ(mix_type(mix, "blk.0.ffn_up.weight", 16), BlockType::Q4_K);
    EXPECT_EQ(mix_type(mix, "token_embd.weight", 16), BlockType::Q4_K);
    EXPECT_EQ(mix_type(*find_mix("Q3_K_L"), "blk.9.attn_v.weight", 16), BlockType::Q5_K);
    EXPECT_EQ(mix_type(*find_mix("Q4_K_S"), "blk.4.attn_v.weight", 16), BlockType::Q4_K);
    EXPECT_EQ(mix_type(*find_mix("Q4_K_S"), "blk.3.attn_v.weight", 16), BlockType::Q5_K);
    EXPECT_EQ(layer_of("blk.x.attn_v.weight"), -1);
    EXPECT_EQ(layer_of("output.weight"), -1);
}

TEST_F(QuantizeFile, ImportanceWeightsTheErrorOfEachExpert) {
    const std::vector<TensorView> tensors = {
        {"blk.0.ffn_gate_exps.weight.in_sum2", BlockType::F32, {512, 3}, nullptr, 0},
        {"blk.0.ffn_gate_exps.weight.counts", BlockType::F32, {1, 3}, nullptr, 0},
    };
    std::vector<float> sums(512 * 3);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] = i % 4 == 0 ? 800.0f : 8.0f;
    }
    const std::vector<float> counts = {8.0f, 0.0f, 4.0f}; // the second expert was never used
    {
        GgufWriter writer(folder_ / "importance.gguf", {}, tensors);
        writer.append(std::as_bytes(std::span(sums)));
        writer.append(std::as_bytes(std::span(counts)));
        writer.finish();
    }
    const Importance importance = Importance::read(folder_ / "importance.gguf");
    const char* name = "blk.0.ffn_gate_exps.weight";
    EXPECT_EQ(importance.columns(name, 0, 512)[4], 100.0f);
    EXPECT_EQ(importance.columns(name, 2, 512)[5], 2.0f);
    EXPECT_EQ(importance.columns(name, 1, 512), nullptr);
    EXPECT_EQ(importance.columns(name, 0, 256), nullptr);
    EXPECT_EQ(importance.columns("other", 0, 512), nullptr);

    types({.type = BlockType::Q4_K, .importance = &importance});
    const TensorView &from = *source_->find(name), &to = *result_->find(name);
    const std::size_t row = row_bytes(to.type, 512);
    std::vector<float> values(512);
    std::vector<std::byte> expected(row);
    for (std::size_t r = 0; r < 12; ++r) {
        decode_row(from.type, from.data + r * row_bytes(from.type, 512), values);
        encode_row(to.type, values, expected.data(),
                   importance.columns(name, static_cast<std::int64_t>(r) / 4, 512));
        EXPECT_EQ(std::memcmp(to.data + r * row, expected.data(), row), 0) << r;
    }
    EXPECT_THROW(Importance::read(folder_ / "in.gguf"), Error);
}

TEST_F(QuantizeFile, RefusesTypesThatAreOnlyRead) {
    EXPECT_THROW(quantize_file(*source_, folder_ / "out.gguf", {.type = BlockType::IQ2_XS}), Error);
    EXPECT_THROW(quantize_file(*source_, folder_ / "out.gguf", {.routed = BlockType::TQ1_0}), Error);
    EXPECT_THROW(quantize_file(*source_, folder_ / "out.gguf", {.type = BlockType::FP8}), Error);
    const std::vector<TensorView> fp8 = {{"a", BlockType::FP8, {64, 2}, nullptr, 0}};
    EXPECT_THROW(GgufWriter(folder_ / "out.gguf", {}, fp8), Error) << "GGUF has no such type";
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.gguf"));
}

TEST_F(QuantizeFile, StopsAtWeightsThatAreNoNumbersAndNamesTheTensor) {
    // In a tensor that is re-encoded, one that is copied, and a scale of a packed block.
    const auto write = [&](BlockType type, float value) {
        const std::vector<TensorView> tensors = {
            {"blk.0.attn_k.weight", BlockType::F32, {64, 3}, nullptr, 0},
            {"blk.0.attn_q.weight", type, {64, 3}, nullptr, 0},
        };
        GgufWriter writer(folder_ / "bad.gguf", source_->metadata(), tensors);
        std::vector<float> values(64 * 3, 0.5f);
        writer.append(std::as_bytes(std::span(values)));
        std::vector<std::byte> bytes(row_bytes(type, 64) * 3);
        if (traits(type).values == 1) {
            values[64 * 3 - 1] = value;
            encode_row(type, values, bytes.data());
        } else {
            encode_row(type, values, bytes.data());
            const Half scale = float_to_half(value);
            std::memcpy(bytes.data() + 2 * row_bytes(type, 64), &scale, sizeof scale);
        }
        writer.append(bytes);
        writer.finish();
        return open_gguf(folder_ / "bad.gguf");
    };
    const float nan = std::nanf(""), infinite = -HUGE_VALF;
    for (const auto& [type, value] :
         {std::pair(BlockType::F32, nan), std::pair(BlockType::F32, infinite), std::pair(BlockType::F16, nan),
          std::pair(BlockType::BF16, infinite), std::pair(BlockType::Q8_0, nan),
          std::pair(BlockType::Q4_0, infinite)}) {
        const auto bad = write(type, value);
        for (const BlockType to : {type, BlockType::Q4_0}) {
            try {
                quantize_file(*bad, folder_ / "out.gguf", {.type = to, .pure = true});
                ADD_FAILURE() << traits(type).name << " to " << traits(to).name;
            } catch (const Error& error) {
                const std::string text = error.what();
                EXPECT_NE(text.find("blk.0.attn_q.weight"), std::string::npos) << text;
                EXPECT_NE(text.find(std::isnan(value) ? "a NaN" : "infinite"), std::string::npos) << text;
                EXPECT_EQ(text.rfind((folder_ / "bad.gguf").string(), 0), 0u) << text;
            }
            EXPECT_FALSE(std::filesystem::exists(folder_ / "out.gguf"));
            EXPECT_FALSE(std::filesystem::exists(folder_ / "out.gguf.part"));
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
