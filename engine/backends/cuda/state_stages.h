// Layers whose memory of a sequence has a fixed size: recurrences, convolutions, the gated delta rule, state
// spaces.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

/// What a step keeps of its sequences for the plan's state with that number.
LayerStates states_of(const StepLaunch& step, int state);

std::unique_ptr<Stage> make_state_stage(const FusedRecurrence& fused, const StageMaker& maker);
/// These throw Error where the kernels have no room for such layers.
std::unique_ptr<Stage> make_state_stage(const ConvolutionStep& step, const StageMaker& maker);
std::unique_ptr<Stage> make_state_stage(const DeltaRuleStep& step, const StageMaker& maker);
std::unique_ptr<Stage> make_state_stage(const StateSpaceStep& step, const StageMaker& maker);

} // namespace switchyard::cuda
