#include "engine/backends/common/token_draws.h"
#include "kernels/splitmix.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

namespace switchyard {
namespace {

constexpr std::size_t kVocabulary = 1000;

/// Logits of some rows, and who asked for which.
struct RowsOfLogits {
    std::vector<float> values;
    mutable std::mutex mutex;
    mutable std::vector<std::size_t> asked;

    /// Even rows are peaked, so that few tokens weigh nearly all; odd ones are flat.
    explicit RowsOfLogits(std::size_t rows) {
        for (std::size_t row = 0; row < rows; ++row)
            for (std::size_t id = 0; id < kVocabulary; ++id) {
                const float noise = static_cast<float>(splitmix(row << 32 | id) >> 40) * 0x1p-24f;
                values.push_back(row % 2 == 1 ? noise * 0.01f : noise * noise * noise * 40.0f);
            }
    }
    std::span<const float> of(std::size_t row) const { return logits_of_row(values, row, kVocabulary); }
    RowLogits told() const {
        return [this](std::size_t row) {
            const std::lock_guard lock(mutex);
            asked.push_back(row);
            return of(row);
        };
    }
};

BatchRow wishing(RowWish wish, std::int32_t candidates = -1, std::int32_t draw = -1) {
    BatchRow row;
    row.wish = wish;
    row.candidates = candidates;
    row.draw = draw;
    return row;
}

DrawWish draw_wish(double temperature, double top_p, std::uint64_t position) {
    DrawWish wish;
    wish.temperature = temperature;
    wish.top_p = top_p;
    wish.seed = 5;
    wish.position = position;
    return wish;
}

/// Rows with logits: 0 logits, 1 candidates, 2 a draw that needs candidates, 3 the same and candidates told,
/// 4 a draw from all logits, 5 logits.
Batch mixed_batch() {
    Batch batch;
    batch.candidate_wishes = {{.best = 3, .gather = {}}, {.best = 7, .gather = {2, 900}}};
    batch.draw_wishes = {draw_wish(1, 0.9, 1), draw_wish(1, 1, 2)};
    batch.rows = {wishing(RowWish::Nothing),     wishing(RowWish::Logits),  wishing(RowWish::Candidates, 1),
                  wishing(RowWish::Draw, -1, 0), wishing(RowWish::Nothing), wishing(RowWish::Draw, 0, 0),
                  wishing(RowWish::Draw, -1, 1), wishing(RowWish::Logits)};
    return batch;
}

void find_sought(StepWishes& wishes, const RowsOfLogits& logits) {
    for (Sought& sought : wishes.sought())
        sought.found = find_candidates(logits.of(sought.row), *sought.wish);
}

TEST(StepWishes, SaysWhichRowsHaveLogitsAndNeedCandidates) {
    const Batch batch = mixed_batch();
    StepWishes wishes;
    for (int again = 0; again < 2; ++again) { // what was read before leaves nothing behind
        wishes.read(batch);
        EXPECT_TRUE(std::ranges::equal(wishes.logit_rows(), std::vector{1, 2, 3, 5, 6, 7}));
        std::vector<std::pair<std::size_t, bool>> sought;
        for (const Sought& one : wishes.sought())
            sought.emplace_back(one.row, one.told);
        EXPECT_EQ(sought,
                  (std::vector<std::pair<std::size_t, bool>>{{1, true}, {2, false}, {3, true}, {3, false}}));
        EXPECT_EQ(wishes.sought()[0].wish, &batch.candidate_wishes[1]);
        EXPECT_EQ(wishes.sought()[2].wish, &batch.candidate_wishes[0]);
        EXPECT_EQ(wishes.for_draw(1), nullptr); // those are told, and not for a draw
        EXPECT_EQ(wishes.for_draw(3), &wishes.sought()[3]);
        EXPECT_EQ(wishes.for_draw(4), nullptr);
    }
}

TEST(StepWishes, TellsWhatWasWishedAndAsksForNoOtherLogits) {
    const Batch batch = mixed_batch();
    const RowsOfLogits logits(6);
    StepWishes wishes;
    wishes.read(batch);
    EXPECT_FALSE(wishes.tells_all_logits());
    find_sought(wishes, logits);
    StepResult result;
    wishes.tell(result, logits.told());
    EXPECT_EQ(logits.asked, (std::vector<std::size_t>{0, 5}));
    ASSERT_EQ(result.logits.size(), 2 * kVocabulary);
    EXPECT_TRUE(std::ranges::equal(std::span(result.logits).first(kVocabulary), logits.of(0)));
    EXPECT_TRUE(std::ranges::equal(std::span(result.logits).last(kVocabulary), logits.of(5)));
    ASSERT_EQ(result.candidates.size(), 2u);
    EXPECT_EQ(result.candidates[0].best.size(), 7u);
    EXPECT_EQ(result.candidates[1].best.size(), 3u);

    wishes.read(batch);
    find_sought(wishes, logits);
    StepResult of_host;
    wishes.tell(of_host, logits.values);
    EXPECT_EQ(of_host.logits, result.logits);
    EXPECT_EQ(of_host.candidates.size(), 2u);
}

TEST(StepWishes, GivesAllLogitsAwayWithoutACopy) {
    Batch batch;
    batch.rows = {wishing(RowWish::Nothing), wishing(RowWish::Logits), wishing(RowWish::Logits)};
    StepWishes wishes;
    wishes.read(batch);
    EXPECT_TRUE(wishes.tells_all_logits());
    std::vector<float> logits = RowsOfLogits(2).values;
    const float* at = logits.data();
    StepResult result;
    wishes.tell(result, std::move(logits));
    EXPECT_EQ(result.logits.data(), at);
    EXPECT_EQ(result.logits.size(), 2 * kVocabulary);
}

TEST(StepWishes, TellsNothingOfRowsThatWishNothing) {
    Batch batch;
    batch.rows = {wishing(RowWish::Nothing), wishing(RowWish::Nothing)};
    StepWishes wishes;
    wishes.read(batch);
    StepResult result;
    wishes.tell(result, std::vector<float>{});
    EXPECT_TRUE(wishes.logit_rows().empty() && result.logits.empty() && result.candidates.empty());
}

TEST(StepWishes, RoutingHasRoomForTheRowsThatAsk) {
    Plan plan;
    plan.routes = 4;
    plan.experts = 8;
    plan.experts_active = 2;
    Batch batch;
    batch.rows.resize(3);
    RoutingTable routing;
    shape_routing(batch, plan, routing);
    EXPECT_EQ(routing.rows, 0);
    batch.rows[0].routing = batch.rows[2].routing = true;
    batch.rows[1].dials.experts = 7; // does not ask
    shape_routing(batch, plan, routing);
    EXPECT_EQ(std::tuple(routing.routers, routing.rows, routing.most), std::tuple(4, 2, 2));
    batch.rows[2].dials.experts = 100;
    shape_routing(batch, plan, routing);
    EXPECT_EQ(routing.most, 8); // there are no more
}

/// Draws for `rows` rows of logits, candidates for even (peaked) and odd (flat) ones alike.
struct DrawingStep {
    Batch batch;
    RowsOfLogits logits;
    StepWishes wishes;
    StepResult result;

    explicit DrawingStep(std::size_t rows) : logits(rows) {
        for (std::size_t r = 0; r < rows; ++r) {
            batch.draw_wishes.push_back(draw_wish(1, 0.9, r));
            batch.rows.push_back(wishing(RowWish::Draw, -1, static_cast<std::int32_t>(r)));
        }
        wishes.read(batch);
        find_sought(wishes, logits);
    }
    std::vector<std::int32_t> expected() const {
        std::vector<std::int32_t> ids;
        for (std::size_t r = 0; r < batch.rows.size(); ++r)
            ids.push_back(RowDrawer().draw(logits.of(r), batch.draw_wishes[r]).id);
        return ids;
    }
    std::vector<std::int32_t> drawn() const {
        std::vector<std::int32_t> ids;
        for (const Drawn& one : result.drawn)
            ids.push_back(one.id);
        return ids;
    }
};

TEST(TokenDraws, AsksForLogitsOnlyWhereCandidatesProveNothing) {
    DrawingStep step(6);
    TokenDraws draws(kVocabulary);
    draws.draw(step.wishes, step.logits.told(), step.result);
    EXPECT_EQ(step.logits.asked, (std::vector<std::size_t>{1, 3, 5}));
    EXPECT_EQ(step.drawn(), step.expected());
}

TEST(TokenDraws, AreTheSameSharedOverThreads) {
    DrawingStep step(40);
    std::set<std::thread::id> threads;
    std::mutex mutex;
    TokenDraws draws(kVocabulary, 3, [&](const std::function<void(int)>& work) {
        std::vector<std::jthread> helpers;
        for (int t = 0; t < 3; ++t)
            helpers.emplace_back([&, t] {
                {
                    const std::lock_guard lock(mutex);
                    threads.insert(std::this_thread::get_id());
                }
                work(t);
            });
    });
    draws.draw(step.wishes, step.logits.told(), step.result);
    EXPECT_EQ(threads.size(), 3u);
    EXPECT_EQ(step.drawn(), step.expected());
}

TEST(TokenDraws, GiveTheStepBehindItsTokensOnce) {
    DrawingStep step(3);
    TokenDraws draws(kVocabulary);
    draws.draw(step.wishes, step.logits.told(), step.result);
    Batch next;
    next.draw_wishes.resize(1);
    next.draw_wishes[0].repetition_penalty = 1.1;
    next.draw_wishes[0].penalises_own = true;
    next.rows = {wishing(RowWish::Draw, -1, 0), wishing(RowWish::Nothing)};
    next.rows[0].drawn_by = 2;
    next.rows[1].token = 17;
    EXPECT_TRUE(draws.take_over(next));
    EXPECT_EQ(next.rows[0].token, step.expected()[2]);
    EXPECT_EQ(next.rows[1].token, 17);
    EXPECT_EQ(next.draw_wishes[0].penalised, std::vector{next.rows[0].token});
    EXPECT_FALSE(draws.take_over(next)); // the step that took them drew none
    next.rows[0].drawn_by = -1;
    EXPECT_TRUE(draws.take_over(next)); // and nobody asks for any
}

TEST(TokenDraws, OfAStepWithoutDrawsAreNone) {
    Batch batch;
    batch.rows = {wishing(RowWish::Logits)};
    StepWishes wishes;
    wishes.read(batch);
    const RowsOfLogits logits(1);
    StepResult result;
    TokenDraws draws(kVocabulary);
    draws.draw(wishes, logits.told(), result);
    EXPECT_TRUE(result.drawn.empty() && logits.asked.empty());
    batch.rows[0].drawn_by = 0;
    EXPECT_FALSE(draws.take_over(batch));
}

} // namespace
} // namespace switchyard
