#include "engine/text/jinja/number_text.h"

#include "engine/base/real_text.h"
#include "engine/text/jinja/failure.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace switchyard::jinja {

namespace {

/// 'g' with its trailing zeros, as '#' asks for.
std::string general_with_zeros(double value, int precision) {
    std::string text = real_text(value, std::chars_format::scientific, precision - 1);
    int exponent = 0;
    const std::size_t e = text.find('e') + 1;
    std::from_chars(text.data() + e + (text[e] == '+'), text.data() + text.size(), exponent);
    return exponent >= -4 && exponent < precision ? fixed_text(value, precision - 1 - exponent) : text;
}

} // namespace

std::string print_real(double value, char type, int precision, bool alternate) {
    if (std::isnan(value) || std::isinf(value)) {
        const bool capital = type == 'E' || type == 'F' || type == 'G';
        return std::isnan(value) ? (capital ? "NAN" : "nan") : (capital ? "INF" : "inf");
    }
    const bool capital = type >= 'A' && type <= 'Z';
    const char kind = capital ? static_cast<char>(type - 'A' + 'a') : type;
    std::string out = kind == 'g' && alternate ? general_with_zeros(std::fabs(value), std::max(precision, 1))
                                               : real_text(std::fabs(value),
                                                           kind == 'f'   ? std::chars_format::fixed
                                                           : kind == 'e' ? std::chars_format::scientific
                                                                         : std::chars_format::general,
                                                           precision);
    if (alternate && out.find('.') == std::string::npos)
        out.insert(std::min(out.find('e'), out.size()), 1, '.');
    if (capital)
        std::ranges::replace(out, 'e', 'E');
    return out;
}

std::string integer_digits(std::int64_t value, int base, bool capital) {
    std::uint64_t rest =
        value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    std::string digits;
    do {
        const auto digit = static_cast<int>(rest % static_cast<std::uint64_t>(base));
        digits += static_cast<char>(digit < 10 ? '0' + digit : (capital ? 'A' : 'a') + digit - 10);
        rest /= static_cast<std::uint64_t>(base);
    } while (rest != 0);
    std::reverse(digits.begin(), digits.end());
    return digits;
}

std::int64_t truncated(double value) {
    if (!(value > -9.2e18 && value < 9.2e18))
        throw Failure("a number is too large to become a whole one");
    return static_cast<std::int64_t>(value);
}

} // namespace switchyard::jinja
