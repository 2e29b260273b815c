// The filters, tests and functions that every template has.
#pragma once

#include "engine/text/jinja/value.h"

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

using FilterFunction = Value (*)(Evaluator& evaluator, const Value& input, CallArguments& arguments);
using TestFunction = bool (*)(Evaluator& evaluator, const Value& input, CallArguments& arguments);

/// How much of its input and arguments a filter looks at before it charges for it itself.
enum class Reads : std::uint8_t {
    Outermost, ///< texts, and the items of lists but not what is in them
    Everything
};

struct FilterEntry {
    std::string_view name;
    FilterFunction function;
    Reads reads = Reads::Outermost;
};

struct TestEntry {
    std::string_view name;
    TestFunction function;
};

/// nullptr where there is none of that name.
const FilterEntry* find_filter(std::string_view name);
const TestEntry* find_test(std::string_view name);

// One table a file.
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> markup_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> selection_filters();

/// range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
std::map<std::string, Value, std::less<>> make_globals();

/// Arguments matched with a function's parameters.
class Parameters {
  public:
    /// Throws Failure for too many, unknown, double or (of the first `required`) missing ones.
    Parameters(std::string_view function, const CallArguments& arguments,
               std::initializer_list<std::string_view> names, std::size_t required = 0);

    bool has(std::size_t i) const { return !values_[i].is(Kind::Missing); }
    bool has_value(std::size_t i) const { return has(i) && !values_[i].is(Kind::None); }
    const Value& operator[](std::size_t i) const { return values_[i]; }
    bool flag(std::size_t i, bool fallback) const { return has(i) ? values_[i].truthy() : fallback; }
    std::int64_t integer(std::size_t i, std::int64_t fallback) const; ///< Failure where it is no whole number
    MarkedText marked(std::size_t i, std::string_view fallback) const; ///< Failure where it is no text
    /// The same where what it says matters, not where it came from.
    std::string text(std::size_t i, std::string_view fallback) const { return marked(i, fallback).text; }

  private:
    std::string function_;
    std::vector<Value> values_;
};

} // namespace switchyard::jinja
