#include "engine/text/jinja/number_text.h"

#include "engine/text/jinja/failure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace switchyard::jinja {

std::string print_real(double value, char type, int precision, bool alternate) {
    if (std::isnan(value) || std::isinf(value)) {
        const bool capital = type == 'E' || type == 'F' || type == 'G';
        return std::isnan(value) ? (capital ? "NAN" : "nan") : (capital ? "INF" : "inf");
    }
    const char format[] = {
        '%', alternate ? '#' : '.', alternate ? '.' : '*', alternate ? '*' : type, alternate ? type : '\0',
        '\0'};
    const int size = std::snprintf(nullptr, 0, format, precision, std::fabs(value));
    std::string out(static_cast<std::size_t>(size) + 1, '\0');
    std::snprintf(out.data(), out.size(), format, precision, std::fabs(value));
    out.pop_back();
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
