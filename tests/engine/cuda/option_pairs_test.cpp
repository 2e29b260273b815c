// Options of the backend that meet: any two of them in each pair of choices, spread over the families of the
// reference; all combinations in each family where tests try everything.
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/support/combinations.h"
#include "tests/support/npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace switchyard {
namespace {

constexpr const char* kAllFamilies[] = {"deepseek1", "deepseek2_grouped", "deepseek2_lite", "deepseek3",
                                        "gptoss",    "llama31",           "mixtral",        "olmoe",
                                        "qwen2",     "qwen2moe",          "qwen3",          "qwen3moe"};
constexpr BlockType kCaches[] = {BlockType::F16, BlockType::Q8_0, BlockType::Q4_0};
/// What a step takes: one row after another, all at once, or all as a prompt by either kind of products.
enum class Path { Alone, Together, Prompt, OwnPrompt };
constexpr Path kPaths[] = {Path::Alone, Path::Together, Path::Prompt, Path::OwnPrompt};
constexpr int kComputes[] = {75, 80, 90};
constexpr cuda::StepLaunches kLaunches[] = {cuda::StepLaunches::Stages, cuda::StepLaunches::Graphs,
                                            cuda::StepLaunches::Programs};

struct Options {
    BlockType kv;
    Path path;
    int compute;
    cuda::StepLaunches launches;
    bool offload;

    explicit Options(const std::vector<int>& choices)
        : kv(kCaches[choices[0]]), path(kPaths[choices[1]]), compute(kComputes[choices[2]]),
          launches(kLaunches[choices[3]]), offload(choices[4] == 1) {}
    std::string text() const {
        return std::string(traits(kv).name) + ", path " + std::to_string(static_cast<int>(path)) +
               ", compute capability " + std::to_string(compute) + ", launches " +
               std::to_string(static_cast<int>(launches)) + (offload ? ", experts on the host" : "");
    }
};

/// Logits of the last of the rows.
std::vector<float> last_logits(LoadedModel& model, std::span<const std::int32_t> ids, BlockType kv,
                               Path path) {
    const bool prompt = path >= Path::Prompt && model.executor().prompt_rows() > 0;
    std::vector<KvBlockId> blocks;
    for (std::size_t b = 0; b < blocks_for(static_cast<int>(ids.size())); ++b)
        blocks.push_back(model.executor().allocate_kv_block(kv));
    std::vector<float> logits;
    const std::size_t chunk = path == Path::Alone ? 1 : ids.size();
    for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
        Batch batch;
        batch.sequences.push_back({.blocks = blocks});
        for (std::size_t i = begin; i < begin + chunk; ++i)
            batch.rows.push_back({.token = ids[i],
                                  .position = static_cast<std::int32_t>(i),
                                  .wish = RowWish::Logits,
                                  .prompt = prompt,
                                  .own_products = prompt && path == Path::OwnPrompt});
        logits = model.executor().run(std::move(batch), model.weights()).logits;
    }
    for (const KvBlockId block : blocks)
        model.executor().release_kv_block(block);
    return {logits.end() - model.plan().vocabulary, logits.end()};
}

double nmse(const std::vector<float>& logits, const std::vector<float>& expected) {
    double error = 0, power = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        error += std::pow(double{logits[i]} - double{expected[i]}, 2);
        power += std::pow(double{expected[i]}, 2);
    }
    return std::isfinite(error) ? error / power : 1e9;
}

class OptionPairs : public testing::TestWithParam<int> {};

TEST_P(OptionPairs, AgreeWithTheCpuAndWithEachOtherInEveryBit) {
    const std::string family = kAllFamilies[GetParam()];
    const std::vector<int> choices = {std::size(kCaches), std::size(kPaths), std::size(kComputes),
                                      std::size(kLaunches), 2};
    const auto combinations =
        test::tries_everything() ? test::all_combinations(choices) : test::pairwise_combinations(choices);
    constexpr std::size_t kShare = 4; // so many families share the pairs
    auto ids =
        test::read_npy<std::int32_t>(test::data_folder() + "/reference/models/" + family + "/ids.npy").values;
    ids.resize(std::min<std::size_t>(ids.size(), 6));
    const auto cpu = test::load_reference(family, make_cpu_backend({.threads = 1}));
    std::map<BlockType, std::vector<float>> expected;
    std::map<std::tuple<BlockType, bool, bool>, std::vector<float>> same;
    for (std::size_t c = 0; c < combinations.size(); ++c) {
        if (!test::tries_everything() && c % kShare != static_cast<std::size_t>(GetParam()) % kShare)
            continue;
        const Options options(combinations[c]);
        SCOPED_TRACE(family + ", " + options.text());
        cuda::EmulatedOptions card;
        card.compute = options.compute;
        const auto model = test::load_reference(
            family, make_cuda_backend(cuda::make_test_device(card), {.threads = 1,
                                                                     .launches = options.launches,
                                                                     .offload_experts = options.offload,
                                                                     .check = false}));
        const auto logits = last_logits(*model, ids, options.kv, options.path);
        auto& truth = expected[options.kv];
        if (truth.empty())
            truth = last_logits(*cpu, ids, options.kv, Path::Together);
        const bool prompt = options.path >= Path::Prompt && model->executor().prompt_rows() > 0;
        // Prompts round their rows to F16. A cache of few bits rounds a value here and there to its other
        // neighbour, which may turn a route.
        const double most = options.kv == BlockType::F16 ? (prompt ? 1e-4 : 1e-5) : (prompt ? 5e-2 : 1e-3);
        EXPECT_LT(nmse(logits, truth), most);
        auto& others = same[{options.kv, prompt, prompt && options.path == Path::OwnPrompt}];
        if (others.empty())
            others = logits;
        EXPECT_EQ(logits, others) << "bits depend on what they must not depend on";
    }
}

INSTANTIATE_TEST_SUITE_P(Families, OptionPairs, testing::Range(0, static_cast<int>(std::size(kAllFamilies))),
                         [](const auto& info) { return std::string(kAllFamilies[info.param]); });

TEST(Combinations, PairsMeetInFew) {
    const std::vector<int> choices = {3, 4, 3, 2, 2};
    const auto few = test::pairwise_combinations(choices);
    EXPECT_EQ(test::all_combinations(choices).size(), 144u);
    EXPECT_LE(few.size(), 16u);
    for (std::size_t a = 0; a < choices.size(); ++a)
        for (std::size_t b = a + 1; b < choices.size(); ++b)
            for (int x = 0; x < choices[a]; ++x)
                for (int y = 0; y < choices[b]; ++y)
                    EXPECT_TRUE(
                        std::ranges::any_of(few, [&](const auto& one) { return one[a] == x && one[b] == y; }))
                        << a << " " << b << " " << x << " " << y;
}

} // namespace
} // namespace switchyard
