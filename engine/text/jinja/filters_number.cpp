// Filters on numbers.
#include "engine/base/real_text.h"
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/number_text.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace switchyard::jinja {
namespace {

/// Digits in ASCII, white space at the sides and underscores between digits gone; nullopt where they are
/// misplaced.
std::optional<std::string> plain_number(const std::string& text) {
    std::string out;
    const std::u32string wide = to_utf32(view_of(text, strip_text(text, std::nullopt, Side::Both)));
    for (std::size_t i = 0; i < wide.size(); ++i) {
        if (wide[i] == '_') {
            const bool between = i > 0 && i + 1 < wide.size() && is_word(wide[i - 1]) && wide[i - 1] != '_' &&
                                 is_word(wide[i + 1]) && wide[i + 1] != '_';
            if (!between)
                return std::nullopt;
            continue;
        }
        const int digit = decimal_value(wide[i]);
        if (digit < 0 && wide[i] >= 0x80)
            return std::nullopt;
        out += digit >= 0 ? static_cast<char>('0' + digit) : static_cast<char>(wide[i]);
    }
    return out;
}

/// int(text, base); nullopt where it is no whole number.
std::optional<std::int64_t> parse_integer(const std::string& text, int base) {
    const auto plain = plain_number(text);
    if (!plain || plain->empty())
        return std::nullopt;
    std::string digits = *plain;
    const bool negative = digits[0] == '-';
    if (digits[0] == '-' || digits[0] == '+')
        digits.erase(0, 1);
    const char mark = digits.size() > 1 && digits[0] == '0' ? static_cast<char>(digits[1] | 0x20) : '\0';
    const int prefix = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (prefix != 0 && (base == 0 || base == prefix)) {
        digits.erase(0, 2);
        base = prefix;
    } else if (base == 0) {
        if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos)
            return std::nullopt;
        base = 10;
    }
    if (digits.empty() || digits[0] == '-')
        return std::nullopt;
    digits.insert(0, negative ? "-" : "");
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error == std::errc::result_out_of_range && end == digits.data() + digits.size())
        throw Failure("the number " + digits.substr(0, 40) + " is too large");
    if (error != std::errc() || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

/// float(text); nullopt where it is none.
std::optional<double> parse_real(const std::string& text) {
    const auto plain = plain_number(text);
    if (!plain || plain->empty())
        return std::nullopt;
    std::string name;
    for (const char c : *plain)
        name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    const std::string_view unsigned_name =
        std::string_view(name).substr(name[0] == '-' || name[0] == '+' ? 1 : 0);
    const bool special = unsigned_name == "inf" || unsigned_name == "infinity" || unsigned_name == "nan";
    if (!special && name.find_first_not_of("0123456789+-.e") != std::string::npos)
        return std::nullopt;
    return real_of(name);
}

Value filter_int(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("int", arguments, {"default", "base"});
    require_defined(input);
    const Value fallback = parameters.has(0) ? parameters[0] : Value::integer(0);
    if (input.is_text()) {
        const Value wanted = parameters.has(1) ? parameters[1] : Value::integer(10);
        const std::int64_t base =
            wanted.is_integral() ? wanted.as_int() : -1; // a bad base: not a whole number
        if (base == 0 || (base >= 2 && base <= 36))
            if (const auto value = parse_integer(input.str(), static_cast<int>(base)))
                return Value::integer(*value);
        const auto real = parse_real(input.str());
        if (!real || !std::isfinite(*real))
            return fallback;
        return Value::integer(truncated(*real));
    }
    if (input.is_integral())
        return Value::integer(input.as_int());
    if (!input.is(Kind::Float) || std::isnan(input.as_real()))
        return fallback;
    return Value::integer(truncated(input.as_real()));
}

Value filter_float(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("float", arguments, {"default"});
    require_defined(input);
    if (input.is_number())
        return Value::real(input.as_real());
    if (input.is_text())
        if (const auto value = parse_real(input.str()))
            return Value::real(*value);
    return parameters.has(0) ? parameters[0] : Value::real(0);
}

Value filter_abs(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("abs", arguments, {});
    require_defined(input);
    if (input.is(Kind::Float))
        return Value::real(std::fabs(input.as_real()));
    if (!input.is_integral())
        throw Failure("abs needs a number, not '" + type_name(input) + "'");
    return input.as_int() < 0 ? negative(input) : Value::integer(input.as_int());
}

/// Half to even, on the exact value.
Value round_number(const Value& value, std::int64_t digits) {
    if (value.is_integral()) {
        std::int64_t unit = 1, half_up = 0;
        for (std::int64_t i = digits; i < 0; ++i)
            if (__builtin_mul_overflow(unit, std::int64_t{10}, &unit))
                return Value::integer(0);
        if (unit == 1)
            return Value::integer(value.as_int());
        const std::int64_t rest = ((value.as_int() % unit) + unit) % unit;
        if (__builtin_sub_overflow(value.as_int(), rest, &half_up))
            throw Failure("a number becomes too large");
        const bool up = rest * 2 > unit || (rest * 2 == unit && (half_up / unit) % 2 != 0);
        return binary(BinaryOp::Add, Value::integer(half_up), Value::integer(up ? unit : 0));
    }
    const double real = value.as_real();
    if (!std::isfinite(real) || digits > 300)
        return value;
    if (digits >= 0)
        return Value::real(real_of(fixed(real, static_cast<int>(digits))).value_or(real));
    if (digits < -308)
        return Value::real(std::copysign(0.0, real));
    const long double unit = std::pow(10.0L, static_cast<long double>(-digits));
    return Value::real(static_cast<double>(std::nearbyint(static_cast<long double>(real) / unit) * unit));
}

Value filter_round(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("round", arguments, {"precision", "method"});
    const std::string method = parameters.text(1, "common");
    if (method != "common" && method != "ceil" && method != "floor")
        throw Failure("round knows the methods common, ceil and floor");
    require_defined(input);
    if (!input.is_number())
        throw Failure("round needs a number, not '" + type_name(input) + "'");
    if (method == "common") {
        const bool none = parameters.has(0) && parameters[0].is(Kind::None);
        const Value rounded = round_number(input, none ? 0 : parameters.integer(0, 0));
        return none ? Value::integer(truncated(rounded.as_real())) : rounded;
    }
    // These two take any power of ten, broken ones too.
    const Value digits = parameters.has(0) ? parameters[0] : Value::integer(0);
    const Value unit = binary(BinaryOp::Power, Value::integer(10), digits);
    const Value scaled = binary(BinaryOp::Multiply, input, unit);
    if (scaled.is_integral())
        return binary(BinaryOp::Divide, scaled, unit);
    const double real = scaled.as_real();
    if (!std::isfinite(real))
        throw Failure("round cannot round " + float_repr(real));
    const std::int64_t whole = truncated(method == "ceil" ? std::ceil(real) : std::floor(real));
    return binary(BinaryOp::Divide, Value::integer(whole), unit);
}

Value filter_filesizeformat(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("filesizeformat", arguments, {"binary"});
    static constexpr std::array<const char*, 8> decimal = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    static constexpr std::array<const char*, 8> binary_names = {"KiB", "MiB", "GiB", "TiB",
                                                                "PiB", "EiB", "ZiB", "YiB"};
    require_defined(input);
    const auto bytes = input.is_number() ? std::optional<double>(input.as_real())
                       : input.is_text() ? parse_real(input.str())
                                         : std::nullopt;
    if (!bytes)
        throw Failure("filesizeformat needs a number");
    const bool by_1024 = parameters.flag(0, false);
    const double base = by_1024 ? 1024 : 1000;
    if (*bytes == 1)
        return Value::text(std::string("1 Byte"));
    if (*bytes < base)
        return Value::text(std::to_string(truncated(*bytes)) + " Bytes");
    double unit = base * base;
    std::size_t i = 0;
    while (i + 1 < decimal.size() && !(*bytes < unit)) {
        unit *= base;
        ++i;
    }
    return Value::text(fixed(base * *bytes / unit, 1) + " " + (by_1024 ? binary_names[i] : decimal[i]));
}

constexpr FilterEntry number_table[] = {
    {"abs", filter_abs},     {"filesizeformat", filter_filesizeformat},
    {"float", filter_float}, {"int", filter_int},
    {"round", filter_round},
};

} // namespace

std::span<const FilterEntry> number_filters() { return number_table; }

} // namespace switchyard::jinja
