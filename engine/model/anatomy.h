// What a model is made of: parameters by part, how many of them one token meets, and what it costs to
// compute.
#pragma once

#include "engine/model/build_plan.h"

#include <string_view>

namespace switchyard {

struct AnatomyPart {
    WeightRole role;
    std::uint64_t parameters = 0; ///< tied embeddings count as embeddings, once
    std::uint64_t active = 0;     ///< see Anatomy::active
};

struct Anatomy {
    std::uint64_t parameters = 0;
    /// Parameters that one token is computed with: of the routed experts only the active ones. The embedding
    /// table is looked up, not computed with, so it counts only where it is also the output.
    std::uint64_t active = 0;
    /// The same with the whole embedding table, as some authors count.
    std::uint64_t active_with_embedding = 0;
    std::vector<AnatomyPart> parts;        ///< those that the model has, in the order of WeightRole
    std::uint64_t kv_values_per_token = 0; ///< numbers in the cache, over all layers
    bool tied = false;                     ///< the output is the embedding table
};

/// `experts_active` 0: as the model says.
Anatomy anatomy_of(const ModelPlan& plan, int experts_active = 0);

/// Floating-point operations of one token at position `context`: two a parameter it is computed with, and
/// attention over what its layers see of the context.
double flops_per_token(const ModelPlan& plan, int experts_active, int context);

/// "attention", "routed_experts": as JSON names the parts.
std::string_view part_name(WeightRole role);

/// "softmax", "sigmoid", "softmax_chosen": the router's function.
std::string_view gate_name(const ModelConfig& config);

} // namespace switchyard
