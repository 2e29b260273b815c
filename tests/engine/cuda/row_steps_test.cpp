// Norms and rotations in front of attention: no blocks for values that have none, and a plan with more than
// the kernels take is refused when it is opened.
#include "engine/base/error.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

/// The plan with its rotations as `change(steps, rotation)` leaves them.
template <typename Change>
std::shared_ptr<const Plan> changed_plan(const Plan& plan, const Change& change) {
    auto changed = std::make_shared<Plan>(plan);
    changed->steps.clear();
    for (const Step& step : plan.steps) {
        if (std::holds_alternative<RopeStep>(step.operation))
            change(changed->steps, step);
        else
            changed->steps.push_back(step);
    }
    return changed;
}

TEST(CudaRowSteps, QueriesWithoutRotationsTakeNoBlocks) {
    if (cuda::on_card())
        GTEST_SKIP() << "a card does not tell its launches";
    static unsigned blocks; // of the last launch
    const auto backend = test::emulated_backend({.loses =
                                                     [](const cuda::Launch& launch) {
                                                         if (launch.kernel == cuda::Kernel::RowSteps)
                                                             blocks = launch.grid.x;
                                                         return false;
                                                     }},
                                                cuda::StepLaunches::Stages);
    const auto model = test::load_reference("llama31", backend);
    const auto without =
        backend->compile(changed_plan(model->plan(), [](std::vector<Step>&, const Step&) {}));
    unsigned found[2] = {};
    for (const bool rotated : {true, false}) {
        Executor& executor = rotated ? model->executor() : *without;
        Batch batch;
        batch.sequences.push_back({.blocks = {executor.allocate_kv_block(BlockType::F16)}});
        for (int r = 0; r < 2; ++r)
            batch.rows.push_back({.token = r, .position = r});
        executor.run(std::move(batch), model->weights());
        found[rotated] = blocks;
    }
    const KvLayer& kv = model->plan().kv.front();
    EXPECT_EQ(found[false], static_cast<unsigned>(2 * kv.kv_heads)) << "keys and values, a head each";
    EXPECT_GT(found[true], found[false]);
}

TEST(CudaRowSteps, MoreThanTheKernelsTakeIsRefusedAtOpening) {
    const auto backend = test::emulated_backend();
    for (const char* family : {"llama31", "deepseek2_lite"}) {
        const auto model = test::load_reference(family, backend);
        const auto many = changed_plan(model->plan(), [](std::vector<Step>& steps, const Step& rotation) {
            steps.insert(steps.end(), 5, rotation);
        });
        try {
            backend->compile(many);
            FAIL() << family;
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("norms and rotations, and this device's kernels take 8"),
                      std::string::npos)
                << error.what();
        }
    }
}

} // namespace
} // namespace switchyard
