#include "engine/base/error.h"
#include "engine/run/controls.h"
#include "engine/run/sampler.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

#include <cmath>
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
        EXPECT_EQ(find_control(spec.flag.substr(2)), &spec)
            << "as in --at 30:" << spec.flag.substr(2) << "=1";
        EXPECT_FALSE(spec.label.empty());
        EXPECT_FALSE(spec.help.empty());
    }
    EXPECT_EQ(find_control("temprature"), nullptr);
}

TEST(Controls, DefaultsOfTheTableAreThoseOfTuning) {
    for (const ControlSpec& spec : controls())
        EXPECT_EQ(control_value(Tuning{}, spec), spec.fallback) << spec.name;
    EXPECT_NO_THROW(checked_tuning(Tuning{}));
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
                       .activation_bits = 8,
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
    EXPECT_EQ(error_of([&] { parse_control(kv, "Q2_K"); }),
              "kv: \"Q2_K\" is not one of F16, Q8_0, FP8, Q4_0");
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
    EXPECT_EQ(error_of([&] { checked_tuning(tuning); }), "top_p: \"1.5\" is not a number from 0 to 1");
    tuning = {};
    tuning.sequence.kv = BlockType::Q4_1;
    EXPECT_NE(error_of([&] { checked_tuning(tuning); }), "");
    tuning.sequence.kv = BlockType::F32;
    EXPECT_NO_THROW(checked_tuning(tuning));
}

TEST(Controls, EveryNumberFromOutsideIsRefusedOrUsable) {
    const double nasty[] = {std::nan(""), HUGE_VAL, -HUGE_VAL, -1.0, -0.0, -1e-300, 4.9e-324, 1e-310,
                            1e-40,        1e-20,    1e-7,      0.5,  1e9,  1e18,    1e40,     1.7e308};
    fake::FakeModel model;
    Scheduler scheduler(model.parts());
    int refused = 0, answered = 0;
    for (const ControlSpec& spec : controls()) {
        if (spec.kind == ControlKind::Choice || spec.name == "max_tokens")
            continue;
        for (const double value : nasty) {
            RunRequest request;
            request.prompt = fake::prompt_of(12);
            request.ignore_end = true;
            request.tuning.max_tokens = 3;
            request.moves = {{1, std::string(spec.name), value}};
            try {
                const Tuning tuning = with_control({request.tuning, {}}, spec, value);
                EXPECT_EQ(checked_tuning(tuning), tuning) << spec.name << " " << value;
                EXPECT_NE(format_control(spec, control_value(tuning, spec)).substr(0, 1), "-") << spec.name;
                request.tuning = tuning.sequence;
            } catch (const Error&) {
                ++refused;
                EXPECT_EQ(run_to_end(scheduler, request).finish, FinishReason::Failed) << spec.name << value;
                continue;
            }
            const RunRecord record = run_to_end(scheduler, request);
            EXPECT_EQ(record.error, "") << spec.name << " " << value;
            answered += record.tokens.size() == 3;
        }
    }
    EXPECT_GT(refused, 60);
    EXPECT_GT(answered, 20);
}

TEST(Controls, ATemperatureTooSmallToDivideByIsGreedyWhereverItEnters) {
    const ControlSpec& spec = *find_control("temperature");
    for (const double tiny : {4.9e-324, 1e-40, 1e-39, 1e-12})
        EXPECT_EQ(with_control({}, spec, tiny).sequence.temperature, 0) << tiny;
    EXPECT_EQ(with_control({}, spec, 1e-3).sequence.temperature, 1e-3);
    // Straight into the engine, past with_control: a run's settings, a move of a run under way, a replay.
    fake::FakeModel model;
    Scheduler scheduler(model.parts());
    RunRequest request;
    request.prompt = fake::prompt_of(12);
    request.ignore_end = true;
    request.tuning.max_tokens = 8;
    const auto ids = [&] {
        std::vector<std::int32_t> all;
        for (const TokenRecord& token : run_to_end(scheduler, request).tokens)
            all.push_back(token.id);
        return all;
    };
    for (const int top_k : {0, 40})
        for (const double top_p : {0.5, 1.0}) {
            request.tuning.top_k = top_k;
            request.tuning.top_p = top_p;
            request.tuning.temperature = 0;
            const auto greedy = ids();
            request.tuning.temperature = 1e-40;
            EXPECT_EQ(ids(), greedy) << top_k << " " << top_p;
            auto record = std::make_shared<RunRecord>(run_to_end(scheduler, request));
            EXPECT_EQ(record->settings.sequence.temperature, 0);
            record->settings.sequence.temperature = 1e-40; // as an older program stored it
            RunRequest again = request;
            again.replay = record;
            EXPECT_EQ(run_to_end(scheduler, again).tokens.size(), 8u);
        }
    SequenceTuning bad;
    bad.temperature = std::nan("");
    EXPECT_THROW(scheduler.set_tuning(1, bad), Error);
    EXPECT_THROW(scheduler.set_model_tuning({BlockType::IQ2_XS}), Error);
    SequenceTuning tuning; // and the last line of defence
    tuning.temperature = 1e-40;
    const std::vector<float> logits{1, 3, 2};
    EXPECT_EQ(RowDrawer().draw(logits, draw_wish(tuning, {}, 0)).id, 1);
    tuning.temperature = std::nan("");
    EXPECT_EQ(RowDrawer().draw(logits, draw_wish(tuning, {}, 0)).id, 1);
}

} // namespace
} // namespace switchyard
