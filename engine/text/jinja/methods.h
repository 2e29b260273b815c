// The methods of Python's str, list, tuple, dict and numbers that templates may call.
#pragma once

#include "engine/text/jinja/value.h"

#include <string_view>

namespace switchyard::jinja {

/// The method or attribute of a value, bound to it. Missing where its type has none of that name.
Value find_method(const Value& object, std::string_view name);

// One table a file.
using Method = Value (*)(Evaluator& evaluator, const Value& self, CallArguments& arguments);
Method find_text_method(std::string_view name);
Method find_container_method(const Value& object, std::string_view name);
/// Methods that would change a list or dict: the sandbox blocks them.
bool is_blocked_method(const Value& object, std::string_view name);

} // namespace switchyard::jinja
