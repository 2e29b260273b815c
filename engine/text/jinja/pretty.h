// repr() broken over lines, as Python's pprint does.
#pragma once

#include "engine/text/jinja/value.h"

#include <string>

namespace switchyard::jinja {

/// At most 80 characters a line where that can be had; dicts sorted by key.
MarkedText pretty_repr(const Value& value);

} // namespace switchyard::jinja
