// The tests of `x is name`.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

namespace switchyard::jinja {
namespace {

using Predicate = bool (*)(const Value&);
using Relation = bool (*)(const Value&, const Value&);

/// A test without arguments.
template <Predicate predicate>
bool plain(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("a test", arguments, {});
    return predicate(input);
}

/// A test against one other value.
template <Relation relation>
bool against(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("a test", arguments, {"other"}, 1);
    evaluator.charge(parameters[0].weight() / 4);
    return relation(input, parameters[0]);
}

bool rest_is(const Value& value, std::int64_t divisor, std::int64_t rest) {
    return equal(binary(BinaryOp::Modulo, value, Value::integer(divisor)), Value::integer(rest));
}

bool is_odd(const Value& value) { return rest_is(value, 2, 1); }
bool is_even(const Value& value) { return rest_is(value, 2, 0); }
bool is_divisible(const Value& value, const Value& by) {
    return equal(binary(BinaryOp::Modulo, value, by), Value::integer(0));
}
bool is_defined(const Value& value) { return !value.is(Kind::Undefined); }
bool is_undefined(const Value& value) { return value.is(Kind::Undefined); }
bool is_none(const Value& value) { return value.is(Kind::None); }
bool is_boolean(const Value& value) { return value.is(Kind::Bool); }
bool is_true(const Value& value) { return value.is(Kind::Bool) && value.as_bool(); }
bool is_false(const Value& value) { return value.is(Kind::Bool) && !value.as_bool(); }
bool is_integer(const Value& value) { return value.is(Kind::Int); }
bool is_float(const Value& value) { return value.is(Kind::Float); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.is(Kind::Dict); }
bool has_lower_case(const Value& value) { return is_lower_text(to_utf32(to_text(value).text)); }
bool has_upper_case(const Value& value) { return is_upper_text(to_utf32(to_text(value).text)); }
bool is_escaped(const Value& value) { return value.markup(); }
bool is_a_filter(const Value& value) {
    hash_value(value); // what cannot be a key cannot be looked up either
    return value.is_text() && find_filter(value.str());
}
bool is_a_test(const Value& value) {
    hash_value(value);
    return value.is_text() && find_test(value.str());
}

bool is_sequence(const Value& value) {
    return has_length(value) && !value.is(Kind::View) && !value.is(Kind::Native);
}

bool is_callable(const Value& value) {
    return value.is(Kind::Undefined) || (value.is(Kind::Native) && value.native().callable());
}

bool is_in(const Value& value, const Value& container) { return contains(container, value); }

template <CompareOp op>
bool compared(const Value& a, const Value& b) {
    return compare(op, a, b);
}

constexpr TestEntry table[] = {
    {"odd", plain<is_odd>},
    {"even", plain<is_even>},
    {"divisibleby", against<is_divisible>},
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"filter", plain<is_a_filter>},
    {"test", plain<is_a_test>},
    {"none", plain<is_none>},
    {"boolean", plain<is_boolean>},
    {"false", plain<is_false>},
    {"true", plain<is_true>},
    {"integer", plain<is_integer>},
    {"float", plain<is_float>},
    {"lower", plain<has_lower_case>},
    {"upper", plain<has_upper_case>},
    {"string", plain<is_string>},
    {"mapping", plain<is_mapping>},
    {"number", plain<is_number>},
    {"sequence", plain<is_sequence>},
    {"iterable", plain<is_iterable>},
    {"callable", plain<is_callable>},
    {"sameas", against<identical>},
    {"escaped", plain<is_escaped>},
    {"in", against<is_in>},
    {"==", against<equal>},
    {"eq", against<equal>},
    {"equalto", against<equal>},
    {"!=", against<compared<CompareOp::NotEqual>>},
    {"ne", against<compared<CompareOp::NotEqual>>},
    {">", against<compared<CompareOp::Greater>>},
    {"gt", against<compared<CompareOp::Greater>>},
    {"greaterthan", against<compared<CompareOp::Greater>>},
    {">=", against<compared<CompareOp::GreaterEqual>>},
    {"ge", against<compared<CompareOp::GreaterEqual>>},
    {"<", against<compared<CompareOp::Less>>},
    {"lt", against<compared<CompareOp::Less>>},
    {"lessthan", against<compared<CompareOp::Less>>},
    {"<=", against<compared<CompareOp::LessEqual>>},
    {"le", against<compared<CompareOp::LessEqual>>},
};

} // namespace

const TestEntry* find_test(std::string_view name) {
    for (const TestEntry& entry : table)
        if (entry.name == name)
            return &entry;
    return nullptr;
}

} // namespace switchyard::jinja
