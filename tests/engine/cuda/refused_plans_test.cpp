// What a card's kernels have no room for: the CPU serves it, and a sentence says what that is.
#include "engine/base/error.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

/// What the backend says of a family's plan with its steps of one kind as `change(step)` leaves them.
template <typename Kind, typename Change>
std::string refusal_of(const std::string& family, const Change& change) {
    const auto backend = test::emulated_backend();
    const auto model = test::load_reference(family, backend);
    auto changed = std::make_shared<Plan>(model->plan());
    for (Step& step : changed->steps)
        if (auto* own = std::get_if<Kind>(&step.operation))
            change(*own);
    try {
        backend->compile(changed);
        return "nothing";
    } catch (const Error& error) {
        return error.what();
    }
}

TEST(CudaPlans, WhatTheKernelsHaveNoRoomForIsRefusedAtOpening) {
    EXPECT_EQ(refusal_of<ConvolutionStep>("lfm2", [](ConvolutionStep& s) { s.taps = 8; }), "nothing");
    EXPECT_EQ(refusal_of<ConvolutionStep>("lfm2", [](ConvolutionStep& s) { s.taps = 9; }),
              "a layer's convolution has 9 taps, and this device's kernels take 8");
    EXPECT_EQ(refusal_of<DeltaRuleStep>("qwen3_next", [](DeltaRuleStep& s) { s.key_dim = 128; }), "nothing");
    EXPECT_EQ(refusal_of<DeltaRuleStep>("qwen3_next", [](DeltaRuleStep& s) { s.key_dim = 192; }),
              "a layer's linear attention has heads of 192 and 16 dimensions, which this device's kernels do "
              "not take");
    EXPECT_EQ(refusal_of<StateSpaceStep>("nemotron_h", [](StateSpaceStep& s) { s.state_size = 256; }),
              "nothing");
    EXPECT_EQ(refusal_of<StateSpaceStep>("nemotron_h", [](StateSpaceStep& s) { s.state_size = 260; }),
              "a layer's state space has states of 260 numbers, which this device's kernels do not take");
    EXPECT_EQ(refusal_of<StateSpaceStep>("jamba", [](StateSpaceStep& s) { s.state_size = 64; }), "nothing");
    EXPECT_EQ(refusal_of<StateSpaceStep>("jamba", [](StateSpaceStep& s) { s.state_size = 65; }),
              "a layer's state space has states of 65 numbers, which this device's kernels do not take");
    const auto centre = [](NormStep& s) { s.centred = s.in == s.out; };
    EXPECT_EQ(refusal_of<NormStep>("qwen3", centre), "nothing");
    EXPECT_EQ(refusal_of<NormStep>("hunyuan_v1_moe", centre), // its norms come behind rotations
              "this device's kernels compute no norms of heads but RMS norms");
}

} // namespace
} // namespace switchyard
