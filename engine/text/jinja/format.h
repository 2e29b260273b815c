// Python's string formatting: the % operator, str.format, and the format specification both rest on.
#pragma once

#include "engine/text/jinja/value.h"

#include <string>
#include <string_view>

namespace switchyard::jinja {

/// text % arguments (a tuple, a dict or one value).
Value percent_format(const Value& text, const Value& arguments);
/// text.format(...): fields are read as the sandbox allows.
Value brace_format(Evaluator& evaluator, const Value& text, const CallArguments& arguments);
/// format(value, spec).
MarkedText format_value(const Value& value, const MarkedText& spec);
/// A number with `precision` digits behind the point, as "%.*f".
std::string fixed(double value, int precision);

} // namespace switchyard::jinja
