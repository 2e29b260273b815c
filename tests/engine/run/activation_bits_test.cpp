// Activations at 8 bits: a row's own dial, whatever it is computed with, and part of an answer's record.
#include "engine/run/loaded_model.h"
#include "engine/run/precision.h"
#include "engine/run/scheduler.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

/// A small model with its weights in blocks of `type`, and each second one of `other`, as far as its rows
/// allow.
class Quantized {
  public:
    explicit Quantized(const std::string& family, BlockType type = BlockType::Q8_0, bool exact = false)
        : Quantized(family, type, type, exact) {}
    Quantized(const std::string& family, BlockType type, BlockType other, bool exact) {
        LoadOptions options;
        options.backend = make_cpu_backend({2, exact});
        model_ = LoadedModel::load(SWITCHYARD_TEST_WORK "/reference/models/" + family + "/model-f32.gguf",
                                   options);
        auto set = std::make_shared<WeightSet>(*model_->weights());
        for (std::size_t id = 0; id < model_->sources().size(); ++id) {
            const WeightSource& source = model_->sources()[id];
            const auto used = recoded_type(source, id % 2 == 0 ? type : other);
            if (!used)
                continue;
            auto weight = std::make_shared<Weight>();
            for (int m = 0; m < source.tensor->matrices(); ++m)
                weight->slices.push_back(
                    model_->backend().encode(source, m, *used, model_->shared_file(), {}));
            set->weights[id] = std::move(weight);
        }
        model_->set_weights(std::move(set));
    }
    std::vector<KvBlockId> blocks() {
        return {model_->executor().allocate_kv_block(type_), model_->executor().allocate_kv_block(type_)};
    }
    std::vector<float> run(Batch batch) {
        return model_->executor().run(std::move(batch), model_->weights()).logits;
    }
    LoadedModel& model() { return *model_; }

    EngineParts parts() {
        EngineParts parts;
        parts.executor = &model_->executor();
        parts.backend = &model_->backend();
        parts.plan = &model_->plan();
        parts.sources = &model_->sources();
        parts.context = 512;
        parts.weights = model_->weights();
        return parts;
    }

  private:
    std::shared_ptr<LoadedModel> model_;
    BlockType type_ = BlockType::F16;
};

/// Adds rows at positions [first, end) of a sequence of their own.
void add_rows(Batch& batch, int first, int end, const std::vector<KvBlockId>& blocks, int bits) {
    const auto sequence = static_cast<std::int32_t>(batch.sequences.size());
    for (int p = first; p < end; ++p)
        batch.rows.push_back({.token = 17 * p % 190,
                              .position = p,
                              .sequence = sequence,
                              .dials = {.activation_bits = bits},
                              .wish = RowWish::Logits});
    batch.sequences.push_back({blocks});
}

Batch rows_of(int first, int end, const std::vector<KvBlockId>& blocks, int bits) {
    Batch batch;
    add_rows(batch, first, end, blocks, bits);
    return batch;
}

std::vector<float> joined(std::vector<float> a, const std::vector<float>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

double nmse(const std::vector<float>& a, const std::vector<float>& b) {
    double error = 0, power = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        error += std::pow(double{a[i]} - b[i], 2);
        power += double{b[i]} * b[i];
    }
    return error / power;
}

class ActivationBits : public testing::TestWithParam<std::string> {};

void expect_same_bits_in_any_company(Quantized q) {
    const auto own16 = q.blocks(), own8 = q.blocks();
    const auto wide = q.run(rows_of(0, 40, own16, 16)), narrow = q.run(rows_of(0, 40, own8, 8));
    const auto wide_next = q.run(rows_of(40, 41, own16, 16)), narrow_next = q.run(rows_of(40, 41, own8, 8));
    EXPECT_NE(wide, narrow);
    const auto a = q.blocks(), b = q.blocks();
    Batch both;
    add_rows(both, 0, 40, a, 16);
    add_rows(both, 0, 40, b, 8);
    EXPECT_EQ(q.run(std::move(both)), joined(wide, narrow)) << "beside rows of the other bits";
    Batch few; // each thread for itself
    add_rows(few, 40, 41, b, 8);
    add_rows(few, 40, 41, a, 16);
    EXPECT_EQ(q.run(std::move(few)), joined(narrow_next, wide_next));
    const auto c = q.blocks();
    std::vector<float> one_by_one;
    for (int p = 0; p < 40; ++p)
        one_by_one = joined(std::move(one_by_one), q.run(rows_of(p, p + 1, c, 8)));
    EXPECT_EQ(one_by_one, narrow) << "in chunks of one";
}

TEST_P(ActivationBits, ARowHasTheSameBitsInAnyCompany) {
    // On AVX2 rows of 8 bits stand as words where Q8_0 alone meets them, as bytes otherwise and alone.
    constexpr BlockType k8 = BlockType::Q8_0, k4 = BlockType::Q4_0;
    for (const auto& [type, other] : {std::pair(k8, k8), std::pair(k4, k4), std::pair(k8, k4)}) {
        SCOPED_TRACE(std::string(traits(type).name) + " " + std::string(traits(other).name));
        expect_same_bits_in_any_company(Quantized(GetParam(), type, other, false));
    }
}

TEST_P(ActivationBits, AMoveInTheMiddleIsThatOfItsRows) {
    Quantized q(GetParam());
    const auto a = q.blocks(), b = q.blocks();
    const auto first = q.run(rows_of(0, 13, a, 16)), rest = q.run(rows_of(13, 30, a, 8));
    Batch together = rows_of(0, 30, b, 16);
    for (std::size_t r = 13; r < 30; ++r)
        together.rows[r].dials.activation_bits = 8;
    EXPECT_EQ(q.run(std::move(together)), joined(first, rest));
}

TEST_P(ActivationBits, EightAreNearSixteen) {
    for (const BlockType type : {BlockType::Q8_0, BlockType::Q4_0, BlockType::Q5_1, BlockType::MXFP4}) {
        Quantized q(GetParam(), type);
        const auto wide = q.run(rows_of(0, 30, q.blocks(), 16)),
                   narrow = q.run(rows_of(0, 30, q.blocks(), 8));
        const double error = nmse(narrow, wide);
        RecordProperty(std::string(traits(type).name), std::to_string(error));
        EXPECT_GT(error, 1e-7) << traits(type).name;
        EXPECT_LT(error, 0.05) << traits(type).name; // random weights, so a little becomes much
    }
}

TEST_P(ActivationBits, AnAnswerRunsAgainWithTheDialMoved) {
    Quantized q(GetParam());
    RunRequest request = fake::request_for(fake::prompt_of(40), 24, 1.5);
    request.moves = {{7, "activations", std::string("8")}, {15, "activations", std::string("16")}};
    RunRecord answer;
    {
        Scheduler scheduler(q.parts());
        answer = run_to_end(scheduler, request);
    }
    ASSERT_EQ(answer.tokens.size(), 24u) << answer.error;
    EXPECT_EQ(answer.settings.sequence.activation_bits, 16);
    EXPECT_EQ(answer.moves.size(), 2u);

    Quantized other(GetParam());
    Scheduler scheduler(other.parts());
    RunRequest plain = request;
    plain.moves.clear();
    run_to_end(scheduler, plain);
    RunRequest again;
    again.prompt = request.prompt;
    again.replay = std::make_shared<const RunRecord>(
        run_record_from_json(nlohmann::ordered_json::parse(to_json(answer).dump())));
    EXPECT_EQ(fake::ids_of(run_to_end(scheduler, again)), fake::ids_of(answer));
}

TEST_P(ActivationBits, AContextSaysWhatWroteIt) {
    Quantized q(GetParam());
    Scheduler scheduler(q.parts());
    RunRequest first = fake::request_for(fake::prompt_of(40), 4, 1.5);
    first.conversation = 1;
    first.tuning.activation_bits = 8;
    const RunRecord answer = run_to_end(scheduler, first);
    ASSERT_EQ(answer.tokens.size(), 4u) << answer.error;
    ASSERT_EQ(answer.context.size(), 1u);
    EXPECT_EQ(answer.context[0].activation_bits, 8);
    EXPECT_EQ(answer.settings.sequence.activation_bits, 8);
    RunRequest other = first; // another chat that reads the same with 16 shares nothing
    other.conversation = 2;
    other.tuning.activation_bits = 16;
    EXPECT_EQ(run_to_end(scheduler, other).timings.prompt_tokens_reused, 0);
    RunRequest same = first;
    same.conversation = 3;
    EXPECT_GT(run_to_end(scheduler, same).timings.prompt_tokens_reused, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, ActivationBits, testing::Values("llama31", "deepseek2_lite", "qwen3moe"),
                         [](const auto& info) { return info.param; });

TEST(ActivationBitsOfBackends, TheExactPathKeepsFloats) {
    EXPECT_EQ(make_cpu_backend({1, true})->nearest_activation_bits(8), 16);
    EXPECT_EQ(make_cpu_backend({1, false})->nearest_activation_bits(8), 8);
    Quantized q("llama31", BlockType::Q8_0, true);
    Scheduler scheduler(q.parts());
    RunRequest request = fake::request_for(fake::prompt_of(20), 4, 1.5);
    request.tuning.activation_bits = 8;
    const RunRecord answer = run_to_end(scheduler, request);
    EXPECT_EQ(answer.tokens.size(), 4u) << answer.error;
    EXPECT_EQ(answer.settings.sequence.activation_bits, 16) << "what was in force";
}

} // namespace
} // namespace switchyard
