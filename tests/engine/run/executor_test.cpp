// The seam as a backend sees it: steps in flight, what is wanted of a row, blocks that outlive a step.
#include "engine/run/loaded_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

namespace switchyard {
namespace {

std::shared_ptr<LoadedModel> load(const std::string& family, int threads = 2) {
    LoadOptions options;
    options.backend = make_cpu_backend({threads, false});
    return LoadedModel::load(SWITCHYARD_TEST_WORK "/reference/models/" + family + "/model-f32.gguf", options);
}

/// Rows at positions [first, first + count), all logits wanted.
Batch rows_at(int first, int count, std::vector<KvBlockId> blocks) {
    Batch batch;
    for (int p = first; p < first + count; ++p)
        batch.rows.push_back({.token = 17 * p % 190, .position = p, .wish = RowWish::Logits});
    batch.sequences.push_back({std::move(blocks)});
    return batch;
}

class ExecutorTest : public testing::TestWithParam<std::string> {
  protected:
    std::vector<KvBlockId> blocks(int count, BlockType type = BlockType::F16) {
        std::vector<KvBlockId> ids;
        for (int i = 0; i < count; ++i)
            ids.push_back(executor().allocate_kv_block(type));
        return ids;
    }
    std::vector<float> logits(int first, int count, const std::vector<KvBlockId>& ids) {
        return executor().run(rows_at(first, count, ids), model_->weights()).logits;
    }
    Executor& executor() { return model_->executor(); }

    std::shared_ptr<LoadedModel> model_ = load(GetParam());
};

TEST_P(ExecutorTest, StepsUnderWayTogetherAreComputedInTheirOrder) {
    const auto one = blocks(2), two = blocks(2);
    std::vector<float> expected = logits(0, 20, one);
    const auto rest = logits(20, 20, one);
    // The second step reads what the first writes.
    auto first = executor().start(rows_at(0, 20, two), model_->weights(), {});
    auto second = executor().start(rows_at(20, 20, two), model_->weights(), {});
    EXPECT_EQ(second->wait().logits, rest) << "waited for out of order";
    EXPECT_EQ(first->wait().logits, expected);
}

TEST_P(ExecutorTest, IsComputedFromTheStartOn) {
    const auto ids = blocks(1);
    auto step = executor().start(rows_at(0, 8, ids), model_->weights(), {});
    for (int i = 0; i < 5000 && executor().scratch_bytes() == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_GT(executor().scratch_bytes(), 0u) << "nobody waited, and it was computed";
    EXPECT_FALSE(step->wait().cancelled);
}

TEST_P(ExecutorTest, AStepNobodyWaitsForEndsAndLeavesTheRestUsable) {
    const auto ids = blocks(2);
    const auto expected = logits(0, 30, ids);
    for (int i = 0; i < 20; ++i)
        executor().start(rows_at(0, 30, ids), model_->weights(), {});
    EXPECT_EQ(logits(0, 30, ids), expected);
}

TEST_P(ExecutorTest, BlocksMayBeReleasedCopiedAndSavedWhileStepsWriteThem) {
    const auto ids = blocks(2);
    const auto expected = logits(0, 40, ids);
    const auto saved = executor().save_kv_block(ids[0]);
    const std::size_t before = executor().kv_bytes();
    for (int i = 0; i < 30; ++i) {
        const auto other = blocks(2);
        auto step = executor().start(rows_at(0, 40, other), model_->weights(), {});
        const KvBlockId copy = executor().clone_kv_block(other[0]);
        EXPECT_EQ(executor().save_kv_block(copy), saved) << "copied before the step had written it";
        auto again = executor().start(rows_at(0, 40, other), model_->weights(), {});
        for (const KvBlockId id : {other[0], other[1], copy})
            executor().release_kv_block(id);
        const auto third = blocks(2); // not the memory that the step writes
        EXPECT_EQ(logits(0, 40, third), expected);
        EXPECT_EQ(again->wait().logits, expected);
        for (const KvBlockId id : third)
            executor().release_kv_block(id);
    }
    executor().run(rows_at(0, 1, ids), model_->weights());
    EXPECT_EQ(executor().kv_bytes(), before) << "and nothing is left behind";
}

TEST_P(ExecutorTest, ABlockComesBackAsItWasSaved) {
    const auto ids = blocks(2);
    logits(0, 32, ids);
    const auto expected = logits(32, 4, ids);
    const auto saved = executor().save_kv_block(ids[0]);
    executor().release_kv_block(ids[0]);
    const KvBlockId back = executor().load_kv_block(BlockType::F16, saved);
    EXPECT_EQ(logits(32, 4, {back, ids[1]}), expected);
    EXPECT_THROW(executor().load_kv_block(BlockType::Q8_0, saved), Error) << "another type's";
    EXPECT_GT(executor().kv_capacity(), executor().kv_block_bytes(BlockType::F16));
}

/// Whatever the cache is kept as: row by row, in chunks, at once and by other threads, the same bits; and the
/// fewer bits a value has, the further from F16 (these models have random weights, so a little becomes much).
TEST_P(ExecutorTest, ACacheOfAnyTypeGivesTheSameBitsInAnyChunks) {
    constexpr int kRows = 70;
    const auto plain = logits(0, kRows, blocks(3));
    double before = 0;
    for (const auto& [type, most] : {std::pair{BlockType::Q8_0, 0.01}, {BlockType::Q4_0, 0.6}}) {
        const auto whole = logits(0, kRows, blocks(3, type));
        const auto fellow = load(GetParam(), 1);
        std::vector<KvBlockId> others;
        for (int i = 0; i < 3; ++i)
            others.push_back(fellow->executor().allocate_kv_block(type));
        for (const int chunk : {1, 13, 32}) {
            const auto ids = blocks(3, type);
            std::vector<float> joined, alone;
            for (int first = 0; first < kRows; first += chunk) {
                const int count = std::min(chunk, kRows - first);
                const auto part = logits(first, count, ids);
                joined.insert(joined.end(), part.begin(), part.end());
                const auto same =
                    fellow->executor().run(rows_at(first, count, others), fellow->weights()).logits;
                alone.insert(alone.end(), same.begin(), same.end());
            }
            EXPECT_EQ(joined, whole) << traits(type).name << " in chunks of " << chunk;
            EXPECT_EQ(alone, whole) << traits(type).name << " by one thread";
        }
        double error = 0, size = 0;
        for (std::size_t i = 0; i < plain.size(); ++i) {
            error += std::pow(double{whole[i]} - plain[i], 2);
            size += double{plain[i]} * plain[i];
        }
        EXPECT_GT(error, before) << traits(type).name;
        EXPECT_LT(error / size, most) << traits(type).name;
        before = error;
        RecordProperty(std::string(traits(type).name), std::to_string(error / size));
    }
}

TEST_P(ExecutorTest, RoutingComesForTheRowsThatAsk) {
    const Plan& plan = model_->plan();
    const auto ids = blocks(1);
    Batch batch = rows_at(0, 6, ids);
    batch.rows[2].routing = batch.rows[5].routing = true;
    if (plan.experts > 0)
        batch.rows[5].dials.experts = 1;
    const StepResult result = executor().run(batch, model_->weights());
    EXPECT_EQ(result.routing.routers, plan.routes);
    EXPECT_EQ(result.routing.rows, 2);
    for (int router = 0; router < plan.routes; ++router) {
        std::set<int> experts;
        for (const RouteChoice& choice : result.routing.of(router, 0)) {
            EXPECT_TRUE(choice.expert >= 0 && choice.expert < plan.experts);
            experts.insert(choice.expert);
        }
        EXPECT_EQ(static_cast<int>(experts.size()), plan.experts_active);
        EXPECT_GE(result.routing.of(router, 1)[0].expert, 0);
        EXPECT_EQ(result.routing.of(router, 1)[1].expert, -1) << "only one was active";
    }
    EXPECT_TRUE(executor().run(rows_at(0, 6, ids), model_->weights()).routing.choices.empty());
}

TEST_P(ExecutorTest, CandidatesAreThoseOfAllLogits) {
    const auto ids = blocks(1);
    const auto vocabulary = static_cast<std::size_t>(model_->plan().vocabulary);
    const std::vector<float> all = logits(0, 5, ids);
    Batch batch = rows_at(0, 5, ids);
    batch.candidate_wishes = {{3, 0.5f, {1, 9}}, {40, 2.0f, {}}};
    batch.rows[1].wish = batch.rows[4].wish = RowWish::Candidates;
    batch.rows[1].candidates = 1;
    batch.rows[4].candidates = 0;
    batch.rows[2].wish = RowWish::Nothing;
    auto step = executor().start(batch, model_->weights(), {});
    const StepResult result = step->wait();
    const auto row = [&](std::size_t r) { return std::span(all).subspan(r * vocabulary, vocabulary); };
    ASSERT_EQ(result.candidates.size(), 2u);
    for (const auto& [found, r, wish] : {std::tuple{0, 1, 1}, {1, 4, 0}}) {
        const auto at = static_cast<std::size_t>(found);
        const Candidates expected = find_candidates(row(static_cast<std::size_t>(r)),
                                                    batch.candidate_wishes[static_cast<std::size_t>(wish)]);
        EXPECT_EQ(result.candidates[at].best, expected.best);
        EXPECT_EQ(result.candidates[at].gathered, expected.gathered);
        EXPECT_EQ(result.candidates[at].own.sum, expected.own.sum) << "to the last bit";
        EXPECT_EQ(result.candidates[at].plain.weighted, expected.plain.weighted);
    }
    ASSERT_EQ(result.logits.size(), 2 * vocabulary);
    EXPECT_TRUE(std::ranges::equal(std::span(result.logits).first(vocabulary), row(0)));
    EXPECT_TRUE(std::ranges::equal(std::span(result.logits).last(vocabulary), row(3)));
}

/// A wish that keeps several tokens, with a penalty on what stood before.
DrawWish wish_at(int position, double top_p) {
    DrawWish wish;
    wish.temperature = 1.3;
    wish.top_p = top_p;
    wish.repetition_penalty = 1.3;
    wish.seed = 7;
    wish.position = static_cast<std::uint64_t>(position);
    return wish;
}

TEST_P(ExecutorTest, DrawsAreThoseOfAllLogits) {
    const auto ids = blocks(3);
    const auto all = logits(0, 90, ids);
    const std::size_t vocabulary = all.size() / 90;
    Batch batch = rows_at(0, 90, ids);
    for (BatchRow& row : batch.rows) {
        if (row.position % 4 == 3)
            continue; // and some want their logits
        row.wish = RowWish::Draw;
        row.draw = static_cast<std::int32_t>(batch.draw_wishes.size());
        batch.draw_wishes.push_back(wish_at(row.position + 1, row.position % 2 == 0 ? 0.9 : 1.0));
        batch.draw_wishes.back().version =
            row.position % 8 == 0 ? DrawVersion::Cumulative : DrawVersion::Race;
        batch.draw_wishes.back().penalise(row.token);
    }
    const auto wishes = batch.draw_wishes;
    const StepResult result = executor().run(batch, model_->weights());
    std::size_t drawn = 0, with_logits = 0;
    for (const BatchRow& row : batch.rows) {
        const auto here =
            std::span(all).subspan(static_cast<std::size_t>(row.position) * vocabulary, vocabulary);
        if (row.wish == RowWish::Draw) {
            const Drawn expected = RowDrawer().draw(here, wishes[drawn]);
            EXPECT_EQ(result.drawn.at(drawn).id, expected.id) << row.position;
            EXPECT_NEAR(result.drawn.at(drawn).probability, expected.probability, 1e-6);
            ++drawn;
        } else {
            EXPECT_TRUE(std::ranges::equal(
                here, std::span(result.logits).subspan(with_logits++ * vocabulary, vocabulary)));
        }
    }
    EXPECT_EQ(result.drawn.size(), drawn);
}

TEST_P(ExecutorTest, ATokenMayBeWhatTheStepBeforeDraws) {
    const auto step_at = [&](int position, std::int32_t token, std::vector<std::int32_t> penalised,
                             const std::vector<KvBlockId>& ids, bool own) {
        Batch batch;
        batch.rows.push_back({.token = own ? 0 : token,
                              .drawn_by = own ? 0 : -1,
                              .position = position,
                              .wish = RowWish::Draw,
                              .draw = 0});
        batch.draw_wishes.push_back(wish_at(position + 1, 0.95));
        for (const std::int32_t id : penalised)
            batch.draw_wishes.back().penalise(id);
        if (own)
            batch.draw_wishes.back().penalises_own = true;
        else
            batch.draw_wishes.back().penalise(token);
        batch.sequences.push_back({ids});
        return batch;
    };
    // One after another.
    std::vector<std::int32_t> expected{5};
    const auto one = blocks(1);
    for (int p = 0; p < 12; ++p) {
        const std::vector<std::int32_t> before(expected.begin(), expected.end() - 1);
        expected.push_back(executor()
                               .run(step_at(p, expected.back(), before, one, false), model_->weights())
                               .drawn.at(0)
                               .id);
    }
    // Two always under way: what the first draws is not known when the second starts.
    const auto two = blocks(1);
    std::vector<std::int32_t> seen{5};
    auto step = executor().start(step_at(0, 5, {}, two, false), model_->weights(), {});
    for (int p = 1; p < 12; ++p) {
        auto next = executor().start(step_at(p, 0, seen, two, true), model_->weights(), {});
        seen.push_back(step->wait().drawn.at(0).id);
        step = std::move(next);
    }
    seen.push_back(step->wait().drawn.at(0).id);
    EXPECT_EQ(seen, expected);
    // A step that was stopped draws nothing for the one behind it.
    std::stop_source stop;
    stop.request_stop();
    auto stopped = executor().start(step_at(0, 5, {}, two, false), model_->weights(), stop.get_token());
    auto behind = executor().start(step_at(1, 0, {}, two, true), model_->weights(), {});
    EXPECT_TRUE(stopped->wait().cancelled);
    EXPECT_TRUE(behind->wait().cancelled);
    EXPECT_FALSE(executor().run(step_at(0, 5, {}, two, false), model_->weights()).cancelled);
}

TEST_P(ExecutorTest, RefusesWhatItDoesNotHave) {
    const auto ids = blocks(1);
    const auto start = [&](auto&& change) {
        Batch batch = rows_at(0, 2, ids);
        change(batch.rows[1]);
        executor().start(std::move(batch), model_->weights(), {})->wait();
    };
    EXPECT_NO_THROW(start([](BatchRow&) {}));
    EXPECT_THROW(start([](BatchRow& row) { row.token = 1 << 20; }), Error);
    EXPECT_THROW(start([](BatchRow& row) { row.token = -1; }), Error);
    EXPECT_THROW(start([](BatchRow& row) { row.wish = RowWish::Candidates; }), Error);
    EXPECT_THROW(start([](BatchRow& row) { row.dials.adapter = 0; }), Error);
    EXPECT_THROW(start([](BatchRow& row) { row.dials.attention_window = 8; }), Error);
    EXPECT_NO_THROW(start([](BatchRow&) {})) << "and goes on after it";
}

INSTANTIATE_TEST_SUITE_P(Families, ExecutorTest, testing::Values("llama31", "deepseek2_lite", "qwen3moe"),
                         [](const auto& info) { return info.param; });

TEST(RowDials, AreAtRestWhereNothingIsSaid) {
    const RowDials rest;
    EXPECT_EQ(rest.experts, 0);
    EXPECT_EQ(rest.gate_threshold, 0.0f);
    EXPECT_EQ(rest.routing_mass, 1.0f);
    EXPECT_EQ(rest.pool, 0);
    EXPECT_EQ(rest.off_mask, -1);
    EXPECT_EQ(rest.attention_window, 0);
    EXPECT_EQ(rest.adapter, -1);
    EXPECT_EQ(rest.activation_bits, 16);
}

} // namespace
} // namespace switchyard
