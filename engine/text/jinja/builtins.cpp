#include "engine/text/jinja/builtins.h"

#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/objects.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace switchyard::jinja {
namespace {

Value call_range(Evaluator& evaluator, CallArguments& arguments) {
    (void)evaluator;
    const auto& given = arguments.positional;
    if (!arguments.keywords.empty() || given.empty() || given.size() > 3)
        throw Failure("range() takes one to three numbers");
    std::int64_t numbers[3] = {0, 0, 1};
    for (std::size_t i = 0; i < given.size(); ++i)
        numbers[given.size() == 1 ? 1 : i] = to_index(given[i]);
    if (numbers[2] == 0)
        throw Failure("range() needs a step other than zero");
    constexpr std::int64_t kMaxNumber = std::int64_t{1} << 40; // positions times steps cannot overflow below
    if (std::any_of(std::begin(numbers), std::end(numbers),
                    [](std::int64_t n) { return n > kMaxNumber || n < -kMaxNumber; }))
        throw Failure("range() is given a number that is too large");
    constexpr std::int64_t kMaxRange = 100000; // as jinja2's sandbox has it
    const Value range = Value::range(numbers[0], numbers[1], numbers[2]);
    if (range.range().length() > kMaxRange)
        throw Failure("range() is longer than 100000");
    return range;
}

/// dict(mapping or pairs, name=value ...).
Value make_dict_from(std::string_view function, const CallArguments& arguments) {
    auto dict = make_dict();
    if (arguments.positional.size() > 1)
        throw Failure(std::string(function) + "() takes at most one argument without a name");
    if (!arguments.positional.empty()) {
        const Value& source = arguments.positional[0];
        require_defined(source);
        if (source.is(Kind::Dict)) {
            for (const auto& [key, value] : source.dict().entries)
                dict->set(key, value);
        } else {
            for (const Value& pair : to_items(source)) {
                const std::vector<Value> parts = to_items(pair);
                if (parts.size() != 2)
                    throw Failure(std::string(function) + "() takes pairs");
                dict->set(parts[0], parts[1]);
            }
        }
    }
    for (const auto& [key, value] : arguments.keywords)
        dict->set(arguments.name_value(key), value);
    return Value::dict(std::move(dict));
}

Value call_namespace(Evaluator& evaluator, CallArguments& arguments) {
    const Value attributes = make_dict_from("namespace", arguments);
    auto object = std::make_shared<NamespaceObject>();
    for (const auto& [key, value] : attributes.dict().entries)
        object->attributes.set(key, value);
    evaluator.adopt(object);
    return Value::native(std::move(object));
}

Value call_cycler(Evaluator&, CallArguments& arguments) {
    if (!arguments.keywords.empty() || arguments.positional.empty())
        throw Failure("cycler() takes at least one value, and none by name");
    return Value::native(std::make_shared<CyclerObject>(Value::tuple(std::move(arguments.positional))));
}

Value call_joiner(Evaluator&, CallArguments& arguments) {
    const Parameters parameters("joiner", arguments, {"sep"});
    return Value::native(
        std::make_shared<JoinerObject>(parameters.has(0) ? parameters[0] : Value::text(std::string(", "))));
}

Value call_raise(Evaluator&, CallArguments& arguments) {
    const Parameters parameters("raise_exception", arguments, {"message"}, 1);
    throw Raised(to_text(parameters[0]).text);
}

// Python's local time names no zone: %Z and %z are empty.
std::string without_zone(const std::string& format) {
    std::string out;
    for (std::size_t at = 0; at < format.size(); ++at) {
        if (format[at] == '%' && at + 1 < format.size()) {
            if (format[at + 1] != 'Z' && format[at + 1] != 'z')
                out += format.substr(at, 2);
            ++at;
        } else {
            out += format[at];
        }
    }
    return out;
}

Value call_strftime(Evaluator& evaluator, CallArguments& arguments) {
    const Parameters parameters("strftime_now", arguments, {"format"}, 1);
    const std::string format = without_zone(parameters.text(0, ""));
    if (format.empty())
        return Value::text(std::string());
    constexpr std::size_t kLongestFormat = 1 << 16;
    if (format.size() > kLongestFormat)
        throw Failure("strftime_now is given a format that is too long");
    const std::time_t now = evaluator.now();
    std::tm local{};
#ifdef _WIN32
    localtime_s(&local, &now);
#else
    localtime_r(&now, &local);
#endif
    std::string out(format.size() * 8 + 256, '\0');
    out.resize(std::strftime(out.data(), out.size(), format.c_str(), &local));
    return Value::text(whole_text(std::move(out), parameters[0].outside()));
}

} // namespace

std::map<std::string, Value, std::less<>> make_globals() {
    std::map<std::string, Value, std::less<>> globals;
    const auto add = [&globals](const char* name, FunctionObject::Body body) {
        globals.emplace(name, make_function(name, 0, std::move(body)));
    };
    add("range", call_range);
    add("dict", [](Evaluator&, CallArguments& arguments) { return make_dict_from("dict", arguments); });
    add("namespace", call_namespace);
    add("cycler", call_cycler);
    add("joiner", call_joiner);
    add("raise_exception", call_raise);
    add("strftime_now", call_strftime);
    return globals;
}

const FilterEntry* find_filter(std::string_view name) {
    for (const auto table :
         {text_filters(), markup_filters(), number_filters(), sequence_filters(), selection_filters()})
        for (const FilterEntry& entry : table)
            if (entry.name == name)
                return &entry;
    return nullptr;
}

Parameters::Parameters(std::string_view function, const CallArguments& arguments,
                       std::initializer_list<std::string_view> names, std::size_t required)
    : function_(function), values_(names.size(), Value::missing()) {
    if (arguments.positional.size() > names.size())
        throw Failure(function_ + " takes at most " + std::to_string(names.size()) + " arguments");
    std::copy(arguments.positional.begin(), arguments.positional.end(), values_.begin());
    for (const auto& [key, value] : arguments.keywords) {
        const auto* const name = std::find(names.begin(), names.end(), key);
        if (name == names.end())
            throw Failure(function_ + " has no argument '" + key + "'");
        Value& place = values_[static_cast<std::size_t>(name - names.begin())];
        if (!place.is(Kind::Missing))
            throw Failure(function_ + " is given '" + key + "' twice");
        place = value;
    }
    for (std::size_t i = 0; i < required; ++i)
        if (!has(i))
            throw Failure(function_ + " needs the argument '" + std::string(names.begin()[i]) + "'");
}

std::int64_t Parameters::integer(std::size_t i, std::int64_t fallback) const {
    return has(i) ? to_index(values_[i]) : fallback;
}

MarkedText Parameters::marked(std::size_t i, std::string_view fallback) const {
    if (!has(i))
        return plain_text(std::string(fallback));
    require_defined(values_[i]);
    if (!values_[i].is_text())
        throw Failure(function_ + " takes a text, not '" + type_name(values_[i]) + "'");
    return values_[i].marked_text();
}

} // namespace switchyard::jinja
