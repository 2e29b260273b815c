// What Route shall choose, one row at a time and in plain words.
#pragma once

#include "kernels/cuda/routing_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace switchyard::cuda {

/// The vectors beside the logits; empty where there is none.
struct RouteBiases {
    std::vector<float> bias, constant, selection;
};

inline double gate_value(RouterGate gate, double x) {
    switch (gate) {
    case RouterGate::Sigmoid:
        return 1 / (1 + std::exp(-x));
    case RouterGate::SqrtSoftplus:
        return std::sqrt(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))));
    default:
        return x;
    }
}

/// Logits may be NaN: it is as if they were below all others, and their weights are NaN.
inline std::vector<ExpertChoice> route_reference(const RouteRule& rule, const RowInput& row,
                                                 const float* logits, const RouteBiases& biases,
                                                 const std::vector<bool>& off) {
    if (row.position < 0)
        return {};
    const auto experts = static_cast<std::size_t>(rule.experts);
    std::vector<double> weight(experts), score(experts);
    for (std::size_t e = 0; e < experts; ++e)
        weight[e] = gate_value(rule.gate, logits[e] + (biases.bias.empty() ? 0.0f : biases.bias[e]) +
                                              (biases.constant.empty() ? 0.0f : biases.constant[e]));
    if (rule.gate == RouterGate::Softmax) {
        const double most = *std::ranges::max_element(weight);
        double sum = 0;
        for (double& w : weight)
            sum += w = std::exp(w - most);
        for (double& w : weight)
            w /= sum;
    }
    constexpr double kNone = -std::numeric_limits<double>::infinity();
    std::vector<bool> out(experts);
    for (std::size_t e = 0; e < experts; ++e) {
        // As floats, so that what is equal there is equal here.
        score[e] = static_cast<float>(weight[e]) + (biases.selection.empty() ? 0.0f : biases.selection[e]);
        if (std::isnan(score[e]))
            score[e] = -1e300;
        out[e] = (row.pool > 0 && e >= static_cast<std::size_t>(row.pool)) || (!off.empty() && off[e]);
    }
    const auto groups = static_cast<std::size_t>(rule.groups), size = experts / groups;
    if (groups > 1) {
        std::vector<double> best(groups, kNone);
        for (std::size_t g = 0; g < groups; ++g) {
            std::vector<double> members;
            for (std::size_t e = g * size; e < (g + 1) * size; ++e)
                if (!out[e])
                    members.push_back(score[e]);
            std::ranges::sort(members, std::greater<>());
            if (!members.empty())
                best[g] = members[0] + (rule.group_score_top2 && members.size() > 1 ? members[1] : 0.0);
        }
        std::vector<std::size_t> order(groups);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return best[a] > best[b]; });
        for (std::size_t i = static_cast<std::size_t>(rule.groups_kept); i < groups; ++i)
            for (std::size_t e = 0; e < size; ++e)
                out[order[i] * size + e] = true;
    }
    std::vector<std::size_t> order;
    for (std::size_t e = 0; e < experts; ++e)
        if (!out[e])
            order.push_back(e);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
    const int wished = std::max(row.experts > 0 ? row.experts : rule.active, 1);
    order.resize(std::min(order.size(), static_cast<std::size_t>(wished)));
    if (order.empty())
        return {};

    if (rule.gate == RouterGate::SoftmaxChosen) {
        double most = kNone;
        for (const std::size_t e : order)
            most = std::fmax(most, weight[e]);
        for (const std::size_t e : order)
            weight[e] = std::exp(weight[e] - most);
    }
    if (row.routing_mass < 1) {
        double all = 0, sum = 0;
        for (const std::size_t e : order)
            all += weight[e];
        std::size_t count = 0;
        do
            sum += weight[order[count++]];
        while (count < order.size() && !(sum >= row.routing_mass * all));
        order.resize(count);
    }
    if (row.gate_threshold > 0) {
        double largest = kNone;
        for (const std::size_t e : order)
            largest = std::fmax(largest, weight[e]);
        std::erase_if(order, [&](std::size_t e) {
            return weight[e] < std::min(static_cast<double>(row.gate_threshold), 1.0) * largest;
        });
    }
    double sum = 0;
    for (const std::size_t e : order)
        sum += weight[e];
    const bool over_chosen = rule.normalise || rule.gate == RouterGate::SoftmaxChosen;
    std::vector<ExpertChoice> choices;
    for (const std::size_t e : order)
        choices.push_back({static_cast<std::int32_t>(e),
                           static_cast<float>(weight[e] * rule.scale / (over_chosen ? sum + 1e-20 : 1.0))});
    return choices;
}

} // namespace switchyard::cuda
