#include "engine/text/jinja/methods.h"

#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"

#include <algorithm>
#include <array>

namespace switchyard::jinja {
namespace {

Value bind(const Value& self, std::string_view name, Method method) {
    return make_function(std::string(name), self.depth(),
                         [self, method](Evaluator& evaluator, CallArguments& arguments) {
                             if (self.is_text())
                                 evaluator.charge_for(self);
                             return method(evaluator, self, arguments);
                         });
}

Value number_attribute(const Value& object, std::string_view name) {
    const bool real = object.is(Kind::Float);
    if (name == "real")
        return real ? object : Value::integer(object.as_int());
    if (name == "imag")
        return real ? Value::real(0) : Value::integer(0);
    if (!real && name == "numerator")
        return Value::integer(object.as_int());
    if (!real && name == "denominator")
        return Value::integer(1);
    return Value::missing();
}

Value native_attribute(const Value& object, std::string_view name) {
    Value found = object.native().attribute(name);
    if (!found.is(Kind::Missing) && name.starts_with('_'))
        return Value::undefined("access to attribute '" + std::string(name) + "' is unsafe");
    return found;
}

Value group_attribute(const Value& object, std::string_view name) {
    if (!static_cast<const ListObject&>(*object.object()).group)
        return Value::missing();
    if (name == "grouper")
        return object.items()[0];
    return name == "list" ? object.items()[1] : Value::missing();
}

} // namespace

Value find_method(const Value& object, std::string_view name) {
    switch (object.kind()) {
    case Kind::Native:
        return native_attribute(object, name);
    case Kind::String: {
        const Method method = find_text_method(name);
        return method ? bind(object, name, method) : Value::missing();
    }
    case Kind::Range:
        if (name == "start" || name == "stop" || name == "step")
            return Value::integer(name == "start"  ? object.range().start
                                  : name == "stop" ? object.range().stop
                                                   : object.range().step);
        break;
    case Kind::Int:
    case Kind::Bool:
    case Kind::Float:
        if (Value found = number_attribute(object, name); !found.is(Kind::Missing))
            return found;
        break;
    case Kind::Tuple:
        if (Value found = group_attribute(object, name); !found.is(Kind::Missing))
            return found;
        break;
    default:
        break;
    }
    const Method method = find_container_method(object, name);
    return method ? bind(object, name, method) : Value::missing();
}

bool is_blocked_method(const Value& object, std::string_view name) {
    static constexpr std::array<std::string_view, 8> of_list = {"append", "clear", "pop",    "reverse",
                                                                "insert", "sort",  "extend", "remove"};
    static constexpr std::array<std::string_view, 5> of_dict = {"clear", "pop", "popitem", "setdefault",
                                                                "update"};
    const auto in = [name](const auto& names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    return (object.is(Kind::List) && in(of_list)) || (object.is(Kind::Dict) && in(of_dict));
}

} // namespace switchyard::jinja
