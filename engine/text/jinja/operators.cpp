#include "engine/text/jinja/operators.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::jinja {
namespace {

const char* symbol(BinaryOp op) {
    static constexpr const char* symbols[] = {"+", "-", "*", "/", "//", "%", "**"};
    return symbols[static_cast<std::size_t>(op)];
}

[[noreturn]] void unsupported(const char* op, const Value& a, const Value& b) {
    throw Failure(std::string("'") + op + "' does not work between '" + type_name(a) + "' and '" +
                  type_name(b) + "'");
}

[[noreturn]] void too_large() { throw Failure("a number becomes too large"); }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
    if (b == 0)
        throw Failure("division by zero");
    if (b == -1) {
        if (a == std::numeric_limits<std::int64_t>::min())
            too_large();
        return -a;
    }
    const std::int64_t quotient = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
    std::int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result))
            too_large();
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
            too_large();
    }
    return result;
}

Value integer_binary(BinaryOp op, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    switch (op) {
    case BinaryOp::Add:
        if (__builtin_add_overflow(a, b, &result))
            too_large();
        return Value::integer(result);
    case BinaryOp::Subtract:
        if (__builtin_sub_overflow(a, b, &result))
            too_large();
        return Value::integer(result);
    case BinaryOp::Multiply:
        if (__builtin_mul_overflow(a, b, &result))
            too_large();
        return Value::integer(result);
    case BinaryOp::Divide:
        if (b == 0)
            throw Failure("division by zero");
        return Value::real(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
    case BinaryOp::FloorDivide:
        return Value::integer(floor_divide(a, b));
    case BinaryOp::Modulo:
        if (b == -1)
            return Value::integer(0);
        return Value::integer(a - floor_divide(a, b) * b);
    case BinaryOp::Power:
        if (b >= 0)
            return Value::integer(power(a, b));
        if (a == 0)
            throw Failure("zero cannot be raised to a negative power");
        return Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
    }
    return Value::none();
}

/// Quotient and rest, the rest with the divisor's sign.
std::pair<double, double> float_divmod(double a, double b) {
    double rest = std::fmod(a, b);
    double quotient = (a - rest) / b;
    if (rest == 0) {
        rest = std::copysign(0.0, b);
    } else if ((b < 0) != (rest < 0)) {
        rest += b;
        quotient -= 1;
    }
    if (quotient == 0)
        return {std::copysign(0.0, a / b), rest};
    const double whole = std::floor(quotient);
    return {quotient - whole > 0.5 ? whole + 1 : whole, rest};
}

Value float_power(double a, double b) {
    if (a == 0 && b < 0)
        throw Failure("zero cannot be raised to a negative power");
    if (a < 0 && std::isfinite(b) && std::floor(b) != b)
        throw Failure("a negative number cannot be raised to a fractional power");
    const double result = std::pow(a, b);
    if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
        too_large();
    return Value::real(result);
}

Value float_binary(BinaryOp op, double a, double b) {
    if (b == 0 && (op == BinaryOp::Divide || op == BinaryOp::FloorDivide || op == BinaryOp::Modulo))
        throw Failure("division by zero");
    switch (op) {
    case BinaryOp::Add:
        return Value::real(a + b);
    case BinaryOp::Subtract:
        return Value::real(a - b);
    case BinaryOp::Multiply:
        return Value::real(a * b);
    case BinaryOp::Divide:
        return Value::real(a / b);
    case BinaryOp::FloorDivide:
        return Value::real(float_divmod(a, b).first);
    case BinaryOp::Modulo:
        return Value::real(float_divmod(a, b).second);
    case BinaryOp::Power:
        return float_power(a, b);
    }
    return Value::none();
}

Value add_texts(const Value& a, const Value& b) {
    check_text_size(a.str().size() + b.str().size());
    const bool markup = a.markup() || b.markup();
    const auto side = [markup](const Value& value) {
        return markup && !value.markup() ? escape_html(value.marked_text()) : value.marked_text();
    };
    MarkedText text = side(a);
    text += side(b);
    return Value::text(std::move(text), markup);
}

std::vector<Value> joined(const std::vector<Value>& a, const std::vector<Value>& b) {
    check_item_count(a.size() + b.size());
    std::vector<Value> items(a);
    items.insert(items.end(), b.begin(), b.end());
    return items;
}

/// text * count and list * count.
Value repeat(const Value& value, std::int64_t count) {
    const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
    if (value.is_text()) {
        if (times > 0 && value.str().size() > kMaxText / times)
            check_text_size(kMaxText + 1);
        return Value::text(repeat_text(value.marked_text(), count), value.markup());
    }
    if (times > 0 && value.items().size() > kMaxWeight / times)
        check_item_count(kMaxWeight + 1);
    std::vector<Value> items;
    items.reserve(value.items().size() * times);
    for (std::size_t i = 0; i < times && !value.items().empty(); ++i)
        items.insert(items.end(), value.items().begin(), value.items().end());
    return value.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

/// Lexicographic.
bool less_items(const std::vector<Value>& a, const std::vector<Value>& b) {
    const std::size_t n = std::min(a.size(), b.size());
    for (std::size_t i = 0; i < n; ++i)
        if (!identical(a[i], b[i]) && !equal(a[i], b[i]))
            return less(a[i], b[i]);
    return a.size() < b.size();
}

bool less_numbers(const Value& a, const Value& b) {
    if (!a.is(Kind::Float) && !b.is(Kind::Float))
        return a.as_int() < b.as_int();
    if (a.is(Kind::Float) && b.is(Kind::Float))
        return a.as_real() < b.as_real();
    return static_cast<long double>(a.is(Kind::Float) ? a.as_real() : static_cast<long double>(a.as_int())) <
           static_cast<long double>(b.is(Kind::Float) ? b.as_real() : static_cast<long double>(b.as_int()));
}

/// a < b, or a <= b where equality counts; `op` for the message.
bool ordered(const Value& a, const Value& b, bool or_equal, const char* op) {
    require_defined(a);
    require_defined(b);
    if (a.is_number() && b.is_number()) {
        if (less_numbers(a, b))
            return true;
        return or_equal && equal(a, b);
    }
    if (a.is_text() && b.is_text())
        return or_equal ? a.str() <= b.str() : a.str() < b.str(); // UTF-8 sorts as its code points
    if (a.is_sequence() && a.kind() == b.kind()) {
        if (less_items(a.items(), b.items()))
            return true;
        return or_equal && !less_items(b.items(), a.items());
    }
    unsupported(op, a, b);
}

struct SliceBounds {
    std::int64_t start, step, count;
};

SliceBounds slice_bounds(std::int64_t length, const Value& start, const Value& stop, const Value& step) {
    SliceBounds bounds{};
    bounds.step = step.is(Kind::None) ? 1 : to_index(step);
    if (bounds.step == 0)
        throw Failure("a slice's step cannot be zero");
    const bool back = bounds.step < 0;
    const auto clamp = [&](const Value& value, std::int64_t absent) {
        if (value.is(Kind::None))
            return absent;
        std::int64_t i = to_index(value);
        if (i < 0)
            i = i < -length ? -1 - length : i + length;
        return std::clamp<std::int64_t>(i, back ? -1 : 0, back ? length - 1 : length);
    };
    bounds.start = clamp(start, back ? length - 1 : 0);
    const std::int64_t end = clamp(stop, back ? -1 : length);
    if (back)
        bounds.count =
            bounds.start > end
                ? (bounds.start - end - 1) / (bounds.step == INT64_MIN ? INT64_MAX : -bounds.step) + 1
                : 0;
    else
        bounds.count = end > bounds.start ? (end - bounds.start - 1) / bounds.step + 1 : 0;
    if (bounds.count <= 1)
        bounds.step = 1; // not used, and cannot overflow
    return bounds;
}

Value slice_text(const Value& object, const SliceBounds& bounds) {
    const TextObject& text = object.text_object();
    if (bounds.step == 1) {
        const std::size_t from = byte_offset(text, std::max<std::int64_t>(bounds.start, 0));
        std::size_t to = from;
        if (text.ascii())
            to += static_cast<std::size_t>(bounds.count);
        for (std::int64_t i = 0; !text.ascii() && i < bounds.count; ++i)
            decode_at(text.text, to);
        return Value::text(text.part({from, to}), text.markup);
    }
    std::vector<std::size_t> starts;
    for (std::size_t pos = 0; pos < text.text.size();) {
        starts.push_back(pos);
        decode_at(text.text, pos);
    }
    starts.push_back(text.text.size());
    MarkedText out;
    for (std::int64_t i = 0; i < bounds.count; ++i) {
        const auto at = static_cast<std::size_t>(bounds.start + i * bounds.step);
        out.append(text, {starts[at], starts[at + 1]});
    }
    return Value::text(std::move(out), text.markup);
}

/// Where an index lies in something of that length; -1 outside.
std::int64_t place(std::int64_t index, std::int64_t length) {
    if (index < 0)
        index += length;
    return index >= 0 && index < length ? index : -1;
}

Value text_item(const Value& object, std::int64_t index) {
    const TextObject& text = object.text_object();
    const std::int64_t at = place(index, static_cast<std::int64_t>(text.length));
    if (at < 0)
        return Value::missing();
    if (text.ascii())
        return Value::text(text.part({static_cast<std::size_t>(at), static_cast<std::size_t>(at) + 1}),
                           text.markup);
    const std::size_t from = byte_offset(text, at);
    std::size_t to = from;
    decode_at(text.text, to);
    return Value::text(text.part({from, to}), text.markup);
}

} // namespace

void require_defined(const Value& value) {
    if (value.is(Kind::Undefined))
        throw Failure(value.undefined_message());
}

std::int64_t to_index(const Value& value) {
    require_defined(value);
    if (!value.is_integral())
        throw Failure("'" + type_name(value) + "' cannot be used as a whole number");
    return value.as_int();
}

Value binary(BinaryOp op, const Value& a, const Value& b) {
    if (op == BinaryOp::Modulo && a.is_text())
        return percent_format(a, b);
    require_defined(a);
    require_defined(b);
    if (a.is_number() && b.is_number()) {
        const Value result = a.is(Kind::Float) || b.is(Kind::Float)
                                 ? float_binary(op, a.as_real(), b.as_real())
                                 : integer_binary(op, a.as_int(), b.as_int());
        return a.outside() || b.outside() ? result.from_outside() : result;
    }
    if (op == BinaryOp::Add) {
        if (a.is_text() && b.is_text())
            return add_texts(a, b);
        if (a.is(Kind::List) && b.is(Kind::List))
            return Value::list(joined(a.items(), b.items()));
        if (a.is(Kind::Tuple) && b.is(Kind::Tuple))
            return Value::tuple(joined(a.items(), b.items()));
    }
    if (op == BinaryOp::Multiply) {
        if ((a.is_text() || a.is_sequence()) && b.is_integral())
            return repeat(a, b.as_int());
        if (a.is_integral() && (b.is_text() || b.is_sequence()))
            return repeat(b, a.as_int());
    }
    unsupported(symbol(op), a, b);
}

Value negative(const Value& value) {
    require_defined(value);
    if (!value.is_number())
        throw Failure("'-' does not work on '" + type_name(value) + "'");
    const Value result = value.is(Kind::Float) ? Value::real(-value.as_real())
                                               : integer_binary(BinaryOp::Subtract, 0, value.as_int());
    return value.outside() ? result.from_outside() : result;
}

Value positive(const Value& value) {
    require_defined(value);
    if (value.is(Kind::Float))
        return value;
    if (!value.is_integral())
        throw Failure("'+' does not work on '" + type_name(value) + "'");
    const Value result = Value::integer(value.as_int());
    return value.outside() ? result.from_outside() : result;
}

bool less(const Value& a, const Value& b) { return ordered(a, b, false, "<"); }

bool compare(CompareOp op, const Value& a, const Value& b) {
    switch (op) {
    case CompareOp::Equal:
        return equal(a, b);
    case CompareOp::NotEqual:
        return !equal(a, b);
    case CompareOp::Less:
        return ordered(a, b, false, "<");
    case CompareOp::LessEqual:
        return ordered(a, b, true, "<=");
    case CompareOp::Greater:
        return ordered(b, a, false, ">");
    case CompareOp::GreaterEqual:
        return ordered(b, a, true, ">=");
    case CompareOp::In:
        return contains(b, a);
    case CompareOp::NotIn:
        return !contains(b, a);
    }
    return false;
}

bool contains(const Value& container, const Value& item) {
    if (container.is_text()) {
        if (!item.is_text())
            throw Failure("'in' looks for text in text, not for '" + type_name(item) + "'");
        return find_text(container.str(), item.str()) != std::string::npos;
    }
    if (container.is(Kind::Dict))
        return container.dict().find(item) != nullptr;
    if (container.is(Kind::View) && container.view().part == ViewObject::Part::Keys)
        return container.view().dict.dict().find(item) != nullptr;
    if (container.is(Kind::Range) && item.is_integral()) {
        const RangeObject& range = container.range();
        const std::int64_t n = range.length();
        std::int64_t off = 0;
        if (n == 0 || __builtin_sub_overflow(item.as_int(), range.start, &off) || off == INT64_MIN)
            return false;
        return off % range.step == 0 && off / range.step >= 0 && off / range.step < n;
    }
    if (!is_iterable(container))
        throw Failure("'in' does not work on '" + type_name(container) + "'");
    const IteratorObject::Next next = iterate(container);
    Value candidate;
    while (next(candidate))
        if (identical(candidate, item) || equal(candidate, item))
            return true;
    return false;
}

Value find_item(const Value& object, const Value& index) {
    require_defined(object);
    switch (object.kind()) {
    case Kind::Dict: {
        if (!is_hashable(index))
            return Value::missing();
        const Value* found = object.dict().find(index);
        return found ? *found : Value::missing();
    }
    case Kind::String:
        return index.is_integral() ? text_item(object, index.as_int()) : Value::missing();
    case Kind::List:
    case Kind::Tuple: {
        if (!index.is_integral())
            return Value::missing();
        const std::int64_t at = place(index.as_int(), static_cast<std::int64_t>(object.items().size()));
        return at < 0 ? Value::missing() : object.items()[static_cast<std::size_t>(at)];
    }
    case Kind::Range: {
        if (!index.is_integral())
            return Value::missing();
        const std::int64_t at = place(index.as_int(), object.range().length());
        return at < 0 ? Value::missing() : Value::integer(object.range().at(at));
    }
    default:
        return Value::missing();
    }
}

Value slice(const Value& object, const Value& start, const Value& stop, const Value& step) {
    require_defined(object);
    if (!object.is_text() && !object.is_sequence() && !object.is(Kind::Range))
        throw Failure("'" + type_name(object) + "' cannot be sliced");
    const SliceBounds bounds = slice_bounds(length(object), start, stop, step);
    if (object.is_text())
        return slice_text(object, bounds);
    if (object.is(Kind::Range)) {
        const RangeObject& range = object.range();
        const std::int64_t first = range.at(bounds.start), by = range.step * bounds.step;
        return Value::range(first, first + by * bounds.count, by);
    }
    std::vector<Value> items;
    items.reserve(static_cast<std::size_t>(bounds.count));
    for (std::int64_t i = 0; i < bounds.count; ++i)
        items.push_back(object.items()[static_cast<std::size_t>(bounds.start + i * bounds.step)]);
    return object.is(Kind::List) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

} // namespace switchyard::jinja
