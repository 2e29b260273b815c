// What is done to values between products and attention.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

std::unique_ptr<Stage> make_value_stage(const SplitStep& step);
std::unique_ptr<Stage> make_value_stage(const GateStep& step);
std::unique_ptr<Stage> make_value_stage(const FusedAddedNorm& fused);
std::unique_ptr<Stage> make_value_stage(const AddStep& step);
std::unique_ptr<Stage> make_value_stage(const ScaleStep& step);

} // namespace switchyard::cuda
