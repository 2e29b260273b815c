#include "engine/base/error.h"
#include "engine/run/controls.h"

#include <gtest/gtest.h>

#include <set>

namespace switchyard {
namespace {

std::string error_of(auto&& action) {
    try {
        action();
    } catch (const Error& e) {
        return e.what();
    }
    return "";
}

TEST(Controls, NamesKeysAndFlagsAreUniqueAndFound) {
    std::set<std::string_view> names, keys, flags;
    for (const ControlSpec& spec : controls()) {
        EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
        EXPECT_TRUE(keys.insert(spec.json_key).second) << spec.json_key;
        EXPECT_TRUE(flags.insert(spec.flag).second) << spec.flag;
        EXPECT_EQ(find_control(spec.name), &spec);
        EXPECT_EQ(find_control(spec.json_key), &spec);
        EXPECT_EQ(find_control(spec.flag), &spec);
        EXPECT_FALSE(spec.label.empty());
        EXPECT_FALSE(spec.help.empty());
    }
    EXPECT_EQ(find_control("temprature"), nullptr);
}

TEST(Controls, DefaultsOfTheTableAreThoseOfTuning) {
    for (const ControlSpec& spec : controls())
        EXPECT_EQ(control_value(Tuning{}, spec), spec.fallback) << spec.name;
    EXPECT_NO_THROW(check_tuning(Tuning{}));
}

TEST(Controls, EveryDialComesBackThroughText) {
    Tuning tuning;
    tuning.sequence = {.temperature = 0.35,
                       .top_k = 7,
                       .top_p = 0.5,
                       .min_p = 0.05,
                       .repetition_penalty = 1.1,
                       .repetition_window = 128,
                       .seed = 9007199254740991ull,
                       .max_tokens = 77,
                       .experts = 3,
                       .kv = BlockType::Q8_0,
                       .prefill_chunk = 64};
    tuning.model.weights = BlockType::Q4_K;
    Tuning copy;
    for (const ControlSpec& spec : controls()) {
        const std::string text = format_control(spec, control_value(tuning, spec));
        copy = with_control(copy, spec, parse_control(spec, text));
    }
    EXPECT_EQ(copy, tuning);
}

TEST(Controls, OneDialMovesNothingElse) {
    for (const ControlSpec& spec : controls()) {
        const ControlValue value =
            spec.kind == ControlKind::Choice ? ControlValue(std::string(spec.choices.back())) : 1.0;
        const Tuning moved = with_control(Tuning{}, spec, value);
        for (const ControlSpec& other : controls())
            if (&other != &spec) {
                EXPECT_EQ(control_value(moved, other), other.fallback)
                    << spec.name << " moved " << other.name;
            }
    }
}

TEST(Controls, FileIsThePrecisionOfTheFile) {
    const ControlSpec& quant = *find_control("quant");
    Tuning tuning = with_control({}, quant, parse_control(quant, "q4_k"));
    EXPECT_EQ(tuning.model.weights, BlockType::Q4_K);
    tuning = with_control(tuning, quant, parse_control(quant, "file"));
    EXPECT_EQ(tuning.model.weights, std::nullopt);
}

TEST(Controls, ErrorsNameDialValueAndRange) {
    const ControlSpec& temperature = *find_control("temperature");
    const std::string range = error_of([&] { with_control({}, temperature, 2.5); });
    EXPECT_EQ(range, "temperature: \"2.5\" is not a number from 0 to 2");
    EXPECT_EQ(error_of([&] { parse_control(temperature, "warm"); }),
              "temperature: \"warm\" is not a number from 0 to 2");
    const ControlSpec& kv = *find_control("kv");
    EXPECT_EQ(error_of([&] { parse_control(kv, "Q2_K"); }), "kv: \"Q2_K\" is not one of F16, Q8_0");
    const ControlSpec& experts = *find_control("experts");
    EXPECT_EQ(error_of([&] { with_control({}, experts, 1.5); }),
              "experts: \"1.5\" is not a whole number from 0 to the model's number of experts");
    for (const char* text : {"", " 1", "1 ", "1x", "nan", "inf", "0x10"})
        EXPECT_NE(error_of([&] { with_control({}, temperature, parse_control(temperature, text)); }), "")
            << text;
    EXPECT_NE(error_of([&] { with_control({}, temperature, std::string("0.5")); }), "");
    EXPECT_NE(error_of([&] { with_control({}, kv, 1.0); }), "");
}

TEST(Controls, CheckTuningFindsAValueOutOfRange) {
    Tuning tuning;
    tuning.sequence.top_p = 1.5;
    EXPECT_EQ(error_of([&] { check_tuning(tuning); }), "top_p: \"1.5\" is not a number from 0 to 1");
    tuning = {};
    tuning.sequence.kv = BlockType::Q4_0;
    EXPECT_NE(error_of([&] { check_tuning(tuning); }), "");
    tuning.sequence.kv = BlockType::F32;
    EXPECT_NO_THROW(check_tuning(tuning));
}

} // namespace
} // namespace switchyard
