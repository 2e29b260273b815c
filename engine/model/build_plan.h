// From a model's configuration and tensors to the steps of its forward pass: the only place an architecture's
// layers are spelled out.
#pragma once

#include "engine/model/model_config.h"
#include "engine/model/plan.h"

namespace switchyard {

struct ModelPlan {
    Plan plan;
    std::vector<WeightSource> sources;   ///< one a WeightId
    std::vector<std::string> notes = {}; ///< what a user should know of how the file was understood
};

/// Throws Error naming the tensor that is missing or has another shape than the configuration says.
ModelPlan build_plan(const ModelConfig& config, const ModelFile& file);

/// Rotations a position of each pair of dimensions, with the scaling applied; `long_text`: by the table of
/// texts longer than the original context. [rope.dims / 2]
std::vector<float> rope_inverse_frequencies(const RopeConfig& rope, const ModelFile& file,
                                            bool long_text = false);

} // namespace switchyard
