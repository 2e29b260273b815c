// Gated blocks on the device, routed and dense, against plain sums of the decoded matrices.
#include "tests/kernels/cuda/feed_forward_layer.h"

namespace switchyard::cuda {
namespace {

TEST_F(FeedForwardKernels, ExpertsAndASharedBlock) {
    check({.in = 128,
           .out = 96,
           .experts = 9,
           .active = 3,
           .expert = {64, BlockType::Q8_0, BlockType::Q5_0, false, false},
           .blocks = {{160, BlockType::Q8_0, BlockType::Q8_0, false, false}},
           .activation = GatedActivation::Silu,
           .add = true},
          {1, 3, 8, 13, 37});
}

TEST_F(FeedForwardKernels, ASharedBlockBehindAGate) {
    check({.in = 96,
           .out = 40,
           .experts = 70,
           .active = 4,
           .expert = {40, BlockType::BF16, BlockType::F16, false, false},
           .blocks = {{72, BlockType::BF16, BlockType::BF16, false, true},
                      {8, BlockType::F16, BlockType::F16, false, false}},
           .activation = GatedActivation::Gelu,
           .add = true},
          {1, 5, 32, 34});
}

TEST_F(FeedForwardKernels, BiasesAndClampedHalves) {
    check({.in = 256,
           .out = 64,
           .experts = 8,
           .active = 2,
           .expert = {96, BlockType::MXFP4, BlockType::MXFP4, true, false},
           .blocks = {},
           .activation = GatedActivation::ClampedSilu,
           .add = false},
          {1, 2, 9});
}

TEST_F(FeedForwardKernels, LimitedHalves) {
    check({.in = 64,
           .out = 48,
           .experts = 6,
           .active = 2,
           .expert = {96, BlockType::MXFP4, BlockType::Q8_0, false, false},
           .blocks = {{72, BlockType::Q8_0, BlockType::F16, true, false}},
           .activation = GatedActivation::LimitedSilu,
           .add = true},
          {1, 2, 9});
}

TEST_F(FeedForwardKernels, HalvesThatAreCutOffBelowZero) {
    check({.in = 64,
           .out = 40,
           .experts = 6,
           .active = 2,
           .expert = {64, BlockType::Q8_0, BlockType::Q8_0, false, false},
           .blocks = {{40, BlockType::F16, BlockType::F16, false, false}},
           .activation = GatedActivation::Relu,
           .add = true},
          {1, 3, 9});
}

TEST_F(FeedForwardKernels, ADenseLayer) {
    check({.in = 256,
           .out = 17,
           .experts = 1,
           .active = 1,
           .expert = {},
           .blocks = {{1024, BlockType::Q4_K, BlockType::Q6_K, false, false}},
           .activation = GatedActivation::Silu,
           .add = true},
          {1, 5, 34});
}

TEST_F(FeedForwardKernels, ManyExperts) {
    check({.in = 64,
           .out = 16,
           .experts = 130,
           .active = 8,
           .expert = {32, BlockType::Q4_0, BlockType::Q8_0, false, false},
           .blocks = {{32, BlockType::F32, BlockType::F32, false, false}},
           .activation = GatedActivation::Silu,
           .add = true},
          {1, 8, 32});
}

/// Outputs enough that two tile rows of a matrix go together, an odd number of them.
TEST_F(FeedForwardKernels, ManyOutputs) {
    check({.in = 64,
           .out = 200,
           .experts = 7,
           .active = 3,
           .expert = {72, BlockType::Q4_1, BlockType::F16, true, false},
           .blocks = {{320, BlockType::F16, BlockType::Q8_0, false, true}},
           .activation = GatedActivation::Silu,
           .add = false},
          {1, 9, 17, 32, 37});
}

TEST_F(FeedForwardKernels, FewRowsAreRoutedOnTheWay) {
    GatedLayer layer(*device, *stream,
                     {.in = 64,
                      .out = 32,
                      .experts = 70,
                      .active = 5,
                      .expert = {64, BlockType::Q8_0, BlockType::Q8_0, false, false},
                      .blocks = {{32, BlockType::Q8_0, BlockType::Q8_0, false, true}},
                      .activation = GatedActivation::Silu,
                      .add = true},
                     random);
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
        SCOPED_TRACE(count);
        GatedLayer::Rows rows = layer.random_rows(count);
        if (count > 1)
            rows.rows[1].position = -1;
        const auto launches = [&] {
            stream->synchronise();
            return on_card() ? 0 : counts_of(*device).launches;
        };
        const auto before = launches();
        layer.run(rows);
        EXPECT_EQ(launches() - before, on_card() ? 0 : 3u); // the inputs, GateUp, Down
        const RouteFewParams on_the_way = layer.latest_route();
        const RouteFewParams alone = layer.copy_for_route_few(on_the_way);
        launch<Kernel::RouteFew>(*stream, {1, 1}, alone);
        const auto same = [&](const auto* got, const auto* wanted, std::size_t n) {
            const auto a = download(*stream, got, n), b = download(*stream, wanted, n);
            EXPECT_EQ(std::memcmp(a.data(), b.data(), n * sizeof(a[0])), 0);
        };
        same(on_the_way.route.choices, alone.route.choices, count * 5);
        same(on_the_way.route.counts, alone.route.counts, count);
        same(on_the_way.units.list, alone.units.list, 1);
        const FeedForwardList list = download(*stream, alone.units.list, 1).front();
        EXPECT_EQ(list.pairs, static_cast<std::int32_t>(5 * (count > 1 ? count - 1 : 1)));
        const auto units = download(*stream, on_the_way.units.units, static_cast<std::size_t>(list.units)),
                   wanted = download(*stream, alone.units.units, static_cast<std::size_t>(list.units));
        for (std::size_t u = 0; u < units.size(); ++u) {
            EXPECT_EQ(units[u].down.data, wanted[u].down.data);
            EXPECT_EQ(units[u].expert, wanted[u].expert);
            EXPECT_EQ(units[u].first_pair, wanted[u].first_pair);
            EXPECT_EQ(units[u].count, wanted[u].count);
            EXPECT_EQ(units[u].rows, wanted[u].rows);
        }
        same(on_the_way.units.pair_rows, alone.units.pair_rows, static_cast<std::size_t>(list.pairs));
        same(on_the_way.units.pair_weights, alone.units.pair_weights, static_cast<std::size_t>(list.pairs));
        for (std::size_t r = 0; r < count; ++r)
            if (rows.rows[r].position >= 0)
                same(on_the_way.units.row_pairs + r * 5, alone.units.row_pairs + r * 5, 5);
        same(on_the_way.route.blocks[0].output_weights, alone.route.blocks[0].output_weights, count);
    }
}

TEST_F(FeedForwardKernels, RowsWithoutExperts) {
    for (const bool add : {false, true}) {
        GatedLayer layer(*device, *stream,
                         {.in = 64,
                          .out = 20,
                          .experts = 6,
                          .active = 2,
                          .expert = {32, BlockType::Q8_0, BlockType::Q8_0, false, false},
                          .blocks = {},
                          .activation = GatedActivation::Silu,
                          .add = add},
                         random);
        for (const std::size_t count : {std::size_t{1}, std::size_t{6}, std::size_t{40}}) {
            GatedLayer::Rows rows = layer.random_rows(count);
            for (RowInput& row : rows.rows)
                row.position = -1;
            EXPECT_EQ(layer.run(rows), add ? rows.residual : std::vector<float>(rows.residual.size()));
        }
    }
}

} // namespace
} // namespace switchyard::cuda
