// Template text to syntax tree.
#pragma once

#include "engine/text/jinja/ast.h"

#include <string_view>

namespace switchyard::jinja {

/// Parses; names are not yet bound to frames. Throws Error naming line and cause.
Template parse(std::string_view source);

} // namespace switchyard::jinja
