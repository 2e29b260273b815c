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

// Keeps the best groups; the others' scores become -infinity.
void limit_groups(const Routing& r, RouterScratch& scratch) {
    const std::span<float> scores(scratch.scores);
    const auto size = scores.size() / static_cast<std::size_t>(r.groups);
    std::vector<float>& best = scratch.groups;
    best.resize(static_cast<std::size_t>(r.groups));
    for (std::size_t g = 0; g < best.size(); ++g) {
        float first = -std::numeric_limits<float>::infinity(), second = first;
        for (float s : scores.subspan(g * size, size)) {
            if (s > first)
                second = std::exchange(first, s);
            else if (s > second)
                second = s;
        }
        best[g] = r.group_score_top2 ? first + second : first;
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
        for (float& s : scores.subspan(static_cast<std::size_t>(*g) * size, size))
            s = -std::numeric_limits<float>::infinity();
}

} // namespace

void RouterScratch::reserve(const Routing& routing) {
    const auto experts = static_cast<std::size_t>(routing.experts),
               all_groups = static_cast<std::size_t>(routing.groups);
    probability.reserve(experts);
    scores.reserve(experts);
    order.reserve(experts);
    groups.reserve(all_groups);
    group_order.reserve(all_groups);
}

int active_experts(const Routing& r, int active) {
    const int most = r.groups > 1 ? r.experts / r.groups * r.groups_kept : r.experts;
    return std::clamp(active > 0 ? active : r.active, 1, most);
}

std::size_t choose_experts(std::span<const float> logits, std::span<const float> selection_bias,
                           const Routing& r, int active, RouterScratch& scratch,
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
    if (r.groups > 1)
        limit_groups(r, scratch);

    const int count = active_experts(r, active);
    std::vector<std::int16_t>& order = scratch.order;
    order.resize(scores.size());
    std::iota(order.begin(), order.end(), std::int16_t{0});
    const auto better = [&](std::int16_t a, std::int16_t b) {
        const float sa = scores[static_cast<std::size_t>(a)], sb = scores[static_cast<std::size_t>(b)];
        return sa > sb || (sa == sb && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + count, order.end(), better);

    const std::span<float> weights(scores.data(), static_cast<std::size_t>(count)); // they have served
    for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = probability[static_cast<std::size_t>(order[i])];
    if (r.gate == GateFunction::SoftmaxChosen)
        apply_softmax(weights);
    float factor = r.scale;
    if (r.normalise)
        factor /= std::accumulate(weights.begin(), weights.end(), 0.0f) + 1e-20f;
    for (std::size_t i = 0; i < weights.size(); ++i)
        chosen[i] = {order[i], weights[i] * factor};
    return weights.size();
}

} // namespace switchyard
