// Breaking a line of text into shorter ones, as Python's textwrap does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

struct WrapStyle {
    std::int64_t width = 79;
    bool break_long_words = true;
    bool break_on_hyphens = true;
};

/// Throws Failure for a width below 1.
std::vector<std::string> wrap_words(std::string_view line, const WrapStyle& style);

} // namespace switchyard::jinja
