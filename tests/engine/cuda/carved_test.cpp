// Models carved into experts on cards: their neurons are joined by other functions than SiLU, their layers'
// experts have other widths, and sandwich norms stand around what shared and routed ones find together.
#include "engine/carve/carve_apply.h"
#include "tests/engine/cuda/answers_together.h"
#include "tests/engine/cuda/median_nmse.h"
#include "tests/engine/cuda/sequence.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

class CudaCarved : public testing::TestWithParam<const char*> {
  protected:
    CudaCarved() {
        const auto dense = test::load_reference(GetParam(), make_cpu_backend({1, false}));
        const CarvePlan plan = make_carve_plan(*dense, {.routed = 4}, {test::prompt_of(600, 1)}, {});
        apply_carve_plan(dense->file(), dense->config(), plan, file(), {}, {});
    }
    std::filesystem::path file() const { return folder_.path() / "carved.gguf"; }
    std::shared_ptr<LoadedModel> load(std::shared_ptr<Backend> backend) const {
        LoadOptions options;
        options.backend = std::move(backend);
        return LoadedModel::load(file(), options);
    }
    const test::TemporaryFolder folder_;
};

TEST_P(CudaCarved, AgreeWithTheCpuWhateverIsActive) {
    const auto cpu = load(make_cpu_backend({1, false})), card = load(test::emulated_backend());
    const auto ids = test::prompt_of(40, 2);
    const auto vocabulary = static_cast<std::size_t>(cpu->plan().vocabulary);
    for (const int experts : {4, 2})
        for (const bool prompt : {false, true}) {
            const BatchRow like{.dials = {.experts = experts}, .prompt = prompt};
            test::Sequence expected(*cpu, BlockType::F16), found(*card, BlockType::F16);
            const double error =
                test::median_nmse(step(*card, found, ids, like),
                                  step(*cpu, expected, ids, {.dials = {.experts = experts}}), vocabulary);
            // Carved routers' logits are all but equal: where not all are active, rounding flips some.
            EXPECT_LT(error, !prompt        ? 1e-6
                             : experts == 4 ? 1e-4
                                            : 1e-2)
                << experts << " experts, " << prompt;
        }
}

TEST_P(CudaCarved, AnswerTheSameWhereExpertsStayInRam) {
    std::vector<std::vector<std::int32_t>> answers;
    for (const bool offload : {false, true}) {
        const auto device = std::shared_ptr<cuda::Device>(
            cuda::make_emulated_device({.memory_bytes = std::size_t{64} << 20}));
        const auto model = load(make_cuda_backend(device, {.threads = 1,
                                                           .offload_experts = offload,
                                                           .expert_cache = std::size_t{128} << 10,
                                                           .check = false}));
        EXPECT_EQ(model->executor().expert_cache().has_value(), offload);
        const auto records = test::answers_together(model, {test::drawn_request(test::prompt_of(20, 3))});
        ASSERT_EQ(records.front().error, "");
        answers.push_back(test::ids_of(records.front()));
    }
    EXPECT_EQ(answers[0], answers[1]);
}

INSTANTIATE_TEST_SUITE_P(Families, CudaCarved, testing::Values("gemma4_e", "falcon_h1", "olmo2"));

} // namespace
} // namespace switchyard
