// The arithmetic of shares: bytes and operations that a step cannot do without, by hand.
#include "tests/gpu/step_counts.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

/// A layer with attention (one KV head of 32 + 32) or latent attention, two of four experts, and a head.
struct SmallModel {
    Plan plan;
    WeightSet weights;

    explicit SmallModel(int window = 0) {
        plan.values = {64, 64, 32, 32, 64};
        plan.routes = 1;
        plan.vocabulary = 10;
        plan.kv = {{1, 32, 32}};
        add(kNoLayer, EmbedStep{matrix(10, 64), 0});
        add(0, ProjectStep{0, matrix(64, 64), kNoWeight, 1});
        AttentionStep attention = {};
        attention.heads = 2;
        attention.kv_heads = 1;
        attention.head_dim = attention.value_dim = 32;
        attention.window = window;
        add(0, attention);
        RouteStep route = {};
        route.weight = matrix(4, 64);
        add(0, route);
        ExpertsStep experts = {};
        experts.gate = matrix(32, 64, 4);
        experts.up = matrix(32, 64, 4);
        experts.down = matrix(64, 32, 4);
        add(0, experts);
        add(kNoLayer, HeadStep{0, matrix(10, 64)});
    }

    StepCounts count(const Batch& batch, const RoutingTable& routing) const {
        return count_step(plan, weights, batch, routing, BlockType::F16);
    }

  private:
    void add(int layer, Operation operation) { plan.steps.push_back({layer, std::move(operation)}); }
    /// Of F16 numbers.
    WeightId matrix(std::int64_t rows, std::int64_t cols, int count = 1) {
        Slice slice;
        slice.type = BlockType::F16;
        slice.rows = rows;
        slice.cols = cols;
        slice.bytes = static_cast<std::size_t>(rows * cols * 2);
        auto weight = std::make_shared<Weight>();
        weight->slices.assign(static_cast<std::size_t>(count), slice);
        weights.weights.push_back(std::move(weight));
        return static_cast<WeightId>(weights.weights.size()) - 1;
    }
};

Batch rows_at(std::initializer_list<std::pair<int, int>> sequences_and_positions) {
    Batch batch;
    for (const auto& [sequence, position] : sequences_and_positions) {
        batch.sequences.resize(std::max<std::size_t>(batch.sequences.size(), sequence + std::size_t{1}));
        batch.rows.push_back({.position = position, .sequence = sequence, .wish = RowWish::Logits});
    }
    return batch;
}

RoutingTable choices(std::initializer_list<std::pair<int, int>> of_rows) {
    RoutingTable table;
    table.shape(1, static_cast<int>(of_rows.size()), 2);
    int row = 0;
    for (const auto& [first, second] : of_rows) {
        table.of(0, row)[0] = {static_cast<std::int16_t>(first), 0.5f};
        table.of(0, row++)[1] = {static_cast<std::int16_t>(second), 0.5f};
    }
    return table;
}

constexpr double kExpert = 3 * 32 * 64; ///< weights

TEST(StepCounts, OneRowReadsItsExpertsAndItsContext) {
    const StepCounts counts = SmallModel().count(rows_at({{0, 99}}), choices({{1, 3}}));
    EXPECT_EQ(counts.of(StageKind::Embedding).bytes(), 128); // a row of the table
    EXPECT_EQ(counts.of(StageKind::Attention).weight_bytes, 64 * 64 * 2);
    EXPECT_EQ(counts.of(StageKind::Attention).cache_bytes, 100 * 64 * 2);
    EXPECT_EQ(counts.of(StageKind::Attention).macs, 64 * 64 + 100 * 2 * 64);
    EXPECT_EQ(counts.of(StageKind::Router).bytes(), 4 * 64 * 2);
    EXPECT_EQ(counts.of(StageKind::Experts).bytes(), 2 * kExpert * 2);
    EXPECT_EQ(counts.of(StageKind::Experts).macs, 2 * kExpert);
    EXPECT_EQ(counts.of(StageKind::Head).bytes(), 10 * 64 * 2);
    EXPECT_EQ(counts.tiles.at(BlockType::F16).alone, 64 * 64 + 2 * kExpert + 640);
    EXPECT_EQ(counts.tiles.at(BlockType::F16).first, 0);
}

TEST(StepCounts, SeveralRowsReadAnExpertOnceAndEachSequencesContext) {
    const StepCounts counts =
        SmallModel().count(rows_at({{0, 9}, {1, 19}, {2, 29}}), choices({{0, 1}, {1, 2}, {1, 0}}));
    EXPECT_EQ(counts.of(StageKind::Experts).bytes(), 3 * kExpert * 2); // 0, 1 and 2
    EXPECT_EQ(counts.of(StageKind::Experts).macs, 6 * kExpert);
    EXPECT_EQ(counts.of(StageKind::Attention).cache_bytes, (10 + 20 + 30) * 64 * 2);
    // Expert 2 has a single row, the others several.
    EXPECT_EQ(counts.tiles.at(BlockType::F16).alone, kExpert);
    EXPECT_EQ(counts.tiles.at(BlockType::F16).first, 64 * 64 + 640 + 2 * kExpert);
}

TEST(StepCounts, RowsOfASequenceShareItsContextAndAWindowCutsIt) {
    const Batch prompt = rows_at({{0, 48}, {0, 49}});
    const RoutingTable routing = choices({{0, 1}, {0, 1}});
    EXPECT_EQ(SmallModel().count(prompt, routing).of(StageKind::Attention).cache_bytes, 50 * 64 * 2);
    const StepCounts cut = SmallModel(16).count(prompt, routing);
    EXPECT_EQ(cut.of(StageKind::Attention).cache_bytes, 17 * 64 * 2);
    EXPECT_EQ(cut.of(StageKind::Attention).macs, 2 * 64 * 64 + 2 * 16 * 2 * 64);
}

TEST(StepCounts, NineRowsAreTwoTilesAndRowsWithoutAWishHaveNoLogits) {
    Batch batch;
    batch.sequences.resize(1);
    for (int r = 0; r < 9; ++r)
        batch.rows.push_back({.position = r});
    RoutingTable routing;
    routing.shape(1, 9, 2);
    for (int r = 0; r < 9; ++r)
        routing.of(0, r)[0] = {0, 1.0f}; // and no second one
    const StepCounts counts = SmallModel().count(batch, routing);
    EXPECT_EQ(counts.of(StageKind::Head).bytes(), 0);
    EXPECT_EQ(counts.of(StageKind::Experts).bytes(), kExpert * 2);
    EXPECT_EQ(counts.tiles.at(BlockType::F16).more, 64 * 64 + kExpert);
    StepCounts twice = counts;
    twice += counts;
    EXPECT_EQ(twice.bytes(), 2 * counts.bytes());
    twice.divide(2);
    EXPECT_EQ(twice.macs(), counts.macs());
}

TEST(StepCounts, LatentAttentionReadsOneVectorAToken) {
    Plan plan;
    plan.kv = {{1, 96, 0}};
    LatentAttentionStep attention = {};
    attention.heads = 2;
    attention.nope = 16;
    attention.rope = 32;
    attention.latent_dim = 64;
    attention.value_dim = 24;
    WeightSet weights;
    for (const auto& [rows, cols] : {std::pair{64, 16}, {24, 64}}) {
        Slice slice;
        slice.type = BlockType::F16;
        slice.rows = rows;
        slice.cols = cols;
        slice.bytes = static_cast<std::size_t>(rows * cols * 2);
        weights.weights.push_back(std::make_shared<Weight>(Weight{{slice, slice}}));
    }
    attention.k_b = 0;
    attention.v_b = 1;
    plan.steps.push_back({0, attention});
    const StepCounts counts = count_step(plan, weights, rows_at({{0, 4}}), {}, BlockType::F16);
    EXPECT_EQ(counts.of(StageKind::Attention).cache_bytes, 5 * 96 * 2);
    EXPECT_EQ(counts.of(StageKind::Attention).weight_bytes, 2 * 64 * (16 + 24) * 2);
    EXPECT_EQ(counts.of(StageKind::Attention).macs, 2 * 64 * (16 + 24) + 5 * 2 * (16 + 32 + 24));
}

} // namespace
} // namespace switchyard
