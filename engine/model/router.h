// How a router turns its logits into chosen experts and their weights. Order of the steps: DeepSeek-V2 and
// V3's own code (gate function, selection bias, group limit, top-k, normalisation, scale).
#pragma once

#include "engine/model/plan.h"

#include <span>
#include <vector>

namespace switchyard {

struct RouteChoice {
    std::int16_t expert;
    float weight;
};

/// The experts of one token, best first. `active` overrides routing.active where it is positive; it is
/// limited to what the groups leave. logits and bias are [experts]; bias may be empty.
std::vector<RouteChoice> choose_experts(std::span<const float> logits, std::span<const float> selection_bias,
                                        const Routing& routing, int active);

} // namespace switchyard
