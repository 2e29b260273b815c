// Routers that do more than others, on the device against the CPU's choice.
#include "engine/model/router.h"
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/drawn_values.h"
#include "tests/kernels/cuda/random_logits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace switchyard::cuda {
namespace {

struct OtherRouters : testing::Test, RandomLogits {
    static constexpr int kTokens = 9;

    std::unique_ptr<Device> device = make_test_device({.memory_bytes = std::size_t{64} << 20});
    std::unique_ptr<Stream> stream = device->make_stream();

    OtherRouters() { random.seed(17); }
    int pick(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
    template <typename T>
    T* put(const std::vector<T>& values) {
        return upload(*device, *stream, values);
    }
    const MatrixView* vector(const std::vector<float>& values) {
        return values.empty() ? nullptr : upload_vector(*device, *stream, values);
    }
    std::vector<RowInput> random_rows(std::size_t count, int experts) {
        std::vector<RowInput> rows(count);
        for (RowInput& row : rows) {
            row.token = pick(kTokens);
            row.position = pick(7) == 0 ? -1 : pick(1000);
            row.experts = pick(3) == 0 ? 1 + pick(experts) : 0;
            row.routing_mass = pick(3) == 0 ? 0.6f : 1.0f;
            row.gate_threshold = pick(3) == 0 ? 0.3f : 0.0f;
            row.pool = pick(4) == 0 ? 1 + pick(experts) : 0;
            row.off_mask = pick(3) == 0 ? 0 : -1;
        }
        return rows;
    }
    /// Lists of `active` experts for each token, some of which are none.
    std::vector<float> lists_of_tokens(int experts, int active) {
        std::vector<float> lists;
        for (int t = 0; t < kTokens; ++t) {
            std::set<int> listed;
            while (std::ssize(listed) < std::min(active, experts))
                listed.insert(pick(experts));
            for (const int e : listed)
                lists.push_back(pick(9) == 0 ? -1.0f : static_cast<float>(e));
        }
        return lists;
    }
};

struct OtherCase {
    Routing routing;
    float logit_scale = 1, cap = 0;
    std::vector<float> bias, selection, expert_scale, by_token;
};

/// What the CPU's stage does around choose_experts().
std::vector<RouteChoice> chosen_by_cpu(const OtherCase& c, const RowInput& row, std::span<const float> raw,
                                       std::vector<std::uint32_t> off) {
    std::vector<float> logits(raw.begin(), raw.end());
    for (std::size_t e = 0; e < logits.size(); ++e) {
        logits[e] *= c.logit_scale;
        if (c.cap > 0)
            logits[e] = c.cap * std::tanh(logits[e] / c.cap);
        if (!c.bias.empty())
            logits[e] += c.bias[e];
    }
    if (row.off_mask < 0)
        off.assign(off.size(), 0);
    if (!c.by_token.empty()) {
        std::vector<std::uint32_t> others(off.size(), ~0u);
        for (int i = 0; i < c.routing.active; ++i)
            if (const float e = c.by_token[static_cast<std::size_t>(row.token * c.routing.active + i)];
                e >= 0)
                others[static_cast<std::size_t>(e) / 32] &= ~(1u << static_cast<unsigned>(e) % 32);
        for (std::size_t w = 0; w < off.size(); ++w)
            off[w] |= others[w];
    }
    RouterScratch scratch;
    std::vector<RouteChoice> chosen(logits.size());
    chosen.resize(choose_experts(logits, c.selection, c.routing,
                                 {row.experts, row.gate_threshold, row.routing_mass, row.pool, off}, scratch,
                                 chosen));
    for (RouteChoice& choice : chosen)
        if (!c.expert_scale.empty())
            choice.weight *= c.expert_scale[static_cast<std::size_t>(choice.expert)];
    return chosen;
}

TEST_F(OtherRouters, ChooseAndWeighAsTheCpuDoes) {
    constexpr int kExperts[] = {3, 16, 60, 128, 257, 512};
    std::size_t chosen_in_all = 0;
    for (int trial = 0; trial < 60; ++trial) {
        SCOPED_TRACE(trial);
        OtherCase c;
        const int experts = kExperts[pick(std::size(kExperts))];
        const auto count = static_cast<std::size_t>(experts);
        c.routing = {.experts = experts,
                     .active = 1 + pick(std::min(experts, 8)),
                     .gate = static_cast<GateFunction>(trial % 5),
                     .normalise = pick(2) == 1,
                     .scale = pick(2) ? 1.0f : 2.5f};
        c.routing.nearness = pick(2) ? 0.02f : 0.5f;
        if (pick(2))
            c.logit_scale = 0.4f;
        if (pick(2))
            c.cap = 1.3f;
        if (pick(2))
            c.bias = normals(count, 1);
        if (pick(3) == 0)
            c.selection = normals(count, 0.1f);
        if (pick(2))
            c.expert_scale = normals(count, 1);
        if (pick(2))
            c.by_token = lists_of_tokens(experts, c.routing.active);
        const std::size_t rows = static_cast<std::size_t>(1 + pick(40)), words = expert_set_words(experts);
        const auto logits = normals(rows * count, 2);
        const auto inputs = random_rows(rows, experts);
        std::vector<std::uint32_t> off(words);
        for (std::size_t e = 0; e < count; ++e)
            off[e / 32] |= (pick(3) == 0 ? 1u : 0u) << e % 32;
        RouteOtherParams p = {};
        RouteParams& r = p.route;
        r.rows = put(inputs);
        r.row_count = static_cast<std::int32_t>(rows);
        r.rule = {.experts = experts,
                  .active = c.routing.active,
                  .gate = static_cast<RouterGate>(c.routing.gate),
                  .normalise = c.routing.normalise,
                  .scale = c.routing.scale,
                  .groups = 1,
                  .groups_kept = 1,
                  .group_score_top2 = 0};
        r.logits = put(logits);
        r.bias = vector(c.bias);
        r.selection_bias = vector(c.selection);
        r.off_masks = put(off);
        r.off_mask_stride = static_cast<std::int64_t>(words);
        r.most = experts;
        r.choices = put(std::vector<ExpertChoice>(rows * count, {-3, 0.0f}));
        r.counts = put(std::vector<std::int32_t>(rows, -3));
        p.logit_scale = c.logit_scale;
        p.cap = c.cap;
        p.nearness = c.routing.nearness;
        p.expert_scale = vector(c.expert_scale);
        p.by_token = vector(c.by_token);
        launch<Kernel::RouteOther>(*stream, route_grid(r.row_count), p);
        const auto choices = download(*stream, r.choices, rows * count);
        const auto counts = download(*stream, r.counts, rows);
        for (std::size_t row = 0; row < rows; ++row) {
            const auto expected =
                inputs[row].position < 0
                    ? std::vector<RouteChoice>()
                    : chosen_by_cpu(c, inputs[row], std::span(logits).subspan(row * count, count), off);
            ASSERT_EQ(static_cast<std::size_t>(counts[row]), expected.size()) << row;
            for (std::size_t i = 0; i < count; ++i) {
                const ExpertChoice& got = choices[row * count + i];
                ASSERT_EQ(got.expert, i < expected.size() ? expected[i].expert : -1) << row << " " << i;
                if (i < expected.size()) {
                    ASSERT_NEAR(got.weight, expected[i].weight, 5e-6f * std::abs(expected[i].weight) + 1e-9f);
                }
            }
            chosen_in_all += expected.size();
        }
    }
    EXPECT_GT(chosen_in_all, 2000u);
}

} // namespace
} // namespace switchyard::cuda
