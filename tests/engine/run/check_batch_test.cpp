#include "engine/backends/common/check_batch.h"

#include "engine/base/error.h"

#include <gtest/gtest.h>

#include <functional>

namespace switchyard {
namespace {

struct CheckedBatch {
    Plan plan;
    Batch batch;
    std::vector<RowDial> obeyed{RowDial::Experts};

    /// Two sequences of three rows each: the first begins, the second goes on at position 40.
    CheckedBatch() {
        plan.vocabulary = 100;
        for (std::int32_t s = 0; s < 2; ++s)
            for (std::int32_t r = 0; r < 3; ++r)
                batch.rows.push_back({.token = r, .position = s * 40 + r, .sequence = s});
        batch.sequences = {{.blocks = {0}}, {.blocks = {1, 2}}};
    }
    void add_states() {
        plan.states.emplace_back();
        batch.sequences[0].states_after = {{2, 8}, {3, 9}};
        batch.sequences[1].state = 7;
    }
    /// Empty: nothing is wrong.
    std::string refusal() const {
        try {
            check_batch(batch, plan, {"the test's backend", obeyed});
            return {};
        } catch (const Error& error) {
            return error.what();
        }
    }
};

/// What is said of a good batch after `change`.
std::string refusal_after(const std::function<void(CheckedBatch&)>& change) {
    CheckedBatch checked;
    change(checked);
    return checked.refusal();
}

TEST(CheckBatch, TakesWhatIsInOrder) {
    EXPECT_EQ(CheckedBatch().refusal(), "");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.add_states(); }), "");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[5].token = 99; }), "");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows.clear(); }), "");
}

TEST(CheckBatch, RefusesRowsThatDoNotFitTheirSequence) {
    const std::string no_block = "a row of the batch has no block for its position",
                      no_order = "the rows of a sequence do not stand in order";
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[5].sequence = 2; }),
              "a row of the batch is of no sequence");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[0].sequence = -1; }),
              "a row of the batch is of no sequence");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.sequences[1].blocks.pop_back(); }), no_block);
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[0].position = -1; }), no_block);
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[1].position = 2; }), no_order);
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { std::swap(c.batch.rows[3], c.batch.rows[4]); }), no_order);
}

TEST(CheckBatch, WantsThePathsOfPromptsBehindEachOther) {
    const auto with_paths = [](const std::string& paths) { // a row each: answer, kernels, library
        return refusal_after([&](CheckedBatch& c) {
            for (std::size_t r = 0; r < paths.size(); ++r) {
                c.batch.rows[r].prompt = paths[r] != 'a';
                c.batch.rows[r].own_products = paths[r] == 'k';
            }
        });
    };
    EXPECT_EQ(with_paths("aakkll"), "");
    EXPECT_EQ(with_paths("llllll"), "");
    EXPECT_EQ(with_paths("aallkl"), "a row of the batch with a library's products stands before one without");
    EXPECT_EQ(with_paths("aakkak"),
              "a row of the batch on the path for prompts stands before one that is not");
}

TEST(CheckBatch, RefusesStatesThatDoNotFitTheirSequence) {
    const std::string from = "a sequence of the batch does not say which states it goes on from",
                      after = "a sequence of the batch keeps states of no row of its own";
    const auto with_states = [](const std::function<void(Batch&)>& change) {
        return refusal_after([&](CheckedBatch& c) {
            c.add_states();
            change(c.batch);
        });
    };
    EXPECT_EQ(with_states([](Batch& b) { b.sequences[1].state = kNoState; }), from);
    EXPECT_EQ(with_states([](Batch& b) { b.sequences[0].state = 7; }), from);
    EXPECT_EQ(with_states([](Batch& b) { b.sequences[0].states_after = {{0, 8}}; }), after);
    EXPECT_EQ(with_states([](Batch& b) { b.sequences[0].states_after = {{4, 8}}; }), after);
    EXPECT_EQ(with_states([](Batch& b) { b.sequences[0].states_after = {{2, 8}, {2, 9}}; }), after);
}

TEST(CheckBatch, RefusesTokensOutsideTheVocabularyButWhereTheyAreDrawn) {
    const std::string outside = "the token 100 is outside the vocabulary of 100";
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[2].token = 100; }), outside);
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[2].token = -1; }),
              "the token -1 is outside the vocabulary of 100");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) {
                  c.batch.rows[2].token = 100;
                  c.batch.rows[2].drawn_by = 0;
              }),
              "");
}

TEST(CheckBatch, RefusesWishesThatAreNotSaid) {
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[2].wish = RowWish::Candidates; }),
              "a row of the batch wishes candidates and does not say which");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) {
                  c.batch.candidate_wishes.resize(1);
                  c.batch.rows[2].wish = RowWish::Candidates;
                  c.batch.rows[2].candidates = 1;
              }),
              "a row of the batch wishes candidates and does not say which");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) {
                  c.batch.candidate_wishes.resize(1);
                  c.batch.rows[2].wish = RowWish::Logits;
                  c.batch.rows[2].candidates = 0;
              }),
              "a row of the batch says which candidates and does not wish any");
    EXPECT_EQ(refusal_after([](CheckedBatch& c) { c.batch.rows[2].wish = RowWish::Draw; }),
              "a row of the batch wishes a draw and does not say which");
}

TEST(CheckBatch, WantsTheExpertsThatAreOffToBeThePlans) {
    const auto off = [](std::int32_t mask, std::size_t words) {
        return refusal_after([&](CheckedBatch& c) {
            c.obeyed = {RowDial::OffMask};
            c.plan.routes = 3;
            c.plan.experts = 40;
            c.batch.off_masks.assign(2, std::vector<std::uint32_t>(words));
            c.batch.rows[4].dials.off_mask = mask;
        });
    };
    EXPECT_EQ(off(1, 6), "");
    EXPECT_EQ(off(2, 6), "a row of the batch switches experts off and does not say which");
    EXPECT_EQ(off(1, 5), "experts that the batch switches off are of another number than the plan's");
}

TEST(CheckBatch, NamesTheBackendAndTheDialsThatItObeys) {
    const auto moved = [](std::vector<RowDial> obeyed) {
        return refusal_after([&](CheckedBatch& c) {
            c.obeyed = std::move(obeyed);
            c.batch.rows[4].dials.activation_bits = 8;
        });
    };
    EXPECT_EQ(moved({}), "the test's backend moves no dial of a row");
    EXPECT_EQ(moved({RowDial::Experts}), "the test's backend moves no dial of a row but its active experts");
    EXPECT_EQ(moved({RowDial::Experts, RowDial::Pool, RowDial::Adapter}),
              "the test's backend moves no dial of a row but its active experts, its pool of experts and its "
              "adapter");
    EXPECT_EQ(moved({RowDial::Experts, RowDial::ActivationBits}), "");
}

TEST(CheckBatch, TakesEachDialWhereItIsObeyedAndNowhereElse) {
    const std::pair<RowDial, std::function<void(RowDials&)>> moves[] = {
        {RowDial::Experts, [](RowDials& d) { d.experts = 2; }},
        {RowDial::GateThreshold, [](RowDials& d) { d.gate_threshold = 0.1f; }},
        {RowDial::RoutingMass, [](RowDials& d) { d.routing_mass = 0.9f; }},
        {RowDial::Pool, [](RowDials& d) { d.pool = 8; }},
        {RowDial::OffMask, [](RowDials& d) { d.off_mask = 0; }},
        {RowDial::AttentionWindow, [](RowDials& d) { d.attention_window = 64; }},
        {RowDial::Adapter, [](RowDials& d) { d.adapter = 0; }},
        {RowDial::ActivationBits, [](RowDials& d) { d.activation_bits = 8; }},
    };
    for (const auto& [obeyed, unused] : moves)
        for (const auto& [dial, move] : moves) {
            CheckedBatch checked;
            checked.obeyed = {obeyed};
            checked.batch.off_masks.resize(1); // of a plan without experts
            move(checked.batch.rows[3].dials);
            EXPECT_EQ(checked.refusal().empty(), dial == obeyed)
                << static_cast<int>(dial) << " " << static_cast<int>(obeyed);
        }
}

} // namespace
} // namespace switchyard
