// One table of every dial: it drives flags, --at, JSON, presets, sweeps and the Tune column. A new dial is
// one row here and the code that obeys it.
#pragma once

#include "engine/run/tuning.h"

#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace switchyard {

enum class ControlKind { Real, Integer, Choice };
enum class ControlScope { Chat, Model };             ///< a run's own, or shared by all chats of the model
enum class ControlActs { Now, NextMessage, Reload }; ///< when a change takes effect
enum class ControlGroup { Base, Extension, Dynamic };

/// A number, or a choice by its name ("Q4_K"; "file" for the file's own precision).
using ControlValue = std::variant<double, std::string>;

struct ControlSpec {
    std::string_view name; ///< in --at, presets and records: "temperature", "top_p", "experts", "quant", "kv"
    std::string_view json_key = name; ///< in a token's record: "experts_active" for experts
    std::string_view flag;            ///< "--temp"
    std::string_view label;           ///< English, translated by the window (context "Controls")
    std::string_view help;            ///< one or two sentences, likewise
    std::string_view unit = {};       ///< "" or "tokens"
    ControlKind kind;
    ControlScope scope = ControlScope::Chat;
    ControlActs acts = ControlActs::Now;
    ControlGroup group = ControlGroup::Dynamic;
    bool primary = false; ///< one of the dials on top of the Tune column
    bool paces = false;   ///< how long a token takes depends on it
    double minimum = 0, maximum = 0,
           step = 1;       ///< numbers; an experts maximum of 0 means: the model's expert count
    ControlValue fallback; ///< the default
    std::vector<std::string_view> choices = {};
    std::vector<std::string_view> costs = {}; ///< of the choices, in few words, shown beside them; "": none
    /// A number that means something of its own, and the English word shown for it: {0, "off"}.
    struct Named {
        double value = 0;
        std::string_view word;
    } named = {};
};

std::span<const ControlSpec> controls();
const ControlSpec* find_control(std::string_view name); ///< by name, json_key or flag, with or without dashes

ControlValue control_value(const Tuning& tuning, const ControlSpec& spec);
/// The tuning with one dial moved. Throws Error naming the dial, the value and the range.
Tuning with_control(Tuning tuning, const ControlSpec& spec, const ControlValue& value);
/// "0.7" or "Q4_K" to a value that the dial takes. Throws Error naming the dial, the text and the range.
ControlValue parse_control(const ControlSpec& spec, std::string_view text);
std::string format_control(const ControlSpec& spec, const ControlValue& value);
/// Every dial as with_control() sets it: what comes from outside (flags, files, stored answers, callers of
/// the engine) passes here once, and is computed with as it is from then on. Throws Error naming the first
/// dial whose value is out of range.
Tuning checked_tuning(const Tuning& tuning);

} // namespace switchyard
