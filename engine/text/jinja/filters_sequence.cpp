// Filters on lists, dicts and whatever can be gone through.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/selection.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <random>

namespace switchyard::jinja {
namespace {

const Value& attribute_or_none(const Parameters& parameters, std::size_t i) {
    static const Value none = Value::none();
    return parameters.has(i) ? parameters[i] : none;
}

Value filter_length(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("length", arguments, {});
    return Value::integer(length(input));
}

Value filter_default(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("default", arguments, {"default_value", "boolean"});
    if (!input.is(Kind::Undefined) && !(parameters.flag(1, false) && !input.truthy()))
        return input;
    return parameters.has(0) ? parameters[0] : Value::text(std::string());
}

Value filter_list(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("list", arguments, {});
    std::vector<Value> items = to_items(input);
    evaluator.charge(items.size() / 4);
    return Value::list(std::move(items));
}

Value filter_first(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("first", arguments, {});
    Value item;
    return iterate(input)(item) ? item : Value::undefined("No first item, sequence was empty.");
}

/// The items from the end, for what Python's reversed() takes; nullopt otherwise.
std::optional<std::vector<Value>> reversed_items(const Value& input) {
    if (input.is(Kind::Iterator) || input.is(Kind::Native))
        return std::nullopt;
    std::vector<Value> items = to_items(input);
    std::reverse(items.begin(), items.end());
    return items;
}

Value filter_last(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("last", arguments, {});
    if (input.is_text() && !input.str().empty())
        return find_item(input, Value::integer(-1));
    if (input.is_sequence())
        return input.items().empty() ? Value::undefined("No last item, sequence was empty.")
                                     : input.items().back();
    const auto items = reversed_items(input);
    if (!items)
        throw Failure("'" + type_name(input) + "' object has no last item");
    evaluator.charge(items->size() / 4);
    return items->empty() ? Value::undefined("No last item, sequence was empty.") : items->front();
}

Value filter_reverse(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("reverse", arguments, {});
    if (input.is_text())
        return slice(input, Value::none(), Value::none(), Value::integer(-1));
    auto items = reversed_items(input);
    if (!items) {
        std::vector<Value> list = to_items(input);
        std::reverse(list.begin(), list.end());
        return Value::list(std::move(list));
    }
    evaluator.charge(items->size() / 4);
    const Value held = Value::list(std::move(*items));
    const std::string label = input.is(Kind::List) ? "list_reverseiterator" : "reversed";
    return make_iterator(label, held.depth(), iterate(held));
}

Value filter_random(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("random", arguments, {});
    const std::int64_t n = length(input);
    if (n == 0)
        return Value::undefined("No random item, sequence was empty.");
    std::minstd_rand generator(static_cast<unsigned>(evaluator.now()));
    const Value picked =
        find_item(input, Value::integer(std::uniform_int_distribution<std::int64_t>(0, n - 1)(generator)));
    if (picked.is(Kind::Missing))
        throw Failure("random needs a list");
    return picked;
}

Value filter_join(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("join", arguments, {"d", "attribute"});
    const MarkedText separator = parameters.has(0) ? to_text(parameters[0]) : MarkedText();
    const AttributePath path(evaluator, attribute_or_none(parameters, 1));
    MarkedText out;
    bool first = true;
    const IteratorObject::Next next = iterate(input);
    Value item;
    while (next(item)) {
        if (!first)
            out += separator;
        first = false;
        const Value part = path(item);
        evaluator.charge(1 + part.weight());
        out += to_text(part);
        check_text_size(out.size());
    }
    return Value::text(std::move(out), parameters.has(0) && parameters[0].markup());
}

using Keyed = std::pair<Value, Value>; ///< key, item

/// Stable; equal items keep their order when reversed too.
void sort_keyed(Evaluator& evaluator, std::vector<Keyed>& items, bool reverse) {
    std::uint64_t weight = 0;
    for (const Keyed& item : items)
        weight += item.first.weight();
    evaluator.charge(weight * 4);
    std::stable_sort(items.begin(), items.end(), [reverse](const Keyed& a, const Keyed& b) {
        return reverse ? less(b.first, a.first) : less(a.first, b.first);
    });
}

Value values_of(std::vector<Keyed> items) {
    std::vector<Value> values;
    values.reserve(items.size());
    for (Keyed& item : items)
        values.push_back(std::move(item.second));
    return Value::list(std::move(values));
}

/// The keys of sort(attribute="a,b"): a list with one part for each name.
Value sort_key(Evaluator& evaluator, const Value& attribute, const Value& item, bool fold) {
    std::vector<Value> parts;
    const auto add = [&](const Value& name) {
        const Value part = AttributePath(evaluator, name)(item);
        evaluator.charge(part.weight() * 4);
        parts.push_back(fold ? ignore_case(part) : part);
    };
    if (attribute.is_text())
        for (const TextSpan name : split_text(attribute.str(), ",", -1, false))
            add(Value::text(attribute.marked_text().part(name)));
    else
        add(attribute);
    return Value::list(std::move(parts));
}

Value filter_sort(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("sort", arguments, {"reverse", "case_sensitive", "attribute"});
    std::vector<Keyed> items;
    for (Value& item : to_items(input))
        items.emplace_back(
            sort_key(evaluator, attribute_or_none(parameters, 2), item, !parameters.flag(1, false)),
            std::move(item));
    sort_keyed(evaluator, items, parameters.flag(0, false));
    return values_of(std::move(items));
}

Value filter_dictsort(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("dictsort", arguments, {"case_sensitive", "by", "reverse"});
    require_defined(input);
    const std::string by = parameters.text(1, "key");
    if (by != "key" && by != "value")
        throw Failure("dictsort sorts by \"key\" or by \"value\"");
    if (!input.is(Kind::Dict))
        throw Failure("dictsort needs a dict, not '" + type_name(input) + "'");
    std::vector<Keyed> items;
    for (const auto& [key, value] : input.dict().entries) {
        const Value& by_part = by == "key" ? key : value;
        items.emplace_back(parameters.flag(0, false) ? by_part : ignore_case(by_part),
                           Value::tuple({key, value}));
    }
    sort_keyed(evaluator, items, parameters.flag(2, false));
    return values_of(std::move(items));
}

Value filter_unique(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("unique", arguments, {"case_sensitive", "attribute"});
    struct State {
        IteratorObject::Next next;
        DictObject seen;
    };
    const auto state = std::make_shared<State>();
    const AttributePath path(evaluator, attribute_or_none(parameters, 1));
    const bool fold = !parameters.flag(0, false);
    return make_iterator("generator", input.depth(), [&evaluator, input, state, path, fold](Value& out) {
        if (!state->next)
            state->next = iterate(input);
        while (state->next(out)) {
            const Value part = path(out);
            evaluator.charge(1 + part.weight() * 4);
            const Value key = fold ? ignore_case(part) : part;
            if (state->seen.find(key))
                continue;
            state->seen.set(key, Value::none());
            return true;
        }
        return false;
    });
}

template <bool largest>
Value filter_extreme(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters(largest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
    const AttributePath path(evaluator, attribute_or_none(parameters, 1));
    const bool fold = !parameters.flag(0, false);
    const IteratorObject::Next next = iterate(input);
    Value item, best, best_key;
    bool any = false;
    while (next(item)) {
        const Value part = path(item);
        evaluator.charge(1 + part.weight() * 4);
        const Value key = fold ? ignore_case(part) : part;
        if (!any || (largest ? less(best_key, key) : less(key, best_key))) {
            best = item;
            best_key = key;
        }
        any = true;
    }
    return any ? best : Value::undefined("No aggregated item, sequence was empty.");
}

Value filter_sum(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("sum", arguments, {"attribute", "start"});
    const AttributePath path(evaluator, attribute_or_none(parameters, 0));
    Value total = parameters.has(1) ? parameters[1] : Value::integer(0);
    if (total.is_text())
        throw Failure("sum cannot add texts: use join");
    const IteratorObject::Next next = iterate(input);
    Value item;
    while (next(item)) {
        total = binary(BinaryOp::Add, total, path(item));
        evaluator.charge(1 + (total.is_sequence() ? total.items().size() / 4 : 0));
    }
    return total;
}

Value filter_items(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("items", arguments, {});
    return make_iterator("generator", input.depth(), [input, i = std::size_t{0}](Value& out) mutable {
        if (input.is(Kind::Undefined))
            return false;
        if (!input.is(Kind::Dict))
            throw Failure("items needs a dict, not '" + type_name(input) + "'");
        if (i >= input.dict().entries.size())
            return false;
        const auto& [key, value] = input.dict().entries[i++];
        out = Value::tuple({key, value});
        return true;
    });
}

Value filter_batch(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("batch", arguments, {"linecount", "fill_with"}, 1);
    struct State {
        IteratorObject::Next next;
        std::vector<Value> line;
    };
    const auto state = std::make_shared<State>();
    const Value size = parameters[0], fill = attribute_or_none(parameters, 1);
    return make_iterator("generator", std::max(input.depth(), fill.depth()),
                         [&evaluator, input, state, size, fill](Value& out) {
                             if (!state->next)
                                 state->next = iterate(input);
                             std::vector<Value> line = std::move(state->line);
                             state->line.clear();
                             Value item;
                             while (state->next(item)) {
                                 evaluator.charge(1);
                                 if (equal(Value::integer(static_cast<std::int64_t>(line.size())), size)) {
                                     state->line.push_back(item);
                                     out = Value::list(std::move(line));
                                     return true;
                                 }
                                 line.push_back(item);
                             }
                             if (line.empty())
                                 return false;
                             const auto used = Value::integer(static_cast<std::int64_t>(line.size()));
                             const bool fills = !fill.is(Kind::None) && less(used, size);
                             const std::int64_t wanted = fills ? to_index(size) : 0;
                             check_item_count(static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0)));
                             evaluator.charge(static_cast<std::uint64_t>(std::max<std::int64_t>(wanted, 0)) /
                                              4);
                             while (static_cast<std::int64_t>(line.size()) < wanted)
                                 line.push_back(fill);
                             out = Value::list(std::move(line));
                             return true;
                         });
}

Value filter_slice(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("slice", arguments, {"slices", "fill_with"}, 1);
    struct State {
        std::vector<Value> items;
        std::int64_t number = -1;
    };
    const auto state = std::make_shared<State>();
    const Value count = parameters[0], fill = attribute_or_none(parameters, 1);
    return make_iterator("generator", std::max(input.depth(), fill.depth()),
                         [&evaluator, input, state, count, fill](Value& out) {
                             evaluator.charge(1);
                             const std::int64_t slices = to_index(count);
                             if (state->number < 0) {
                                 state->items = to_items(input);
                                 state->number = 0;
                                 if (slices == 0)
                                     throw Failure("slice cannot make 0 parts");
                             }
                             const std::int64_t i = state->number++;
                             if (i >= slices)
                                 return false;
                             const auto n = static_cast<std::int64_t>(state->items.size());
                             const std::int64_t size = n / slices, extra = n % slices;
                             const std::int64_t from = i * size + std::min(i, extra),
                                                to = (i + 1) * size + std::min(i + 1, extra);
                             std::vector<Value> part(state->items.begin() + from, state->items.begin() + to);
                             if (!fill.is(Kind::None) && i >= extra)
                                 part.push_back(fill);
                             out = Value::list(std::move(part));
                             return true;
                         });
}

Value make_group(const Value& key, std::vector<Value> members) {
    Value group = Value::tuple({key, Value::list(std::move(members))});
    static_cast<ListObject&>(*group.object()).group = true;
    return group;
}

Value filter_groupby(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
    const bool fold = !parameters.flag(2, false);
    const Value fallback = parameters.has_value(1) ? parameters[1] : Value::missing();
    const AttributePath path(evaluator, parameters[0], fallback);
    std::vector<Keyed> items;
    for (Value& item : to_items(input)) {
        const Value key = path(item);
        evaluator.charge(1 + key.weight() * 4);
        items.emplace_back(fold ? ignore_case(key) : key, std::move(item));
    }
    sort_keyed(evaluator, items, false);
    std::vector<Value> groups;
    for (std::size_t i = 0; i < items.size();) {
        std::vector<Value> members;
        const Value key = items[i].first;
        while (i < items.size() && equal(items[i].first, key))
            members.push_back(std::move(items[i++].second));
        if (members.empty()) // a key unequal to itself (not a number) is a group of its own
            members.push_back(std::move(items[i++].second));
        const Value shown = fold ? path(members.front()) : key;
        groups.push_back(make_group(shown, std::move(members)));
    }
    return Value::list(std::move(groups));
}

Value filter_attr(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("attr", arguments, {"name"}, 1);
    require_defined(input);
    const std::string name = parameters.text(0, "");
    (void)evaluator;
    const Value found = find_method(input, name);
    return found.is(Kind::Missing)
               ? Value::undefined("'" + type_name(input) + " object' has no attribute '" + name + "'")
               : found;
}

constexpr FilterEntry sequence_table[] = {
    {"attr", filter_attr},     {"batch", filter_batch},       {"count", filter_length},
    {"d", filter_default},     {"default", filter_default},   {"dictsort", filter_dictsort},
    {"first", filter_first},   {"groupby", filter_groupby},   {"items", filter_items},
    {"join", filter_join},     {"last", filter_last},         {"length", filter_length},
    {"list", filter_list},     {"max", filter_extreme<true>}, {"min", filter_extreme<false>},
    {"random", filter_random}, {"reverse", filter_reverse},   {"slice", filter_slice},
    {"sort", filter_sort},     {"sum", filter_sum},           {"unique", filter_unique},
};

} // namespace

std::span<const FilterEntry> sequence_filters() { return sequence_table; }

} // namespace switchyard::jinja
