// Methods of lists, tuples, dicts and numbers.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace switchyard::jinja {
namespace {

bool same(const Value& a, const Value& b) { return identical(a, b) || equal(a, b); }

Value sequence_count(Evaluator& evaluator, const Value& self, CallArguments& arguments) {
    const Parameters parameters("count()", arguments, {"value"}, 1);
    evaluator.charge(self.weight() / 4);
    const auto& items = self.items();
    return Value::integer(std::count_if(items.begin(), items.end(),
                                        [&](const Value& item) { return same(item, parameters[0]); }));
}

Value sequence_index(Evaluator& evaluator, const Value& self, CallArguments& arguments) {
    const Parameters parameters("index()", arguments, {"value", "start", "stop"}, 1);
    evaluator.charge(self.weight() / 4);
    const auto n = static_cast<std::int64_t>(self.items().size());
    const auto bound = [n](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + n : i, 0, n); };
    const std::int64_t stop = bound(parameters.integer(2, n));
    for (std::int64_t i = bound(parameters.integer(1, 0)); i < stop; ++i)
        if (same(self.items()[static_cast<std::size_t>(i)], parameters[0]))
            return Value::integer(i);
    throw Failure(to_repr(parameters[0]).text + " is not in the " + type_name(self));
}

Value list_copy(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("copy()", arguments, {});
    return self.is(Kind::List) ? Value::list(self.items()) : self;
}

Value dict_get(Evaluator&, const Value& self, CallArguments& arguments) {
    if (!arguments.keywords.empty())
        throw Failure("get() takes no arguments by name");
    const Parameters parameters("get()", arguments, {"key", "default"}, 1);
    const Value* found = self.dict().find(parameters[0]);
    return found ? *found : parameters.has(1) ? parameters[1] : Value::none();
}

template <ViewObject::Part part>
Value dict_view(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("items(), keys() and values()", arguments, {});
    auto view = std::make_shared<ViewObject>();
    view->part = part;
    view->dict = self;
    return Value::view(std::move(view));
}

Value dict_from_keys(Evaluator&, const Value&, CallArguments& arguments) {
    const Parameters parameters("fromkeys()", arguments, {"keys", "value"}, 1);
    auto dict = make_dict();
    for (const Value& key : to_items(parameters[0]))
        dict->set(key, parameters.has(1) ? parameters[1] : Value::none());
    return Value::dict(std::move(dict));
}

Value is_integer(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("is_integer()", arguments, {});
    return Value::boolean(std::isfinite(self.as_real()) && std::floor(self.as_real()) == self.as_real());
}

Value bit_length(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("bit_length()", arguments, {});
    std::int64_t bits = 0;
    for (auto rest = self.as_int() < 0 ? 0 - static_cast<std::uint64_t>(self.as_int())
                                       : static_cast<std::uint64_t>(self.as_int());
         rest != 0; rest >>= 1)
        ++bits;
    return Value::integer(bits);
}

Value conjugate(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("conjugate()", arguments, {});
    return positive(self);
}

using Row = std::pair<std::string_view, Method>;

template <std::size_t N>
Method look_up(const Row (&rows)[N], std::string_view name) {
    for (const Row& row : rows)
        if (row.first == name)
            return row.second;
    return nullptr;
}

} // namespace

Method find_container_method(const Value& object, std::string_view name) {
    static constexpr Row of_sequence[] = {{"count", sequence_count}, {"index", sequence_index}};
    static constexpr Row of_dict[] = {{"get", dict_get},
                                      {"items", dict_view<ViewObject::Part::Items>},
                                      {"keys", dict_view<ViewObject::Part::Keys>},
                                      {"values", dict_view<ViewObject::Part::Values>},
                                      {"copy", list_copy},
                                      {"fromkeys", dict_from_keys}};
    static constexpr Row of_int[] = {{"bit_length", bit_length}, {"conjugate", conjugate}};
    static constexpr Row of_float[] = {{"is_integer", is_integer}, {"conjugate", conjugate}};
    switch (object.kind()) {
    case Kind::List:
        if (name == "copy")
            return list_copy;
        return look_up(of_sequence, name);
    case Kind::Tuple:
        return look_up(of_sequence, name);
    case Kind::Dict:
        return look_up(of_dict, name);
    case Kind::Int:
    case Kind::Bool:
        return look_up(of_int, name);
    case Kind::Float:
        return look_up(of_float, name);
    default:
        return nullptr;
    }
}

} // namespace switchyard::jinja
