// Importance measured on a tiny model, against what its first layer can be computed to see.
#include "engine/quant/quant.h"
#include "engine/run/measure_importance.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <numeric>

namespace switchyard {
namespace {

std::shared_ptr<LoadedModel> load(const std::string& family) {
    LoadOptions options;
    options.backend = make_cpu_backend({2, false});
    return LoadedModel::load(SWITCHYARD_TEST_WORK "/reference/models/" + family + "/model-f32.gguf", options);
}

std::vector<float> row(const ModelFile& file, const char* name, std::int64_t r) {
    const TensorView& t = *file.find(name);
    std::vector<float> values(static_cast<std::size_t>(t.cols()));
    decode_row(t.type, t.data + static_cast<std::size_t>(r) * row_bytes(t.type, t.cols()), values);
    return values;
}

std::vector<std::int32_t> some_ids(int count) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        ids[static_cast<std::size_t>(i)] = i * 37 % 101;
    }
    return ids;
}

TEST(MeasureImportance, IsTheMeanSquareOfTheInputs) {
    const auto model = load("qwen3");
    const auto ids = some_ids(700);
    const Importance importance = measure_importance(*model, ids, -1);
    const ModelFile& file = model->file();
    const std::vector<float> gain = row(file, "blk.0.attn_norm.weight", 0);
    std::vector<double> expected(gain.size());
    for (const std::int32_t id : ids) {
        const std::vector<float> x = row(file, "token_embd.weight", id);
        const double mean =
            std::inner_product(x.begin(), x.end(), x.begin(), 0.0) / static_cast<double>(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double normed = x[i] / std::sqrt(mean + 1e-6) * gain[i];
            expected[i] += normed * normed / static_cast<double>(ids.size());
        }
    }
    const auto cols = static_cast<std::int64_t>(gain.size());
    for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_v.weight"}) {
        const float* measured = importance.columns(name, 0, cols);
        ASSERT_TRUE(measured) << name;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            EXPECT_NEAR(measured[i], expected[i], 1e-3 * expected[i]) << name << " column " << i;
        }
    }
    for (const TensorView& t : file.tensors()) { // every matrix was seen
        if (t.name.ends_with("_proj.weight") || t.name.find("ffn_") != t.name.npos) {
            EXPECT_EQ(importance.columns(t.name, 0, t.cols()) != nullptr, t.name.find("norm") == t.name.npos)
                << t.name;
        }
    }
}

TEST(MeasureImportance, KnowsExpertsApartAndComesBackFromItsFile) {
    const auto model = load("qwen3moe");
    const Importance importance = measure_importance(*model, some_ids(3), -1);
    const test::TemporaryFolder temporary;
    const std::filesystem::path& folder = temporary.path();
    importance.write(folder / "importance.gguf");
    const Importance again = Importance::read(folder / "importance.gguf");
    int used = 0, unused = 0;
    for (const TensorView& t : model->file().tensors()) {
        for (std::int64_t m = 0; m < t.matrices() && t.name.find("_exps") != t.name.npos; ++m) {
            const float *a = importance.columns(t.name, m, t.cols()), *b = again.columns(t.name, m, t.cols());
            ASSERT_EQ(a == nullptr, b == nullptr) << t.name << " expert " << m;
            (a ? used : unused) += 1;
            for (std::int64_t i = 0; a && i < t.cols(); ++i) {
                ASSERT_EQ(a[i], b[i]);
            }
        }
    }
    EXPECT_GT(used, 0);
    EXPECT_GT(unused, 0) << "three tokens cannot have used every expert";
}

} // namespace
} // namespace switchyard
