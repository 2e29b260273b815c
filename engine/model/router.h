// How a router turns its logits into chosen experts and their weights. Order of the steps: DeepSeek-V2 and
// V3's own code (gate function, selection bias, group limit, top-k, normalisation, scale).
#pragma once

#include "engine/model/plan.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace switchyard {

struct RouteChoice {
    std::int16_t expert;
    float weight;
};

/// Words of a set of experts, of which bit e % 32 of word e / 32 is expert e.
constexpr std::size_t expert_set_words(int experts) { return static_cast<std::size_t>(experts + 31) / 32; }

/// The dials of a row that routing obeys. At rest they leave it as the plan says.
struct RouteDials {
    int active = 0;              ///< experts; 0: as the plan says
    float gate_threshold = 0.0f; ///< chosen ones below this share (1 at most) of the largest weight go
    float routing_mass = 1.0f;   ///< of the chosen, the shortest beginning with this share of their weights
    int pool = 0;                ///< only the first so many are chosen from; 0: all
    std::span<const std::uint32_t> off = {}; ///< a set that is not chosen from; empty: none
};

/// What choosing needs beside its results.
struct RouterScratch {
    std::vector<float> probability, scores, groups;
    std::vector<std::int16_t> order, group_order;
    std::vector<bool> out; ///< experts that are not chosen from

    void reserve(const Routing& routing);
};

/// How many experts are chosen at most with `active` of them wished: it overrides routing.active where it is
/// positive, and is limited to what the groups leave.
int active_experts(const Routing& routing, int active);

/// The experts of one token, best first, to the beginning of `chosen`; how many they are: active_experts(),
/// or fewer where the dials leave fewer, which may be none. Experts that are out count for no group; the gate
/// function runs over all, and what normalises over those that stay. logits and bias are [experts]; bias may
/// be empty. Allocates nothing where `scratch` was reserved.
std::size_t choose_experts(std::span<const float> logits, std::span<const float> selection_bias,
                           const Routing& routing, const RouteDials& dials, RouterScratch& scratch,
                           std::span<RouteChoice> chosen);

} // namespace switchyard
