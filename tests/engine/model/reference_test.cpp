// The engine against logits of the models' authors' own code, on tiny random models of each family.
#include "engine/model/folder_model.h"
#include "engine/model/quantize_file.h"
#include "engine/run/loaded_model.h"
#include "tests/support/npy.h"
#include "tests/support/test_folders.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace switchyard {
namespace {

struct Comparison {
    double nmse = 0;   ///< sum (a - b)^2 / sum b^2
    double median = 0; ///< the same of the middle position
    std::size_t other_argmax = 0;
};

Comparison compare(const std::vector<float>& logits, const std::vector<float>& expected,
                   std::size_t vocabulary) {
    Comparison c;
    double error = 0, power = 0;
    std::vector<double> positions;
    for (std::size_t t = 0; t < expected.size(); t += vocabulary) {
        double e = 0, p = 0;
        for (std::size_t i = t; i < t + vocabulary; ++i) {
            e += std::pow(double(logits[i]) - expected[i], 2);
            p += std::pow(double(expected[i]), 2);
        }
        positions.push_back(e / p);
        error += e;
        power += p;
    }
    std::nth_element(positions.begin(), positions.begin() + std::ssize(positions) / 2, positions.end());
    c.median = positions[positions.size() / 2];
    c.nmse = error / power;
    for (std::size_t t = 0; t < expected.size(); t += vocabulary) {
        const auto a = logits.begin() + static_cast<std::ptrdiff_t>(t),
                   b = expected.begin() + static_cast<std::ptrdiff_t>(t);
        const auto n = static_cast<std::ptrdiff_t>(vocabulary);
        c.other_argmax += std::max_element(a, a + n) - a != std::max_element(b, b + n) - b;
    }
    return c;
}

// All tokens in steps of `chunk` rows; logits of every position.
std::vector<float> all_logits(LoadedModel& model, const std::vector<std::int32_t>& ids, std::size_t chunk,
                              BlockType kv, bool decompressed = false) {
    std::vector<float> logits;
    BatchSequence sequence;
    for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
        Batch batch;
        for (std::size_t i = begin; i < std::min(begin + chunk, ids.size()); ++i) {
            while (sequence.blocks.size() <= i / kKvBlockTokens)
                sequence.blocks.push_back(model.executor().allocate_kv_block(kv));
            batch.rows.push_back({.token = ids[i],
                                  .position = static_cast<std::int32_t>(i),
                                  .wish = RowWish::Logits,
                                  .decompressed = decompressed});
        }
        sequence.long_text =
            model.plan().short_text > 0 && ids.size() > static_cast<std::size_t>(model.plan().short_text);
        if (!model.plan().states.empty())
            sequence.states_after = {
                {static_cast<int>(batch.rows.size()), model.executor().allocate_state()}};
        batch.sequences.push_back(sequence);
        if (!sequence.states_after.empty())
            sequence.state = sequence.states_after.front().state;
        const StepResult result = model.executor().run(std::move(batch), model.weights());
        logits.insert(logits.end(), result.logits.begin(), result.logits.end());
    }
    return logits;
}

std::shared_ptr<LoadedModel> load_path(const std::string& path, bool exact, int threads = 2) {
    LoadOptions options;
    options.backend = make_cpu_backend({threads, exact});
    return LoadedModel::load(path, options);
}

std::shared_ptr<LoadedModel> load(const std::string& family, bool exact, int threads = 2) {
    return load_path(test::reference_model(family), exact, threads);
}

class ReferenceModel : public testing::TestWithParam<const char*> {
  protected:
    std::string folder() const { return SWITCHYARD_TEST_DATA "/reference/models/" + std::string(GetParam()); }
    /// With the weights as their authors publish them: beside the other files, or in the folder that
    /// SWITCHYARD_REFERENCE_MODELS names, for not all are kept twice. Empty: neither.
    std::string authors_folder() const {
        if (std::filesystem::exists(folder() + "/model.safetensors"))
            return folder();
        const char* others = std::getenv("SWITCHYARD_REFERENCE_MODELS");
        return others ? others + ("/" + std::string(GetParam())) : "";
    }
    std::vector<std::int32_t> ids() const {
        return test::read_npy<std::int32_t>(folder() + "/ids.npy").values;
    }
    test::Array<float> expected() const { return test::read_npy<float>(folder() + "/logits.npy"); }
};

/// Whether a small difference may become a large one for many tokens: a state remembers a flipped route, and
/// sparse attention sees another token where two scores are all but the same.
bool forgiving(const LoadedModel& model) { return !model.plan().states.empty() || model.plan().choices > 0; }

TEST_P(ReferenceModel, ExactPathAgreesWithTheAuthorsCode) {
    const auto want = expected();
    const auto model = load(GetParam(), true);
    const Comparison c =
        compare(all_logits(*model, ids(), 512, BlockType::F32), want.values, want.shape.back());
    RecordProperty("nmse", std::to_string(c.nmse * 1e12) + "e-12");
    EXPECT_LT(c.nmse, 1e-9);
    EXPECT_EQ(c.other_argmax, 0u);
}

TEST_P(ReferenceModel, ExactPathAgreesFromTheAuthorsFolderToo) {
    const auto want = expected();
    if (authors_folder().empty())
        GTEST_SKIP() << "the weights are here as a GGUF file only (SWITCHYARD_REFERENCE_MODELS)";
    const auto model = load_path(authors_folder(), true);
    const Comparison c =
        compare(all_logits(*model, ids(), 512, BlockType::F32), want.values, want.shape.back());
    RecordProperty("nmse", std::to_string(c.nmse * 1e12) + "e-12");
    EXPECT_LT(c.nmse, 1e-9);
    EXPECT_EQ(c.other_argmax, 0u);
}

TEST_P(ReferenceModel, FastPathAgreesButForTheHalfPrecisionCache) {
    const auto want = expected();
    const auto model = load(GetParam(), false);
    const Comparison c =
        compare(all_logits(*model, ids(), 512, BlockType::F16), want.values, want.shape.back());
    EXPECT_LT(c.median, forgiving(*model) ? 1e-2 : 3e-5);
    EXPECT_LT(c.nmse, forgiving(*model) ? 1e-1 : 1e-2)
        << "an F16 cache costs 1e-6, and more at the tokens where it flips a route";
}

// Activations of 8 bits would be 1e-4 .. 1e-2 away.
TEST_P(ReferenceModel, FastPathComputesQuantizedWeightsAsTheExactOne) {
    const auto source = open_model(test::reference_model(GetParam()));
    for (const BlockType type : {BlockType::Q4_1, BlockType::Q8_0}) {
        const std::string path =
            testing::TempDir() + "fast-path-" + GetParam() + "-" + std::string(traits(type).name) + ".gguf";
        quantize_file(*source, path, {.type = type, .pure = true});
        const auto exact = all_logits(*load_path(path, true), ids(), 512, BlockType::F32);
        const auto model = load_path(path, false);
        const Comparison c = compare(all_logits(*model, ids(), 512, BlockType::F32), exact,
                                     static_cast<std::size_t>(model->plan().vocabulary));
        EXPECT_LT(c.median, 1e-6) << traits(type).name;
        EXPECT_LT(c.nmse, forgiving(*model) ? 1e-1 : 1e-3)
            << traits(type).name << ": more only where a route flips";
        std::filesystem::remove(path);
    }
}

TEST_P(ReferenceModel, ResultsDoNotDependOnChunksOrThreads) {
    const auto tokens = ids();
    const auto whole = all_logits(*load(GetParam(), false, 2), tokens, 512, BlockType::F16);
    for (const std::size_t chunk : {1, 3, 16}) {
        const auto model = load(GetParam(), false, chunk == 3 ? 1 : 2);
        EXPECT_EQ(all_logits(*model, tokens, chunk, BlockType::F16), whole) << "in chunks of " << chunk;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Families, ReferenceModel,
    testing::Values("llama31", "deepseek1", "deepseek2_lite", "deepseek2_grouped", "deepseek3", "gptoss",
                    "mixtral", "olmoe", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "smollm3", "glm4_moe",
                    "glm4_moe_lite", "minimax_m2", "ernie4_5_moe", "granitemoe", "granitemoeshared",
                    "hunyuan_v1_moe", "dots1", "bailing_moe_v2", "exaone_moe", "ministral3", "olmo2", "olmo3",
                    "gemma3", "gemma3_27b", "afmoe", "qwen3_next", "qwen3_5", "qwen3_5_moe", "lfm2",
                    "lfm2_moe", "nemotron_h", "granitemoehybrid", "granitehybrid_dense", "phi3_window",
                    "kimi_linear", "bailing_hybrid", "deepseek_v32", "glm_moe_dsa", "minimax_m3", "jamba",
                    "falcon_h1", "deepseek_v4", "gemma4", "gemma4_e", "llama4", "llama4_chunked", "mistral4",
                    "mimo_v2_flash", "cohere2_moe", "laguna", "phimoe", "phi3"),
    [](const auto& info) { return std::string(info.param); });

/// Models with latent attention.
class LatentModel : public ReferenceModel {};

TEST_P(LatentModel, DecompressedFormAgreesWithTheAuthorsCode) {
    const auto want = expected();
    const auto model = load(GetParam(), true);
    const Comparison c =
        compare(all_logits(*model, ids(), 512, BlockType::F32, true), want.values, want.shape.back());
    EXPECT_LT(c.nmse, 1e-9);
    EXPECT_EQ(c.other_argmax, 0u);
}

TEST_P(LatentModel, TheTwoFormsAgree) {
    for (const bool exact : {true, false}) {
        const auto model = load(GetParam(), exact);
        const BlockType kv = exact ? BlockType::F32 : BlockType::F16;
        const std::vector<float> absorbed = all_logits(*model, ids(), 512, kv),
                                 decompressed = all_logits(*model, ids(), 512, kv, true);
        EXPECT_NE(absorbed, decompressed) << "the form that was asked for is not computed";
        const Comparison c =
            compare(decompressed, absorbed, static_cast<std::size_t>(model->plan().vocabulary));
        RecordProperty(exact ? "nmse_exact" : "nmse_fast", std::to_string(c.nmse * 1e12) + "e-12");
        EXPECT_LT(c.median, exact ? 1e-10 : 1e-6); // a route that flips costs more at its token
        EXPECT_LT(c.nmse, exact ? 1e-9 : 1e-3);
    }
}

TEST_P(LatentModel, DecompressedRowsDoNotDependOnChunksOrThreads) {
    const auto tokens = ids();
    const auto whole = all_logits(*load(GetParam(), false, 2), tokens, 512, BlockType::Q8_0, true);
    for (const std::size_t chunk : {1, 5, 32}) {
        const auto model = load(GetParam(), false, chunk == 5 ? 1 : 2);
        EXPECT_EQ(all_logits(*model, tokens, chunk, BlockType::Q8_0, true), whole) << "chunks of " << chunk;
    }
}

INSTANTIATE_TEST_SUITE_P(Families, LatentModel,
                         testing::Values("deepseek2_lite", "deepseek2_grouped", "deepseek3", "glm4_moe_lite",
                                         "kimi_linear", "bailing_hybrid", "mistral4"),
                         [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace switchyard
