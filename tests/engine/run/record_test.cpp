#include "engine/base/error.h"
#include "engine/run/record.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace switchyard {
namespace {

RunRecord sample() {
    RunRecord record;
    record.settings.sequence.temperature = 0.1 + 0.2; // no short decimal
    record.settings.sequence.seed = 123456789012345ull;
    record.settings.sequence.experts = 6;
    record.settings.model.weights = BlockType::Q6_K;
    record.moves = {{3, "experts", 2.0}, {5, "quant", std::string("Q4_K")}};
    record.context = {{20, 6, BlockType::F16, {}},
                      {12, 2, BlockType::Q8_0, {{BlockType::Q4_K, 211}, {std::nullopt, 7}}, true},
                      {9, 2, BlockType::F16, {}, false, true},
                      {64, 2, BlockType::F16, {}, true, true, true},
                      {7, 2, BlockType::F16, {}, false, false, false, 8}};
    TokenRecord token{.id = 42,
                      .text = "caf\u00e9 \"\n\u4f60",
                      .control = "",
                      .latency_ms = 1.0 / 3,
                      .probability = 0.125,
                      .temperature = 0.7,
                      .top_p = 0.9,
                      .experts_active = 6,
                      .kv = BlockType::Q8_0,
                      .quant = "Q6_K",
                      .recoded_slices = 5,
                      .recode_total = 211,
                      .weights = WeightsState{{BlockType::Q8_0, 9}, {std::nullopt, 4}},
                      .weights_version = 9,
                      .weights_bytes = 1ull << 40,
                      .kv_bytes = 4096,
                      .scratch_bytes = 77};
    record.tokens = {token, token};
    record.tokens[1].id = -1;
    record.timings = {.prompt_tokens = 32,
                      .prompt_tokens_reused = 20,
                      .prefill_ms = 6,
                      .time_to_first_token_ms = 7,
                      .generated_tokens = 2,
                      .decode_ms = 4,
                      .experts = {900, 100, 1ull << 33}};
    record.finish = FinishReason::MaxTokens;
    return record;
}

TEST(Record, ComesBackFromItsJson) {
    const RunRecord record = sample();
    const auto json = to_json(record);
    const RunRecord copy = run_record_from_json(nlohmann::ordered_json::parse(json.dump()));
    EXPECT_EQ(to_json(copy), json);
    EXPECT_EQ(copy.settings, record.settings);
    ASSERT_EQ(copy.moves.size(), 2u);
    EXPECT_EQ(copy.moves[1].token, 5);
    EXPECT_EQ(copy.moves[1].value, ControlValue(std::string("Q4_K")));
    EXPECT_EQ(copy.context, record.context);
    EXPECT_EQ(copy.timings.experts, record.timings.experts);
    ASSERT_EQ(copy.tokens.size(), 2u);
    EXPECT_EQ(copy.tokens[0].text, record.tokens[0].text);
    EXPECT_EQ(copy.tokens[0].weights, record.tokens[0].weights);
    EXPECT_EQ(copy.tokens[0].latency_ms, record.tokens[0].latency_ms);
    EXPECT_EQ(copy.tokens[0].weights_bytes, record.tokens[0].weights_bytes);
    EXPECT_EQ(copy.tokens[1].id, -1);
    EXPECT_EQ(copy.finish, FinishReason::MaxTokens);
}

TEST(Record, KeysAreTheOnesPromised) {
    const auto json = to_json(sample());
    EXPECT_EQ(json["settings"]["experts_active"], 6);
    EXPECT_EQ(json["settings"]["quant"], "Q6_K");
    EXPECT_EQ(json["settings"]["seed"], 123456789012345ull);
    EXPECT_EQ(json["moves"][0], (nlohmann::ordered_json{{"token", 3}, {"name", "experts"}, {"value", 2}}));
    for (const char* key :
         {"id", "text", "latency_ms", "temperature", "top_p", "experts_active", "quant", "kv"})
        EXPECT_TRUE(json["tokens"][0].contains(key)) << key;
    EXPECT_EQ(json["finish"], "max_tokens");
    EXPECT_EQ(json["timings"]["prefill_tokens_per_second"], 2000.0);
    EXPECT_EQ(json["timings"]["decode_tokens_per_second"], 250.0);
}

TEST(Record, SaysWhatComputedAndDrewIt) {
    RunRecord record = sample();
    EXPECT_EQ(run_record_from_json(to_json(record)).computed_by, ComputedBy{}) << "an old one says nothing";
    EXPECT_EQ(ComputedBy{}.draw, DrawVersion::Cumulative);
    record.computed_by = {"cpu", 3, DrawVersion::Race};
    auto json = to_json(record);
    EXPECT_EQ(run_record_from_json(json).computed_by, record.computed_by);
    EXPECT_FALSE(json["computed_by"].contains("library")) << "no part of it is a library's";
    record.computed_by.library = "cuBLASLt 13.1.0";
    EXPECT_EQ(run_record_from_json(to_json(record)).computed_by, record.computed_by);
    json["computed_by"]["draw"] = 77;
    EXPECT_THROW(run_record_from_json(json), Error) << "a later program's";
}

TEST(Record, TheExactPathsCacheTypeComesBack) {
    RunRecord record = sample();
    record.settings.sequence.kv = BlockType::F32;
    EXPECT_EQ(run_record_from_json(to_json(record)).settings.sequence.kv, BlockType::F32);
}

TEST(Record, WhatAChatsPromptWasMadeOfComesBack) {
    RunRecord record = sample();
    EXPECT_FALSE(to_json(record).contains("system_prompt"));
    EXPECT_FALSE(run_record_from_json(to_json(record)).system_prompt);
    record.system_prompt = "";
    record.left_out = 6;
    record.settings.sequence.thinking = Thinking::Off;
    record.settings.sequence.effort = ThinkingEffort::High;
    record.settings.sequence.when_full = WhenFull::LeaveOut;
    const RunRecord back = run_record_from_json(to_json(record));
    EXPECT_EQ(back.system_prompt, "") << "none is not the same as not known";
    EXPECT_EQ(back.left_out, 6);
    EXPECT_EQ(back.settings, record.settings);
    auto json = to_json(record);
    json["left_out"] = -3;
    EXPECT_EQ(run_record_from_json(json).left_out, 0);
    json["system_prompt"] = 7;
    EXPECT_THROW(run_record_from_json(json), Error);
}

TEST(Record, RefusesWhatIsNotARecord) {
    using nlohmann::ordered_json;
    EXPECT_THROW(run_record_from_json(ordered_json::parse("[]")), Error);
    EXPECT_THROW(run_record_from_json(ordered_json::parse("{}")), Error);
    const auto good = to_json(sample());
    auto bad = good;
    bad["finish"] = "done";
    EXPECT_THROW(run_record_from_json(bad), Error);
    bad = good;
    bad["moves"][0]["name"] = "loudness";
    EXPECT_THROW(run_record_from_json(bad), Error);
    bad = good;
    bad["settings"]["temperature"] = 99;
    EXPECT_THROW(run_record_from_json(bad), Error);
    bad = good;
    bad["tokens"][0]["kv"] = "Q9";
    EXPECT_THROW(run_record_from_json(bad), Error);
    bad = good;
    bad["context"][0]["tokens"] = -4;
    EXPECT_THROW(run_record_from_json(bad), Error);
}

TEST(Record, SettingsOfANewerProgramAreReadAsFarAsKnown) {
    auto json = to_json(sample());
    json["settings"]["wobble"] = 3;
    json["settings"].erase("min_p");
    const RunRecord record = run_record_from_json(json);
    EXPECT_EQ(record.settings.sequence.min_p, SequenceTuning{}.min_p);
    EXPECT_EQ(record.settings.sequence.experts, 6);
}

} // namespace
} // namespace switchyard
