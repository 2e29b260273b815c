// Breaking a line of text into shorter ones, as Python's textwrap does.
#pragma once

#include "engine/text/marked_text.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

struct WrapStyle {
    std::int64_t width = 79;
    bool break_long_words = true;
    bool break_on_hyphens = true;
};

/// The parts of the line that become lines, in bytes. Throws Failure for a width below 1.
std::vector<TextSpan> wrap_words(std::string_view line, const WrapStyle& style);

} // namespace switchyard::jinja
