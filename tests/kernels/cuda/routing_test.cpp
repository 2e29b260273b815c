// Routing on the device against the plain words of route_reference.h and the CPU's router, and the lists of
// units that follow.
#include "engine/model/router.h"
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/route_reference.h"
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <random>

namespace switchyard::cuda {
namespace {

constexpr std::int32_t kStale = 12345;

RowInput plain_row(std::int32_t position = 0) {
    RowInput row = {};
    row.position = position;
    row.routing_mass = 1.0f;
    row.off_mask = -1;
    return row;
}

/// A router with its rows, in memory of the host.
struct RoutingCase {
    RouteRule rule = {};
    std::vector<RowInput> rows;
    std::vector<float> logits;
    RouteBiases biases;
    std::vector<std::vector<bool>> off; ///< masks
    std::int32_t most = 0;
};

struct Routed {
    std::vector<ExpertChoice> choices;
    std::vector<std::int32_t> counts;
    FeedForwardList list;
    std::vector<FeedForwardUnit> units;
    std::vector<std::int32_t> pair_rows, row_pairs;
    std::vector<float> pair_weights, output_weights;
    std::vector<MatrixView> table;
};

struct RoutingKernels : testing::Test {
    std::unique_ptr<Device> device = make_test_device({.memory_bytes = std::size_t{64} << 20});
    std::unique_ptr<Stream> stream = device->make_stream();
    std::mt19937 random{7};

    const MatrixView* vector(const std::vector<float>& values) {
        if (values.empty())
            return nullptr;
        const auto* data = reinterpret_cast<const std::byte*>(upload(*device, *stream, values));
        return upload(
            *device, *stream,
            std::vector<MatrixView>{{data, 1, static_cast<std::int32_t>(values.size()), BlockType::F32}});
    }
    float number(float least, float most) {
        return std::uniform_real_distribution<float>(least, most)(random);
    }
    std::vector<float> normals(std::size_t n, float spread = 1) {
        std::normal_distribution<float> normal(0, spread);
        std::vector<float> values(n);
        for (float& v : values)
            v = normal(random);
        return values;
    }

    /// With a dense block behind an output gate and one without. `few`: in one launch.
    Routed run(const RoutingCase& c, bool few) {
        const auto rows = c.rows.size(), experts = static_cast<std::size_t>(c.rule.experts),
                   places = rows * static_cast<std::size_t>(c.most);
        constexpr std::size_t kIn = 70;
        const std::size_t words = (experts + 31) / 32 + 1;
        std::vector<std::uint32_t> masks(words * std::max<std::size_t>(c.off.size(), 1));
        for (std::size_t m = 0; m < c.off.size(); ++m)
            for (std::size_t e = 0; e < experts; ++e)
                masks[m * words + e / 32] |= (c.off[m][e] ? 1u : 0u) << e % 32;
        in = normals(rows * kIn);
        gate = normals(kIn);
        Routed out = {};
        for (std::size_t i = 0; i < 3 * experts; ++i) // to be told apart
            out.table.push_back({nullptr, static_cast<std::int32_t>(i), 64, BlockType::Q8_0});
        const MatrixView* table = upload(*device, *stream, out.table);
        RouteFewParams p = {};
        p.route = {.rows = upload(*device, *stream, c.rows),
                   .row_count = static_cast<std::int32_t>(rows),
                   .rule = c.rule,
                   .logits = upload(*device, *stream, c.logits),
                   .bias = vector(c.biases.bias),
                   .selection_bias = vector(c.biases.selection),
                   .constant_bias =
                       c.biases.constant.empty() ? nullptr : upload(*device, *stream, c.biases.constant),
                   .off_masks = upload(*device, *stream, masks),
                   .off_mask_stride = static_cast<std::int64_t>(words),
                   .most = c.most,
                   .choices = upload(*device, *stream, std::vector<ExpertChoice>(places, {kStale, 0})),
                   .counts = upload(*device, *stream, std::vector<std::int32_t>(rows, kStale)),
                   .in = upload(*device, *stream, in),
                   .in_stride = kIn,
                   .in_width = kIn,
                   .block_count = 2,
                   .blocks = {{{}, vector(gate), upload(*device, *stream, std::vector<float>(rows))}, {}}};
        p.units = {.choices = p.route.choices,
                   .counts = p.route.counts,
                   .row_count = p.route.row_count,
                   .most = c.most,
                   .experts = c.rule.experts,
                   .expert = {},
                   .list = upload(*device, *stream, std::vector<FeedForwardList>(1)),
                   .units = upload(*device, *stream, std::vector<FeedForwardUnit>(experts)),
                   .pair_rows = upload(*device, *stream, std::vector<std::int32_t>(places, kStale)),
                   .pair_weights = upload(*device, *stream, std::vector<float>(places)),
                   .row_pairs = upload(*device, *stream, std::vector<std::int32_t>(places, kStale))};
        p.units.expert.gate = table;
        p.units.expert.up = table + experts;
        p.units.expert.down = table + 2 * experts;
        if (few) {
            launch<Kernel::RouteFew>(*stream, {1, 1}, p);
        } else {
            launch<Kernel::Route>(*stream, route_grid(p.route.row_count), p.route);
            launch<Kernel::Units>(*stream, {1, 1}, p.units, true);
        }
        out.choices = download(*stream, p.route.choices, places);
        out.counts = download(*stream, p.route.counts, rows);
        out.list = download(*stream, p.units.list, 1).front();
        out.units = download(*stream, p.units.units, experts);
        out.pair_rows = download(*stream, p.units.pair_rows, places);
        out.pair_weights = download(*stream, p.units.pair_weights, places);
        out.row_pairs = download(*stream, p.units.row_pairs, places);
        out.output_weights = download(*stream, p.route.blocks[0].output_weights, rows);
        return out;
    }
    std::vector<float> in, gate; ///< of the latest run()

    std::vector<ExpertChoice> expected(const RoutingCase& c, std::size_t row) {
        const RowInput& input = c.rows[row];
        return route_reference(
            c.rule, input, c.logits.data() + row * static_cast<std::size_t>(c.rule.experts), c.biases,
            input.off_mask < 0 ? std::vector<bool>() : c.off[static_cast<std::size_t>(input.off_mask)]);
    }

    void check_choices(const RoutingCase& c, const Routed& out) {
        for (std::size_t r = 0; r < c.rows.size(); ++r) {
            const auto wanted = expected(c, r);
            ASSERT_EQ(static_cast<std::size_t>(out.counts[r]), wanted.size()) << "row " << r;
            for (std::size_t i = 0; i < static_cast<std::size_t>(c.most); ++i) {
                const ExpertChoice& got = out.choices[r * static_cast<std::size_t>(c.most) + i];
                if (i >= wanted.size()) {
                    EXPECT_EQ(got.expert, -1);
                    continue;
                }
                ASSERT_EQ(got.expert, wanted[i].expert) << "row " << r << " choice " << i;
                if (std::isnan(wanted[i].weight))
                    EXPECT_TRUE(std::isnan(got.weight));
                else
                    EXPECT_NEAR(got.weight, wanted[i].weight, 3e-6f * std::abs(wanted[i].weight) + 1e-12f);
            }
        }
    }

    void check_units(const RoutingCase& c, const Routed& out) {
        const auto most = static_cast<std::size_t>(c.most);
        std::int32_t unit = 0, pair = 0;
        for (std::int32_t e = 0; e < c.rule.experts; ++e) {
            const std::int32_t start = pair;
            for (std::size_t r = 0; r < c.rows.size(); ++r)
                for (std::size_t i = 0; i < static_cast<std::size_t>(out.counts[r]); ++i)
                    if (const ExpertChoice& choice = out.choices[r * most + i]; choice.expert == e) {
                        ASSERT_EQ(out.pair_rows[static_cast<std::size_t>(pair)], static_cast<int>(r));
                        ASSERT_EQ(
                            std::bit_cast<std::uint32_t>(out.pair_weights[static_cast<std::size_t>(pair)]),
                            std::bit_cast<std::uint32_t>(choice.weight));
                        ASSERT_EQ(out.row_pairs[r * most + i], pair);
                        ++pair;
                    }
            if (pair == start)
                continue;
            const FeedForwardUnit& u = out.units[static_cast<std::size_t>(unit++)];
            ASSERT_EQ(u.gate.rows, e);
            ASSERT_EQ(u.up.rows, c.rule.experts + e);
            ASSERT_EQ(u.down.rows, 2 * c.rule.experts + e);
            ASSERT_EQ(u.expert, e);
            ASSERT_EQ(u.count, pair - start);
            ASSERT_EQ(u.first_pair, start);
        }
        EXPECT_EQ(out.list.units, unit);
        EXPECT_EQ(out.list.pairs, pair);
        for (std::size_t r = 0; r < c.rows.size(); ++r) {
            double sum = 0;
            for (std::size_t i = 0; i < gate.size(); ++i)
                sum += double{gate[i]} * in[r * gate.size() + i];
            EXPECT_NEAR(out.output_weights[r], 1 / (1 + std::exp(-sum)), 1e-6);
        }
    }
};

TEST_F(RoutingKernels, ChooseAsTheReferenceDoes) {
    constexpr int kExperts[] = {1, 7, 32, 60, 64, 128, 256, 257, 512};
    for (int trial = 0; trial < 70; ++trial) {
        RoutingCase c;
        const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        c.rule.experts = kExperts[pick(std::size(kExperts))];
        c.rule.active = 1 + pick(std::min(c.rule.experts, 9));
        c.rule.gate = static_cast<RouterGate>(trial % 4);
        c.rule.normalise = pick(2);
        c.rule.scale = pick(2) ? 1.0f : 2.5f;
        c.rule.groups = c.rule.groups_kept = 1;
        if (c.rule.experts % 4 == 0 && pick(2)) {
            c.rule.groups = pick(2) && c.rule.experts % 32 == 0 ? 32 : 4;
            c.rule.groups_kept = 1 + pick(c.rule.groups);
            c.rule.group_score_top2 = pick(2);
        }
        const auto experts = static_cast<std::size_t>(c.rule.experts);
        const bool few = trial % 3 != 0;
        const std::size_t rows =
            few ? static_cast<std::size_t>(1 + pick(32)) : static_cast<std::size_t>(33 + pick(40));
        c.logits = normals(rows * experts, 2);
        if (pick(2))
            c.biases.bias = normals(experts);
        if (pick(4) == 0)
            c.biases.constant = normals(experts);
        if (pick(2))
            c.biases.selection = normals(experts, 0.1f);
        for (int m = 0; m < 3; ++m) {
            auto& mask = c.off.emplace_back(experts);
            for (std::size_t e = 0; e < experts; ++e)
                mask[e] = m == 2 || pick(3) == 0; // the last: all are off
        }
        for (std::size_t r = 0; r < rows; ++r) {
            RowInput row = plain_row(pick(6) == 0 ? -1 : pick(1000));
            row.experts = pick(2) ? 0 : 1 + pick(c.rule.experts);
            row.gate_threshold = pick(2) ? 0.0f : number(0.0f, 1.2f);
            row.routing_mass = pick(2) ? 1.0f : number(0.0f, 1.0f);
            row.pool = pick(3) ? 0 : 1 + pick(2 * c.rule.experts);
            row.off_mask = pick(2) ? -1 : pick(3);
            c.rows.push_back(row);
        }
        c.most = c.rule.experts;
        const Routed out = run(c, few);
        SCOPED_TRACE(trial);
        check_choices(c, out);
        check_units(c, out);
        if (HasFatalFailure())
            return;
    }
}

/// Rows with one dial moved each, two and three.
void move_dials(std::vector<RowInput>& rows) {
    for (std::size_t r = 0; r < rows.size(); ++r) {
        if (r % 8 == 1 || r % 8 == 6)
            rows[r].gate_threshold = 0.1f * static_cast<float>(1 + r % 10);
        if (r % 8 == 2 || r % 8 == 6 || r % 8 == 7)
            rows[r].routing_mass = 0.05f * static_cast<float>(1 + r % 19);
        if (r % 8 == 3 || r % 8 == 7)
            rows[r].pool = static_cast<std::int32_t>(1 + 5 * r % 70);
        if (r % 8 == 4 || r % 8 == 7)
            rows[r].off_mask = static_cast<std::int32_t>(r / 8 % 3);
        if (r % 8 == 5)
            rows[r].experts = static_cast<std::int32_t>(1 + r % 64);
    }
}

TEST_F(RoutingKernels, TheyChooseWhatTheCpuDoesByEveryDial) {
    for (int trial = 0; trial < 24; ++trial) {
        RoutingCase c;
        const bool groups = trial % 2;
        Routing plan{.experts = 64,
                     .active = 6,
                     .gate = static_cast<GateFunction>(trial % 4),
                     .normalise = trial % 3 == 0,
                     .scale = 1.5f,
                     .groups = groups ? 8 : 1,
                     .groups_kept = groups ? 3 : 1,
                     .group_score_top2 = trial % 4 > 1};
        c.rule = {plan.experts,     plan.active,          static_cast<RouterGate>(plan.gate),
                  plan.normalise,   plan.scale,           plan.groups,
                  plan.groups_kept, plan.group_score_top2};
        const std::size_t rows = std::array{9, 1, 8, 40}[static_cast<std::size_t>(trial) / 4 % 4];
        c.rows.assign(rows, plain_row());
        c.logits = normals(rows * 64, 2);
        if (rows == 9) {            // dials at rest
            c.rows[3].experts = 64; // more than groups leave
            c.rows[4].experts = 2;
            c.logits[5 * 64 + 7] = c.logits[5 * 64 + 9] = c.logits[5 * 64 + 40] = 9; // ties
        } else {
            std::vector<RowInput> all(40, plain_row());
            move_dials(all);
            const int first = rows == 1 ? trial % 4 + (trial > 12 ? 4 : 1) : 0;
            c.rows.assign(all.begin() + first, all.begin() + first + static_cast<int>(rows));
        }
        for (std::size_t m = 0; m < 3; ++m) {
            auto& mask = c.off.emplace_back(64);
            for (std::size_t e = 0; e < 64; ++e)
                mask[e] = m == 2 || random() % 3 == 0; // the last: all are off
        }
        if (trial % 2)
            c.biases.selection = normals(64, 0.2f);
        c.most = 64;
        const Routed out = run(c, rows <= 32 && trial % 3 != 0);
        RouterScratch scratch;
        std::vector<RouteChoice> chosen(64);
        for (std::size_t r = 0; r < rows; ++r) {
            const RowInput& row = c.rows[r];
            std::vector<std::uint32_t> off(row.off_mask < 0 ? 0 : expert_set_words(64));
            for (std::size_t e = 0; e < 64 && !off.empty(); ++e)
                off[e / 32] |= (c.off[static_cast<std::size_t>(row.off_mask)][e] ? 1u : 0u) << e % 32;
            const auto count = choose_experts(
                std::span(c.logits).subspan(r * 64, 64), c.biases.selection, plan,
                {row.experts, row.gate_threshold, row.routing_mass, row.pool, off}, scratch, chosen);
            ASSERT_EQ(static_cast<std::size_t>(out.counts[r]), count);
            for (std::size_t i = 0; i < count; ++i) {
                EXPECT_EQ(out.choices[r * 64 + i].expert, chosen[i].expert);
                EXPECT_NEAR(out.choices[r * 64 + i].weight, chosen[i].weight, 2e-6f * chosen[i].weight);
            }
        }
    }
}

TEST_F(RoutingKernels, WhatIsNoNumberLosesAndNobodyIsChosenTwice) {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                    kInfinite = std::numeric_limits<float>::infinity();
    for (const RouterGate gate : {RouterGate::Sigmoid, RouterGate::SoftmaxChosen, RouterGate::SqrtSoftplus}) {
        RoutingCase c;
        c.rule = {40, 6, gate, 0, 1.0f, 1, 1, 0};
        c.rows.assign(5, plain_row());
        c.logits = normals(5 * 40);
        for (std::size_t e = 0; e < 40; ++e) {
            c.logits[40 + e] = kNan;                             // all
            c.logits[80 + e] = e < 37 ? kNan : c.logits[80 + e]; // too few numbers
            c.logits[120 + e] = e % 2 ? -kInfinite : kNan;
        }
        c.logits[3] = kNan;
        c.logits[4] = -kNan;
        c.most = 8;
        const Routed out = run(c, true);
        if (gate == RouterGate::Sigmoid)
            check_choices(c, out);
        check_units(c, out);
        for (std::size_t r = 0; r < 5; ++r) {
            ASSERT_EQ(out.counts[r], 6);
            std::vector<std::int32_t> ids;
            for (std::size_t i = 0; i < 6; ++i)
                ids.push_back(out.choices[r * 8 + i].expert);
            std::ranges::sort(ids);
            EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
            EXPECT_GE(ids.front(), 0);
            EXPECT_LT(ids.back(), 40);
        }
        EXPECT_TRUE(std::ranges::none_of(std::span(out.choices).first(6), [](const ExpertChoice& choice) {
            return choice.expert == 3 || choice.expert == 4;
        }));
        for (std::size_t i = 0; i < 3; ++i)
            EXPECT_GE(out.choices[2 * 8 + i].expert, 37); // the numbers first
    }
}

TEST_F(RoutingKernels, ARowChoosesTheSameInEveryBatch) {
    RoutingCase c;
    c.rule = {128, 8, RouterGate::Softmax, 1, 1.0f, 1, 1, 0};
    c.rows.assign(45, plain_row());
    for (std::size_t r = 0; r < 45; ++r) {
        c.rows[r].routing_mass = r % 2 ? 0.8f : 1.0f;
        c.rows[r].gate_threshold = r % 3 ? 0.2f : 0.0f;
    }
    c.logits = normals(45 * 128);
    c.most = 8;
    const Routed all = run(c, false);
    for (const std::size_t r : {std::size_t{0}, std::size_t{7}, std::size_t{44}}) {
        RoutingCase alone = c;
        alone.rows = {c.rows[r]};
        alone.logits.assign(c.logits.begin() + static_cast<std::ptrdiff_t>(r) * 128,
                            c.logits.begin() + static_cast<std::ptrdiff_t>(r + 1) * 128);
        const Routed one = run(alone, true);
        EXPECT_EQ(one.counts[0], all.counts[r]);
        EXPECT_EQ(std::memcmp(one.choices.data(), all.choices.data() + r * 8, 8 * sizeof(ExpertChoice)), 0);
    }
}

TEST_F(RoutingKernels, UnitsOfAPrompt) {
    RoutingCase c;
    c.rule = {64, 6, RouterGate::Softmax, 0, 1.0f, 1, 1, 0};
    c.rows.assign(1500, plain_row());
    c.rows[700].position = -1;
    c.logits = normals(1500 * 64);
    c.most = 6;
    const Routed out = run(c, false);
    check_units(c, out);
}

} // namespace
} // namespace switchyard::cuda
