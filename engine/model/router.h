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

/// What choosing needs beside its results.
struct RouterScratch {
    std::vector<float> probability, scores, groups;
    std::vector<std::int16_t> order, group_order;

    void reserve(const Routing& routing);
};

/// How many experts are chosen with `active` of them wished: it overrides routing.active where it is
/// positive, and is limited to what the groups leave.
int active_experts(const Routing& routing, int active);

/// The active_experts() experts of one token, best first, to the beginning of `chosen`; how many they are.
/// logits and bias are [experts]; bias may be empty. Allocates nothing where `scratch` was reserved.
std::size_t choose_experts(std::span<const float> logits, std::span<const float> selection_bias,
                           const Routing& routing, int active, RouterScratch& scratch,
                           std::span<RouteChoice> chosen);

} // namespace switchyard
