// Files whose tensors are not those that a converter writes: one is missing in a layer, a router is in
// blocks.
#include "engine/base/error.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/build_plan.h"
#include "engine/model/folder_model.h"
#include "engine/quant/quant.h"
#include "engine/run/evaluate.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_folders.h"

#include <gtest/gtest.h>

#include <string_view>

namespace switchyard {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const Metadata& metadata, const std::vector<TensorView>& tensors) {
    GgufWriter writer(path, metadata, tensors);
    for (const TensorView& t : tensors)
        for (std::int64_t m = 0; m < t.matrices(); ++m)
            writer.append({t.matrix(m).get(), t.matrix_bytes()});
    writer.finish();
}

struct Lost {
    const char *family, *tensor;
};
void PrintTo(const Lost& l, std::ostream* out) { *out << l.family << ' ' << l.tensor; }

class LostTensor : public testing::TestWithParam<Lost> {};

/// Each is optional, and would only be missing from the result.
TEST_P(LostTensor, OfOneLayerIsNamed) {
    const auto whole = open_model(test::reference_model(GetParam().family));
    std::vector<TensorView> tensors(whole->tensors().begin(), whole->tensors().end());
    ASSERT_EQ(std::erase_if(tensors, [](const TensorView& t) { return t.name == GetParam().tensor; }), 1u);
    const test::TemporaryFolder folder;
    write(folder.path() / "lost.gguf", whole->metadata(), tensors);
    const auto file = open_model(folder.path() / "lost.gguf");
    try {
        build_plan(read_config(*file), *file);
        FAIL();
    } catch (const Error& error) {
        const std::string_view said = error.what();
        EXPECT_NE(said.find(GetParam().tensor), said.npos) << said;
        EXPECT_NE(said.find("is missing"), said.npos) << said;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, LostTensor,
                         testing::Values(Lost{"qwen3", "blk.1.attn_q_norm.weight"},
                                         Lost{"qwen2", "blk.0.attn_k.bias"},
                                         Lost{"glm4_moe", "blk.1.exp_probs_b.bias"},
                                         Lost{"qwen2moe", "blk.0.ffn_gate_inp_shexp.weight"},
                                         Lost{"gptoss", "blk.0.ffn_gate_inp.bias"},
                                         Lost{"falcon_h1", "blk.1.ssm_conv1d.bias"},
                                         Lost{"gemma4", "blk.0.layer_output_scale.weight"}));

std::vector<float> logits(const fs::path& path, bool exact) {
    LoadOptions options;
    options.backend = make_cpu_backend({2, exact});
    const auto model = LoadedModel::load(path, options);
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(i * 29 % model->config().vocabulary);
    std::vector<float> all;
    evaluate(model->executor(), model->backend(), model->plan(), model->weights(), ids, {},
             [&](int, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
    return all;
}

TEST(RouterInBlocks, ChoosesAsItsFloats) {
    const auto source = open_model(test::reference_model("mixtral"));
    const test::TemporaryFolder folder;
    std::vector<std::vector<std::byte>> kept;
    for (const bool blocks : {false, true}) {
        std::vector<TensorView> tensors(source->tensors().begin(), source->tensors().end());
        for (TensorView& t : tensors) {
            if (!t.name.ends_with("ffn_gate_inp.weight"))
                continue;
            const auto cols = static_cast<std::size_t>(t.cols()),
                       bytes = row_bytes(BlockType::Q8_0, t.cols());
            auto& data = kept.emplace_back(static_cast<std::size_t>(t.rows()) *
                                           (blocks ? bytes : cols * sizeof(float)));
            std::vector<std::byte> row(bytes);
            std::vector<float> values(cols);
            for (std::int64_t r = 0; r < t.rows(); ++r) {
                const auto at = static_cast<std::size_t>(r);
                encode_row(BlockType::Q8_0, {reinterpret_cast<const float*>(t.data) + at * cols, cols},
                           row.data());
                decode_row(BlockType::Q8_0, row.data(), values);
                blocks ? std::copy(row.begin(), row.end(), data.begin() + std::ptrdiff_t(at * bytes))
                       : std::copy_n(reinterpret_cast<const std::byte*>(values.data()), cols * sizeof(float),
                                     data.begin() + std::ptrdiff_t(at * cols * sizeof(float)));
            }
            t.type = blocks ? BlockType::Q8_0 : BlockType::F32;
            t.data = data.data();
            t.bytes = data.size();
        }
        write(folder.path() / (blocks ? "blocks.gguf" : "floats.gguf"), source->metadata(), tensors);
    }
    for (const bool exact : {true, false})
        EXPECT_EQ(logits(folder.path() / "blocks.gguf", exact), logits(folder.path() / "floats.gguf", exact));
}

} // namespace
} // namespace switchyard
