// Numbers as text and back by the rules of the C locale, whatever locale the process is in (a window's
// toolkit sets the user's, where strtod stops at the point and printf writes a comma).
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

/// printf's %.*f, %.*e or %.*g of a finite value. Precision 0 or more.
inline std::string real_text(double value, std::chars_format format, int precision) {
    std::string text(static_cast<std::size_t>(precision) + 340, '\0'); // the largest double has 309 digits
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, format, precision);
    text.resize(error == std::errc{} ? static_cast<std::size_t>(end - text.data()) : 0);
    return text;
}
inline std::string fixed_text(double value, int precision) {
    return real_text(value, std::chars_format::fixed, precision);
}

/// A whole text that is a decimal number, "inf", "infinity" or "nan", with a sign or without one; nullopt for
/// anything else. Too large is infinite, too small 0, as strtod has it.
inline std::optional<double> real_of(std::string_view text) {
    if (text.starts_with('+'))
        text.remove_prefix(text.size() > 1 && text[1] == '-' ? 0 : 1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || error == std::errc::invalid_argument)
        return std::nullopt;
    if (error == std::errc{})
        return value;
    // Out of range: which end of it, the place of the first digit that counts tells.
    const bool negative = text.starts_with('-');
    text.remove_prefix(negative);
    const std::size_t e = std::min(text.find_first_of("eE"), text.size());
    const std::string_view mantissa = text.substr(0, e);
    const std::size_t first = mantissa.find_first_of("123456789");
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    double power = static_cast<double>(point) - static_cast<double>(first);
    if (e < text.size()) {
        const bool down = text.substr(e + 1).starts_with('-');
        std::int64_t exponent = 0;
        const char* begin = text.data() + e + 1 + (down || text.substr(e + 1).starts_with('+'));
        if (std::from_chars(begin, text.data() + text.size(), exponent).ec != std::errc{})
            exponent = std::numeric_limits<std::int64_t>::max() / 2;
        power += static_cast<double>(down ? -exponent : exponent);
    }
    return std::copysign(power > 0 ? std::numeric_limits<double>::infinity() : 0.0, negative ? -1.0 : 1.0);
}

} // namespace switchyard
