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
void limit_groups(std::span<float> scores, const Routing& r) {
    const auto size = scores.size() / static_cast<std::size_t>(r.groups);
    std::vector<float> best(static_cast<std::size_t>(r.groups));
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
    std::vector<std::size_t> order(best.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return best[a] > best[b]; });
    for (std::size_t i = static_cast<std::size_t>(r.groups_kept); i < order.size(); ++i)
        for (float& s : scores.subspan(order[i] * size, size))
            s = -std::numeric_limits<float>::infinity();
}

} // namespace

std::vector<RouteChoice> choose_experts(std::span<const float> logits, std::span<const float> selection_bias,
                                        const Routing& r, int active) {
    std::vector<float> probability(logits.begin(), logits.end());
    if (r.gate == GateFunction::Softmax)
        apply_softmax(probability);
    else if (r.gate == GateFunction::Sigmoid)
        for (float& p : probability)
            p = 1.0f / (1.0f + std::exp(-p));
    else if (r.gate == GateFunction::SqrtSoftplus)
        for (float& p : probability) // log(1 + exp(p)) without overflow
            p = std::sqrt(std::max(p, 0.0f) + std::log1p(std::exp(-std::abs(p))));

    std::vector<float> scores = probability;
    for (std::size_t i = 0; i < selection_bias.size(); ++i)
        scores[i] += selection_bias[i];
    int most = r.experts;
    if (r.groups > 1) {
        limit_groups(scores, r);
        most = r.experts / r.groups * r.groups_kept;
    }

    const int count = std::clamp(active > 0 ? active : r.active, 1, most);
    std::vector<std::int16_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::int16_t{0});
    const auto better = [&](std::int16_t a, std::int16_t b) {
        const float sa = scores[static_cast<std::size_t>(a)], sb = scores[static_cast<std::size_t>(b)];
        return sa > sb || (sa == sb && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + count, order.end(), better);

    std::vector<float> weights(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = probability[static_cast<std::size_t>(order[i])];
    if (r.gate == GateFunction::SoftmaxChosen)
        apply_softmax(weights);
    float factor = r.scale;
    if (r.normalise)
        factor /= std::accumulate(weights.begin(), weights.end(), 0.0f) + 1e-20f;

    std::vector<RouteChoice> chosen(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
        chosen[i] = {order[i], weights[i] * factor};
    return chosen;
}

} // namespace switchyard
