// Binds names to frames before a template runs, with jinja2's rules: what is set in a loop stays in the loop,
// what an `if` sets may still come from outside, macros see the names around them.
#pragma once

#include "engine/text/jinja/ast.h"

#include <set>

namespace switchyard::jinja {

/// Fills the scopes and places of all nodes and looks up filters and tests by name.
/// Throws Error for a filter or test that does not exist where no condition guards it. Returns the names that
/// some frame takes from the context.
std::set<std::string> bind(Template& program);

} // namespace switchyard::jinja
