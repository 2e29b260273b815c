// Steps of plans as no reference model has them, or not all together: the CUDA backend, emulated, against the
// CPU's.
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/engine/cuda/median_nmse.h"
#include "tests/support/npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace switchyard {
namespace {

struct Change {
    const char *name, *family;
    std::function<void(Plan&)> make;
    bool offloads = false;
};

/// change(step) for all steps of one kind.
template <typename Kind, typename Make>
std::function<void(Plan&)> each(const Make& make) {
    return [make](Plan& plan) {
        for (Step& step : plan.steps)
            if (auto* own = std::get_if<Kind>(&step.operation))
                make(*own);
    };
}

void limit_silu(Plan& plan) {
    const auto limit = [](auto& s) {
        s.activation = Activation::LimitedSilu;
        s.clamp.limit = 0.05f;
    };
    each<ExpertsStep>(limit)(plan);
    each<FeedForwardStep>(limit)(plan);
}
void weigh_inputs(Plan& plan) {
    each<ExpertsStep>([](ExpertsStep& s) { s.weigh_input = true; })(plan);
}
void centre_norms(Plan& plan) {
    each<NormStep>([](NormStep& s) { s.centred = true; })(plan);
}

const Change kChanges[] = {
    {"caps_of_scores", "llama31", each<AttentionStep>([](AttentionStep& s) { s.cap = 0.5f; })},
    {"caps_and_windows", "gptoss", each<AttentionStep>([](AttentionStep& s) {
         s.cap = 0.5f;
         s.chunk = 9;
         s.value_scale = 0.7f;
     })},
    {"temperatures", "qwen3moe", each<AttentionStep>([](AttentionStep& s) {
         s.temperature = {.scale = 0.5f, .length = 5, .offset = 2};
     })},
    {"capped_logits", "qwen3", each<HeadStep>([](HeadStep& s) { s.cap = 2.0f; })},
    {"capped_routers", "olmoe", each<RouteStep>([](RouteStep& s) {
         s.cap = 0.3f;
         s.logit_scale = 0.7f;
     })},
    {"limited_halves", "qwen2moe", limit_silu},
    {"weighed_inputs", "olmoe", weigh_inputs},
    {"weighed_inputs_beside_a_block", "qwen2moe", weigh_inputs},
    {"weighed_inputs_of_the_host", "qwen2moe", weigh_inputs, true},
    {"centred_norms", "qwen3moe", centre_norms},
    {"phimoe_by_softmax", "phimoe",
     each<RouteStep>([](RouteStep& s) { s.routing.gate = GateFunction::Softmax; })},
};

class CudaChangedPlans : public testing::TestWithParam<Change> {
  protected:
    struct Model {
        std::shared_ptr<LoadedModel> loaded; ///< its weights
        std::unique_ptr<Executor> executor;
        int vocabulary;
    };
    static Model load(const std::shared_ptr<Backend>& backend) {
        Model model{test::load_reference(GetParam().family, backend), nullptr, 0};
        auto changed = std::make_shared<Plan>(model.loaded->plan());
        GetParam().make(*changed);
        model.vocabulary = changed->vocabulary;
        model.executor = backend->compile(std::move(changed));
        return model;
    }
    static std::vector<float> logits(const Model& model, std::size_t chunk, bool prompt) {
        auto ids = test::read_npy<std::int32_t>(test::data_folder() + "/reference/models/" +
                                                GetParam().family + "/ids.npy")
                       .values;
        ids.resize(std::min<std::size_t>(ids.size(), 34));
        std::vector<KvBlockId> blocks;
        for (std::size_t b = 0; b < blocks_for(static_cast<int>(ids.size())); ++b)
            blocks.push_back(model.executor->allocate_kv_block(BlockType::F16));
        std::vector<float> all;
        for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
            Batch batch;
            batch.sequences.push_back({.blocks = blocks});
            for (std::size_t i = begin; i < std::min(begin + chunk, ids.size()); ++i)
                batch.rows.push_back({.token = ids[i],
                                      .position = static_cast<std::int32_t>(i),
                                      .wish = RowWish::Logits,
                                      .prompt = prompt});
            const StepResult result = model.executor->run(std::move(batch), model.loaded->weights());
            all.insert(all.end(), result.logits.begin(), result.logits.end());
        }
        for (const KvBlockId block : blocks)
            model.executor->release_kv_block(block);
        return all;
    }
};

TEST_P(CudaChangedPlans, AgreeWithTheCpuInAnswersAndPrompts) {
    const auto backend =
        make_cuda_backend(cuda::make_test_device({.seed = 5}), {.threads = 1,
                                                                .launches = cuda::StepLaunches::Programs,
                                                                .offload_experts = GetParam().offloads,
                                                                .check = false});
    const Model cpu = load(make_cpu_backend({.threads = 1})), model = load(backend);
    const auto expected = logits(cpu, 34, false), one = logits(model, 1, false);
    EXPECT_LT(test::median_nmse(one, expected, static_cast<std::size_t>(model.vocabulary)), 2e-7);
    EXPECT_EQ(logits(model, 8, false), one);
    EXPECT_EQ(logits(model, 34, false), one);
    const auto prompt = logits(model, 34, true);
    EXPECT_LT(test::median_nmse(prompt, expected, static_cast<std::size_t>(model.vocabulary)), 1e-4);
    EXPECT_EQ(logits(model, 13, true), prompt);
}

INSTANTIATE_TEST_SUITE_P(Changes, CudaChangedPlans, testing::ValuesIn(kChanges),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace switchyard
