// map, select, reject and their kin: lazy, as generators.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/selection.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

namespace switchyard::jinja {
namespace {

std::uint32_t depth_of(const Value& input, const CallArguments& arguments) {
    std::uint32_t depth = input.depth();
    for (const Value& value : arguments.positional)
        depth = std::max(depth, value.depth());
    for (const auto& [key, value] : arguments.keywords)
        depth = std::max(depth, value.depth());
    return depth;
}

std::string filter_name(const Value& value) {
    if (!value.is_text())
        throw Failure("a filter or test is named by a text, not '" + type_name(value) + "'");
    return value.str();
}

using Transform = std::function<Value(const Value&)>;

Transform make_map(Evaluator& evaluator, const CallArguments& arguments) {
    if (arguments.positional.empty() && arguments.keyword("attribute")) {
        const Parameters parameters("map", arguments, {"attribute", "default"});
        return AttributePath(evaluator, parameters[0],
                             parameters.has_value(1) ? parameters[1] : Value::missing());
    }
    if (arguments.positional.empty())
        throw Failure("map needs a filter or an attribute");
    const std::string name = filter_name(arguments.positional[0]);
    CallArguments rest = arguments;
    rest.positional.erase(rest.positional.begin());
    return [&evaluator, name, rest](const Value& item) {
        CallArguments copy = rest;
        return evaluator.apply_filter(name, item, copy);
    };
}

Value filter_map(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    // As in a generator nothing happens, and nothing fails, before the first value is asked for.
    struct State {
        IteratorObject::Next next;
        Transform transform;
    };
    const auto state = std::make_shared<State>();
    return make_iterator("generator", depth_of(input, arguments),
                         [&evaluator, input, arguments, state](Value& out) {
                             if (!input.truthy())
                                 return false;
                             evaluator.charge(1);
                             if (!state->next) {
                                 state->transform = make_map(evaluator, arguments);
                                 state->next = iterate(input);
                             }
                             Value item;
                             if (!state->next(item))
                                 return false;
                             out = state->transform(item);
                             return true;
                         });
}

using Condition = std::function<bool(const Value&)>;

Condition make_condition(Evaluator& evaluator, const CallArguments& arguments, bool by_attribute) {
    CallArguments rest = arguments;
    std::optional<AttributePath> path;
    if (by_attribute) {
        if (rest.positional.empty())
            throw Failure("the name of an attribute is missing");
        path.emplace(evaluator, rest.positional[0]);
        rest.positional.erase(rest.positional.begin());
    }
    Condition condition = [](const Value& value) { return value.truthy(); };
    if (!rest.positional.empty()) {
        const std::string name = filter_name(rest.positional[0]);
        rest.positional.erase(rest.positional.begin());
        condition = [&evaluator, name, rest](const Value& value) {
            CallArguments copy = rest;
            return evaluator.apply_test(name, value, copy);
        };
    }
    if (!path)
        return condition;
    return [path = *path, condition](const Value& item) { return condition(path(item)); };
}

template <bool wanted, bool by_attribute>
Value filter_select(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    struct State {
        IteratorObject::Next next;
        Condition condition;
    };
    const auto state = std::make_shared<State>();
    return make_iterator("generator", depth_of(input, arguments),
                         [&evaluator, input, arguments, state](Value& out) {
                             if (!input.truthy())
                                 return false;
                             if (!state->next) {
                                 state->condition = make_condition(evaluator, arguments, by_attribute);
                                 state->next = iterate(input);
                             }
                             while (state->next(out)) {
                                 evaluator.charge(1);
                                 if (state->condition(out) == wanted)
                                     return true;
                             }
                             return false;
                         });
}

constexpr FilterEntry selection_table[] = {
    {"map", filter_map},
    {"select", filter_select<true, false>},
    {"reject", filter_select<false, false>},
    {"selectattr", filter_select<true, true>},
    {"rejectattr", filter_select<false, true>},
};

} // namespace

std::span<const FilterEntry> selection_filters() { return selection_table; }

AttributePath::AttributePath(Evaluator& evaluator, const Value& attribute, Value fallback)
    : evaluator_(&evaluator), fallback_(std::move(fallback)) {
    if (attribute.is(Kind::None) || attribute.is(Kind::Missing))
        return;
    if (!attribute.is_text()) {
        parts_.push_back(attribute);
        return;
    }
    for (const TextSpan span : split_text(attribute.str(), ".", -1, false)) {
        const std::string_view part = view_of(attribute.str(), span);
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
        const bool digits = !part.empty() && part[0] != '-' && end == part.data() + part.size();
        parts_.push_back(digits && error == std::errc() ? Value::integer(number)
                                                        : Value::text(attribute.marked_text().part(span)));
    }
}

Value AttributePath::operator()(const Value& item) const {
    Value value = item;
    for (const Value& part : parts_) {
        evaluator_->charge(1);
        value = evaluator_->item(value, part);
        if (!fallback_.is(Kind::Missing) && value.is(Kind::Undefined))
            value = fallback_;
    }
    return value;
}

Value ignore_case(const Value& value) {
    return value.is_text() ? Value::text(map_characters(value.marked_text(), lower), value.markup()) : value;
}

} // namespace switchyard::jinja
