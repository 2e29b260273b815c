// The format specification: "{:>8.2f}" and its kin.
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/number_text.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace switchyard::jinja {
namespace {

struct Spec {
    std::string fill = " ";
    char align = 0, sign = '-', grouping = 0, type = 0;
    bool alternate = false, zero = false, no_negative_zero = false;
    std::int64_t width = 0, precision = -1;
};

std::int64_t spec_number(std::string_view spec, std::size_t& i) {
    std::int64_t value = 0;
    for (; i < spec.size() && spec[i] >= '0' && spec[i] <= '9'; ++i) {
        value = value * 10 + (spec[i] - '0');
        if (value > kMaxWidth)
            throw Failure("a width in a format is too large");
    }
    return value;
}

bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

Spec parse_spec(std::string_view text) {
    Spec spec;
    std::size_t i = 0, after_first = 0;
    if (!text.empty())
        decode_at(text, after_first);
    if (after_first > 0 && after_first < text.size() && is_align(text[after_first])) {
        spec.fill = text.substr(0, after_first);
        spec.align = text[after_first];
        i = after_first + 1;
    } else if (!text.empty() && is_align(text[0])) {
        spec.align = text[0];
        i = 1;
    }
    const auto take = [&](std::string_view allowed) {
        return i < text.size() && allowed.find(text[i]) != std::string_view::npos ? text[i++] : '\0';
    };
    if (const char sign = take("+- "))
        spec.sign = sign;
    spec.no_negative_zero = take("z") != 0;
    spec.alternate = take("#") != 0;
    if (take("0") != 0) {
        spec.zero = true;
        if (spec.align == 0) {
            spec.fill = "0";
            spec.align = '=';
        }
    }
    spec.width = spec_number(text, i);
    spec.grouping = take(",_");
    if (take(".") != 0) {
        const std::size_t from = i;
        spec.precision = spec_number(text, i);
        if (i == from)
            throw Failure("a format lacks its precision");
    }
    if (i < text.size())
        spec.type = text[i++];
    if (i < text.size())
        throw Failure("'" + std::string(text) + "' is no format");
    return spec;
}

/// Digits in groups; zeros filled in front are grouped too.
std::string grouped(const std::string& digits, char separator, std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % size == 0)
            out += separator;
        out += digits[i];
    }
    return out;
}

std::string aligned(const Spec& spec, const std::string& lead, const std::string& body, char default_align) {
    const auto length = static_cast<std::int64_t>(count_code_points(lead) + count_code_points(body));
    const std::int64_t gap = std::max<std::int64_t>(spec.width - length, 0);
    const char align = spec.align != 0 ? spec.align : default_align;
    const auto fill = [&](std::int64_t n) { return repeat_text(spec.fill, n); };
    switch (align) {
    case '<':
        return lead + body + fill(gap);
    case '^':
        return fill(gap / 2) + lead + body + fill(gap - gap / 2);
    case '=':
        return lead + fill(gap) + body;
    default:
        return fill(gap) + lead + body;
    }
}

/// A number's digits with grouping, zeros in front as the width asks.
std::string numeric_body(const Spec& spec, const std::string& lead, std::string whole,
                         const std::string& rest, std::size_t group_size) {
    if (spec.grouping == 0)
        return whole + rest;
    if (spec.fill == "0" && spec.align == '=')
        while (static_cast<std::int64_t>(lead.size() + grouped(whole, spec.grouping, group_size).size() +
                                         rest.size()) < spec.width)
            whole.insert(0, 1, '0');
    std::string out = grouped(whole, spec.grouping, group_size);
    return out + rest;
}

/// The value between what fills the width, exact in its marks.
MarkedText format_text(const Value& value, const Spec& spec, bool marked_fill) {
    if ((spec.type != 0 && spec.type != 's') || spec.grouping != 0 || spec.alternate || spec.sign != '-' ||
        (spec.align == '=' && !spec.zero) || spec.no_negative_zero)
        throw Failure("the format does not fit a text");
    MarkedText text = to_text(value);
    if (spec.precision >= 0)
        text = first_characters(text, spec.precision);
    const auto length = static_cast<std::int64_t>(count_code_points(text.text));
    const std::int64_t gap = std::max<std::int64_t>(spec.width - length, 0);
    const std::int64_t before = spec.align == '>' ? gap : spec.align == '^' ? gap / 2 : 0;
    MarkedText out = whole_text(repeat_text(spec.fill, before), marked_fill);
    out += text;
    out.append(repeat_text(spec.fill, gap - before), marked_fill);
    return out;
}

std::string lead_sign(const Spec& spec, bool negative) {
    return negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
}

std::string format_integer(std::int64_t value, const Spec& spec) {
    if (spec.precision >= 0 || spec.no_negative_zero)
        throw Failure("a whole number's format has no precision");
    std::string prefix;
    int base = 10;
    switch (spec.type) {
    case 'x':
    case 'X':
        base = 16;
        prefix = spec.type == 'x' ? "0x" : "0X";
        break;
    case 'o':
        base = 8;
        prefix = "0o";
        break;
    case 'b':
        base = 2;
        prefix = "0b";
        break;
    default:
        break;
    }
    if (base != 10 && spec.grouping == ',')
        throw Failure("',' groups decimal digits only");
    const std::string lead = lead_sign(spec, value < 0) + (spec.alternate ? prefix : "");
    const std::string digits = integer_digits(value, base, spec.type == 'X');
    return aligned(spec, lead, numeric_body(spec, lead, digits, "", base == 10 ? 3 : 4), '>');
}

/// Digits of a float whose format names no type: as repr, but with a precision as 'g'.
std::string untyped_real(double value, const Spec& spec) {
    if (spec.precision < 0)
        return float_repr(std::fabs(value));
    const int precision = static_cast<int>(std::max<std::int64_t>(spec.precision, 1));
    std::string text = print_real(value, 'g', precision, spec.alternate);
    // 'g' moves to an exponent one digit later than Python does here, and drops ".0".
    const std::string scientific = print_real(value, 'e', precision - 1, false);
    const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
    if (std::isfinite(value) && exponent == precision - 1 && text.find('.') == std::string::npos &&
        text.find('e') == std::string::npos) {
        std::string mantissa = scientific.substr(0, scientific.find('e'));
        if (mantissa.find('.') != std::string::npos) {
            mantissa.erase(mantissa.find_last_not_of('0') + 1);
            if (mantissa.back() == '.')
                mantissa.pop_back();
        }
        return mantissa + scientific.substr(scientific.find('e'));
    }
    if (std::isfinite(value) && text.find('.') == std::string::npos && text.find('e') == std::string::npos)
        text += ".0";
    return text;
}

std::string format_real(double value, const Spec& spec) {
    const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
    std::string digits;
    switch (spec.type) {
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        digits = print_real(value, spec.type, precision, spec.alternate);
        break;
    case 'n':
        digits = print_real(value, 'g', precision, spec.alternate);
        break;
    case '%':
        digits = print_real(value * 100, 'f', precision, spec.alternate) + "%";
        break;
    case 0:
        digits = untyped_real(value, spec);
        break;
    default:
        throw Failure(std::string("unknown format '") + spec.type + "' for a float");
    }
    const bool zero = digits.find_first_of("123456789") == std::string::npos && std::isfinite(value);
    const std::string lead =
        lead_sign(spec, std::signbit(value) && !std::isnan(value) && !(zero && spec.no_negative_zero));
    const std::size_t end = digits.find_first_not_of("0123456789");
    const std::string whole = digits.substr(0, end),
                      rest = end == std::string::npos ? "" : digits.substr(end);
    return aligned(spec, lead, whole.empty() ? digits : numeric_body(spec, lead, whole, rest, 3), '>');
}

std::string format_number(const Value& value, const Spec& spec) {
    if (value.is(Kind::Float))
        return format_real(value.as_real(), spec);
    switch (spec.type) {
    case 0:
    case 'd':
    case 'n':
    case 'x':
    case 'X':
    case 'o':
    case 'b':
        return format_integer(value.as_int(), spec);
    case 'c': {
        if (value.as_int() < 0 || value.as_int() > 0x10FFFF || spec.precision >= 0 || spec.sign != '-')
            throw Failure("the format 'c' needs a character's number");
        std::string text;
        append_utf8(text, static_cast<char32_t>(value.as_int()));
        return aligned(spec, "", text, '>');
    }
    default:
        return format_real(value.as_real(), spec);
    }
}

} // namespace

std::string fixed(double value, int precision) {
    return (std::signbit(value) && !std::isnan(value) ? "-" : "") + print_real(value, 'f', precision, false);
}

MarkedText format_value(const Value& value, const MarkedText& spec_text) {
    if (spec_text.empty())
        return to_text(value);
    if (!value.is_text() && !value.is_number())
        throw Failure("'" + type_name(value) + "' takes no format");
    const Spec spec = parse_spec(spec_text.text);
    const bool marked = !spec_text.marks.empty();
    return value.is_text() ? format_text(value, spec, marked)
                           : whole_text(format_number(value, spec), marked || value.outside());
}

} // namespace switchyard::jinja
