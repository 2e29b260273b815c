#include "engine/model/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace switchyard {

namespace {

void apply_softmax(std::span<float> x) {
    const float most = *std::max_element(x.begin(), x.end());
    float sum = 0;
    for (float& v : x)
        sum += v = std::exp(v - most);
    for (float& v : x)
        v /= sum;
}

/// Leaves out what the dials do.
void leave_out(const RouteDials& dials, std::vector<bool>& out) {
    for (std::size_t e = 0; e < out.size(); ++e)
        out[e] = (dials.pool > 0 && e >= static_cast<std::size_t>(dials.pool)) ||
                 (!dials.off.empty() && (dials.off[e / 32] >> e % 32 & 1u) != 0);
}

/// Leaves out all but the best groups.
void limit_groups(const Routing& r, RouterScratch& scratch) {
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    const auto size = scratch.scores.size() / static_cast<std::size_t>(r.groups);
    std::vector<float>& best = scratch.groups;
    best.resize(static_cast<std::size_t>(r.groups));
    for (std::size_t g = 0; g < best.size(); ++g) {
        float first = kNone, second = kNone;
        for (std::size_t e = g * size; e < (g + 1) * size; ++e) {
            const float s = scratch.out[e] ? kNone : scratch.scores[e];
            if (s > first)
                second = std::exchange(first, s);
            else if (s > second)
                second = s;
        }
        // A group may have one alone that is not out.
        best[g] = r.group_score_top2 && second > kNone ? first + second : first;
    }
    std::vector<std::int16_t>& order = scratch.group_order;
    order.resize(best.size());
    std::iota(order.begin(), order.end(), std::int16_t{0});
    const auto kept = order.begin() + std::min(r.groups_kept, r.groups);
    std::partial_sort(order.begin(), kept, order.end(), [&](std::int16_t a, std::int16_t b) {
        const float sa = best[static_cast<std::size_t>(a)], sb = best[static_cast<std::size_t>(b)];
        return sa > sb || (sa == sb && a < b);
    });
    for (auto g = kept; g != order.end(); ++g)
        std::fill_n(scratch.out.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(*g) * size),
                    size, true);
}

/// How many of the first weights hold this share of all of them.
std::size_t count_for_mass(std::span<const float> weights, float share) {
    const float wanted = share * std::accumulate(weights.begin(), weights.end(), 0.0f);
    float sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
        if ((sum += weights[i]) >= wanted)
            return i + 1;
    return weights.size();
}

/// Drops the weights, and the experts beside them, that are too small; how many stay.
std::size_t drop_light(std::span<float> weights, std::span<std::int16_t> experts, float share) {
    const float least = std::min(share, 1.0f) * *std::ranges::max_element(weights);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
        if (!(weights[i] < least)) {
            weights[kept] = weights[i];
            experts[kept++] = experts[i];
        }
    return kept;
}

/// Phi-3.5-MoE's (Liu et al., arXiv 2409.12136), one chosen after the other, the best of those left: its
/// weight is the softmax over those whose logits l are near its own m, (m - l) / max(|l|, m) <= nearness.
void weigh_one_by_one(float nearness, RouterScratch& scratch, std::span<float> weights) {
    const std::vector<float>& logits = scratch.probability;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto chosen = static_cast<std::size_t>(scratch.order[i]);
        const float best = logits[chosen];
        float sum = 0;
        for (std::size_t e = 0; e < logits.size(); ++e)
            if (!scratch.out[e] && !((best - logits[e]) / std::max(std::abs(logits[e]), best) > nearness))
                sum += std::exp(logits[e] - best);
        scratch.out[chosen] = true;
        weights[i] = 1.0f / sum;
    }
}

/// From the first `count` experts in order to those that stay, with the weights that their results get.
std::size_t weigh_experts(const Routing& r, const RouteDials& dials, RouterScratch& scratch,
                          std::size_t count, std::span<RouteChoice> chosen) {
    std::vector<std::int16_t>& order = scratch.order;
    std::span<float> weights(scratch.scores.data(), count); // they have served
    for (std::size_t i = 0; i < count; ++i)
        weights[i] = scratch.probability[static_cast<std::size_t>(order[i])];
    if (r.gate == GateFunction::SoftmaxChosen)
        apply_softmax(weights);
    else if (r.gate == GateFunction::SparseMixer)
        weigh_one_by_one(r.nearness, scratch, weights);
    if (dials.routing_mass < 1.0f)
        weights = weights.first(count_for_mass(weights, dials.routing_mass));
    if (dials.gate_threshold > 0.0f)
        weights = weights.first(drop_light(weights, order, dials.gate_threshold));
    if (r.gate == GateFunction::SoftmaxChosen && weights.size() < count) { // over those that stay
        const float sum = std::accumulate(weights.begin(), weights.end(), 0.0f);
        for (float& weight : weights)
            weight /= sum;
    }
    float factor = r.scale;
    if (r.normalise)
        factor /= std::accumulate(weights.begin(), weights.end(), 0.0f) + 1e-20f;
    for (std::size_t i = 0; i < weights.size(); ++i)
        chosen[i] = {order[i], weights[i] * factor};
    return weights.size();
}

} // namespace

void RouterScratch::reserve(const Routing& routing) {
    const auto experts = static_cast<std::size_t>(routing.experts),
               all_groups = static_cast<std::size_t>(routing.groups);
    probability.reserve(experts);
    scores.reserve(experts);
    order.reserve(experts);
    out.reserve(experts);
    groups.reserve(all_groups);
    group_order.reserve(all_groups);
}

int active_experts(const Routing& r, int active) {
    const int most = r.groups > 1 ? r.experts / r.groups * r.groups_kept : r.experts;
    return std::clamp(active > 0 ? active : r.active, 1, most);
}

std::size_t choose_experts(std::span<const float> logits, std::span<const float> selection_bias,
                           const Routing& r, const RouteDials& dials, RouterScratch& scratch,
                           std::span<RouteChoice> chosen) {
    std::vector<float>&probability = scratch.probability, &scores = scratch.scores;
    probability.assign(logits.begin(), logits.end());
    if (r.gate == GateFunction::Softmax)
        apply_softmax(probability);
    else if (r.gate == GateFunction::Sigmoid)
        for (float& p : probability)
            p = 1.0f / (1.0f + std::exp(-p));
    else if (r.gate == GateFunction::SqrtSoftplus)
        for (float& p : probability) // log(1 + exp(p)) without overflow
            p = std::sqrt(std::max(p, 0.0f) + std::log1p(std::exp(-std::abs(p))));

    scores.assign(probability.begin(), probability.end());
    for (std::size_t i = 0; i < selection_bias.size(); ++i)
        scores[i] += selection_bias[i];
    scratch.out.resize(scores.size());
    leave_out(dials, scratch.out);
    if (r.groups > 1)
        limit_groups(r, scratch);

    std::vector<std::int16_t>& order = scratch.order;
    order.clear();
    for (std::size_t e = 0; e < scores.size(); ++e)
        if (!scratch.out[e])
            order.push_back(static_cast<std::int16_t>(e));
    const auto count = std::min(static_cast<std::size_t>(active_experts(r, dials.active)), order.size());
    if (count == 0)
        return 0;
    const auto better = [&](std::int16_t a, std::int16_t b) {
        const float sa = scores[static_cast<std::size_t>(a)], sb = scores[static_cast<std::size_t>(b)];
        return sa > sb || (sa == sb && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
    return weigh_experts(r, dials, scratch, count, chosen);
}

} // namespace switchyard
