// Values as text: Python's str() and repr(), and json.dumps.
#pragma once

#include "engine/text/jinja/value.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace switchyard::jinja {

/// repr() of a float: the shortest digits that read back, an exponent from 1e16 on and below 1e-4.
std::string float_repr(double value);
/// repr() of a string: quotes chosen as Python does, what cannot be printed escaped.
MarkedText text_repr(const MarkedText& text);

/// str(value). Strings as they are, undefined is empty.
MarkedText to_text(const Value& value);
/// repr(value).
MarkedText to_repr(const Value& value);
/// ascii(value): repr() with everything beyond ASCII escaped.
MarkedText to_ascii(const Value& value);

/// json.dumps as Hugging Face's tojson filter calls it.
struct JsonStyle {
    bool ascii = false;                           ///< ensure_ascii
    std::optional<MarkedText> indent;             ///< what one level is indented by; none: on one line
    MarkedText item_separator = plain_text(", "); ///< with an indent the default is ","
    MarkedText key_separator = plain_text(": ");
    bool sort_keys = false;
};
/// Throws Failure for what JSON cannot hold (undefined, functions ...).
MarkedText to_json(const Value& value, const JsonStyle& style);

/// The value a JSON document stands for; all of it counts as from outside, except where `trusted`. Throws
/// Failure where it is nested too deeply.
Value from_json(const nlohmann::ordered_json& json, bool trusted = false);

} // namespace switchyard::jinja
