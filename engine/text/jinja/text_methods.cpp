// Methods of str.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/methods.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace switchyard::jinja {
namespace {

/// A method's text argument; other types are refused.
const MarkedText& marked_argument(const Value& value) {
    require_defined(value);
    if (!value.is_text())
        throw Failure("a text is needed here, not '" + type_name(value) + "'");
    return value.marked_text();
}
const std::string& text_argument(const Value& value) { return marked_argument(value).text; }

Value part_of(const Value& self, TextSpan span) {
    return Value::text(self.marked_text().part(span), self.markup());
}

/// The characters to strip: white space where the argument is absent or none.
std::optional<std::u32string> strip_argument(const CallArguments& arguments) {
    const Parameters parameters("strip()", arguments, {"chars"});
    if (!parameters.has_value(0))
        return std::nullopt;
    return to_utf32(text_argument(parameters[0]));
}

template <Side side>
Value strip(Evaluator&, const Value& self, CallArguments& arguments) {
    return part_of(self, strip_text(self.str(), strip_argument(arguments), side));
}

template <bool from_right>
Value split(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("split()", arguments, {"sep", "maxsplit"});
    const std::int64_t limit = parameters.integer(1, -1);
    std::vector<Value> parts;
    std::vector<TextSpan> found;
    if (!parameters.has_value(0)) {
        found = split_space(self.str(), limit, from_right);
    } else {
        if (text_argument(parameters[0]).empty())
            throw Failure("split() needs a separator that is not empty");
        found = split_text(self.str(), parameters[0].str(), limit, from_right);
    }
    for (const TextSpan part : found)
        parts.push_back(part_of(self, part));
    return Value::list(std::move(parts));
}

Value splitlines(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("splitlines()", arguments, {"keepends"});
    std::vector<Value> lines;
    for (const TextSpan line : split_lines(self.str(), parameters.flag(0, false)))
        lines.push_back(part_of(self, line));
    return Value::list(std::move(lines));
}

template <bool from_right>
Value partition(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("partition()", arguments, {"sep"}, 1);
    const std::string& separator = text_argument(parameters[0]);
    if (separator.empty())
        throw Failure("partition() needs a separator that is not empty");
    const std::string& text = self.str();
    const std::size_t at = from_right ? find_last_text(text, separator) : find_text(text, separator);
    const auto part = [&](std::size_t begin, std::size_t end) { return part_of(self, {begin, end}); };
    const std::size_t end = text.size();
    if (at == std::string::npos)
        return from_right ? Value::tuple({part(0, 0), part(0, 0), part(0, end)})
                          : Value::tuple({part(0, end), part(0, 0), part(0, 0)});
    return Value::tuple({part(0, at), Value::text(marked_argument(parameters[0]), self.markup()),
                         part(at + separator.size(), end)});
}

/// text[start:stop] as find(), count(), startswith() ... take it, in bytes; nullopt where start is behind the
/// end.
struct Window {
    std::size_t from, to;         ///< bytes
    std::int64_t first_character; ///< the same start, in characters
};
std::optional<Window> window(const Value& self, const Parameters& parameters, std::size_t first) {
    const auto n = static_cast<std::int64_t>(self.text_object().length);
    const auto bound = [&](std::size_t i, std::int64_t absent) {
        if (!parameters.has_value(i))
            return absent;
        const std::int64_t at = to_index(parameters[i]);
        return at < 0 ? std::max<std::int64_t>(at + n, 0) : at;
    };
    const std::int64_t start = bound(first, 0), stop = std::min(bound(first + 1, n), n);
    if (start > n || start > stop)
        return std::nullopt;
    const std::size_t from = byte_offset(self.text_object(), start);
    return Window{from, byte_offset(self.text_object(), stop), start};
}

enum class Search { Find, FindRight, Index, IndexRight };

template <Search search>
Value find(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("find()", arguments, {"sub", "start", "end"}, 1);
    const std::string& wanted = text_argument(parameters[0]);
    constexpr bool right = search == Search::FindRight || search == Search::IndexRight;
    if (const auto range = window(self, parameters, 1)) {
        const std::string_view text =
            std::string_view(self.str()).substr(range->from, range->to - range->from);
        const std::size_t at = right ? find_last_text(text, wanted) : find_text(text, wanted);
        if (at != std::string_view::npos)
            return Value::integer(range->first_character +
                                  static_cast<std::int64_t>(count_code_points(text.substr(0, at))));
    }
    if (search == Search::Index || search == Search::IndexRight)
        throw Failure("index() does not find the text");
    return Value::integer(-1);
}

Value count(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("count()", arguments, {"sub", "start", "end"}, 1);
    const std::string& wanted = text_argument(parameters[0]);
    const auto range = window(self, parameters, 1);
    if (!range)
        return Value::integer(0);
    const std::string_view text = std::string_view(self.str()).substr(range->from, range->to - range->from);
    if (wanted.empty())
        return Value::integer(static_cast<std::int64_t>(count_code_points(text)) + 1);
    return Value::integer(static_cast<std::int64_t>(count_text(text, wanted)));
}

template <bool at_start>
Value starts_or_ends(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters(at_start ? "startswith()" : "endswith()", arguments,
                                {"prefix", "start", "end"}, 1);
    const auto range = window(self, parameters, 1);
    const auto matches = [&](const Value& candidate) {
        const std::string& part = text_argument(candidate);
        if (!range)
            return false;
        const std::string_view text =
            std::string_view(self.str()).substr(range->from, range->to - range->from);
        return at_start ? text.starts_with(part) : text.ends_with(part);
    };
    const Value& wanted = parameters[0];
    if (!wanted.is(Kind::Tuple))
        return Value::boolean(matches(wanted));
    return Value::boolean(std::any_of(wanted.items().begin(), wanted.items().end(), matches));
}

Value replace(Evaluator&, const Value& self, CallArguments& arguments) {
    if (!arguments.keywords.empty())
        throw Failure("replace() takes no arguments by name");
    const Parameters parameters("replace()", arguments, {"old", "new", "count"}, 2);
    const Value& fresh = parameters[1];
    const bool escapes = self.markup() && !fresh.markup();
    return Value::text(replace_text(self.marked_text(), text_argument(parameters[0]),
                                    escapes ? escape_html(to_text(fresh)) : marked_argument(fresh),
                                    parameters.integer(2, -1)),
                       self.markup());
}

Value join(Evaluator& evaluator, const Value& self, CallArguments& arguments) {
    const Parameters parameters("join()", arguments, {"iterable"}, 1);
    MarkedText out;
    bool first = true;
    const IteratorObject::Next next = iterate(parameters[0]);
    Value item;
    while (next(item)) {
        if (!first)
            out += self.marked_text();
        first = false;
        evaluator.charge(1);
        const MarkedText& part = marked_argument(item);
        out += self.markup() && !item.markup() ? escape_html(part) : part;
        check_text_size(out.size());
    }
    return Value::text(std::move(out), self.markup());
}

template <std::u32string (*map)(std::u32string_view)>
Value mapped(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("a method that changes case", arguments, {});
    return Value::text(map_characters(self.marked_text(), map), self.markup());
}

template <bool (*test)(char32_t)>
Value all_are(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("a method that tests characters", arguments, {});
    const std::u32string text = to_utf32(self.str());
    return Value::boolean(!text.empty() && std::all_of(text.begin(), text.end(), test));
}

bool is_alphanumeric(char32_t c) { return is_alpha(c) || is_decimal(c) || is_digit(c) || is_numeric(c); }
bool is_identifier_part(char32_t c) { return is_word(c); }
bool is_ascii(char32_t c) { return c < 0x80; }

template <bool (*test)(std::u32string_view)>
Value whole_is(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("a method that tests a text", arguments, {});
    return Value::boolean(test(to_utf32(self.str())));
}

bool is_printable_text(std::u32string_view text) {
    return std::all_of(text.begin(), text.end(), is_printable);
}
bool is_ascii_text(std::u32string_view text) { return std::all_of(text.begin(), text.end(), is_ascii); }
bool is_identifier_text(std::u32string_view text) {
    return !text.empty() && is_identifier_start(text[0]) &&
           std::all_of(text.begin(), text.end(), is_identifier_part);
}

bool is_title_text(std::u32string_view text) {
    bool inside = false, any = false;
    for (const char32_t c : text) {
        const bool capital = is_upper(c) || is_title(c), small = !capital && is_lower(c);
        if ((capital && inside) || (small && !inside))
            return false;
        inside = capital || small;
        any = any || inside;
    }
    return any;
}

enum class Justify { Left, Right, Center };

template <Justify justify>
Value justified(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("center(), ljust() and rjust()", arguments, {"width", "fillchar"}, 1);
    const MarkedText fill = parameters.marked(1, " ");
    if (count_code_points(fill.text) != 1)
        throw Failure("the fill must be one character");
    const std::int64_t width = to_index(parameters[0]);
    const auto length = static_cast<std::int64_t>(self.text_object().length);
    if (width <= length)
        return self;
    check_text_size(static_cast<std::size_t>(width));
    const std::int64_t pad = width - length;
    std::int64_t left = justify == Justify::Left ? 0 : pad;
    if (justify == Justify::Center)
        left = pad / 2 + (pad & width & 1); // as Python leans
    MarkedText out = repeat_text(fill, left);
    out += self.marked_text();
    out += repeat_text(fill, pad - left);
    return Value::text(std::move(out), self.markup());
}

Value zfill(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("zfill()", arguments, {"width"}, 1);
    const std::int64_t width = to_index(parameters[0]);
    const auto length = static_cast<std::int64_t>(self.text_object().length);
    if (width <= length)
        return self;
    check_text_size(static_cast<std::size_t>(width));
    const std::string& text = self.str();
    const std::size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
    MarkedText out = self.marked_text().part({0, sign});
    out += repeat_text("0", width - length);
    out.append(self.marked_text(), {sign, text.size()});
    return Value::text(std::move(out), self.markup());
}

Value expandtabs(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters("expandtabs()", arguments, {"tabsize"});
    const std::int64_t size = parameters.integer(0, 8);
    MarkedText out;
    std::int64_t column = 0;
    for (std::size_t pos = 0; pos < self.str().size();) {
        const std::size_t from = pos;
        const char32_t c = decode_at(self.str(), pos);
        if (c == '\t') {
            const std::int64_t gap = size > 0 ? size - column % size : 0;
            check_text_size(out.size() + static_cast<std::size_t>(gap));
            out.append(std::string(static_cast<std::size_t>(gap), ' '),
                       self.marked_text().marks.touches(from, pos));
            column += gap;
            continue;
        }
        out.append(self.marked_text(), {from, pos});
        column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    return Value::text(std::move(out), self.markup());
}

template <bool prefix>
Value remove_affix(Evaluator&, const Value& self, CallArguments& arguments) {
    const Parameters parameters(prefix ? "removeprefix()" : "removesuffix()", arguments, {"affix"}, 1);
    const std::string& affix = text_argument(parameters[0]);
    const std::string& text = self.str();
    TextSpan rest{0, text.size()};
    if (prefix && text.starts_with(affix))
        rest.begin = affix.size();
    else if (!prefix && text.ends_with(affix))
        rest.end -= affix.size();
    return part_of(self, rest);
}

Value format(Evaluator& evaluator, const Value& self, CallArguments& arguments) {
    return brace_format(evaluator, self, arguments);
}

Value format_map(Evaluator& evaluator, const Value& self, CallArguments& arguments) {
    const Parameters parameters("format_map()", arguments, {"mapping"}, 1);
    if (!parameters[0].is(Kind::Dict))
        throw Failure("format_map() needs a dict");
    CallArguments named;
    evaluator.charge(parameters[0].dict().entries.size());
    for (const auto& [key, value] : parameters[0].dict().entries)
        if (key.is_text())
            named.keywords.emplace_back(key.str(), value);
    return brace_format(evaluator, self, named);
}

Value translate(Evaluator& evaluator, const Value& self, CallArguments& arguments) {
    const Parameters parameters("translate()", arguments, {"table"}, 1);
    MarkedText out;
    std::string character;
    for (std::size_t pos = 0; pos < self.str().size();) {
        const std::size_t from = pos;
        const char32_t c = decode_at(self.str(), pos);
        evaluator.charge(1);
        const Value found = find_item(parameters[0], Value::integer(c));
        character.clear();
        if (found.is_integral() && found.as_int() >= 0 && found.as_int() < 0x110000) {
            append_utf8(character, static_cast<char32_t>(found.as_int()));
            out.append(character, found.outside() || self.marked_text().marks.touches(from, pos));
        } else if (found.is(Kind::Missing)) {
            out.append(self.marked_text(), {from, pos});
        } else if (found.is_text()) {
            out += found.marked_text();
        } else if (!found.is(Kind::None)) {
            throw Failure("translate() needs a table of texts, numbers or none");
        }
        check_text_size(out.size());
    }
    return Value::text(std::move(out), self.markup());
}

constexpr std::pair<std::string_view, Method> methods[] = {
    {"strip", strip<Side::Both>},
    {"lstrip", strip<Side::Left>},
    {"rstrip", strip<Side::Right>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", splitlines},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"find", find<Search::Find>},
    {"rfind", find<Search::FindRight>},
    {"index", find<Search::Index>},
    {"rindex", find<Search::IndexRight>},
    {"count", count},
    {"startswith", starts_or_ends<true>},
    {"endswith", starts_or_ends<false>},
    {"replace", replace},
    {"join", join},
    {"upper", mapped<upper>},
    {"lower", mapped<lower>},
    {"title", mapped<title>},
    {"capitalize", mapped<capitalize>},
    {"swapcase", mapped<swap_case>},
    {"casefold", mapped<case_fold>},
    {"isalpha", all_are<is_alpha>},
    {"isdigit", all_are<is_digit>},
    {"isdecimal", all_are<is_decimal>},
    {"isnumeric", all_are<is_numeric>},
    {"isalnum", all_are<is_alphanumeric>},
    {"isspace", all_are<is_space>},
    {"isprintable", whole_is<is_printable_text>},
    {"isascii", whole_is<is_ascii_text>},
    {"isidentifier", whole_is<is_identifier_text>},
    {"islower", whole_is<is_lower_text>},
    {"isupper", whole_is<is_upper_text>},
    {"istitle", whole_is<is_title_text>},
    {"center", justified<Justify::Center>},
    {"ljust", justified<Justify::Left>},
    {"rjust", justified<Justify::Right>},
    {"zfill", zfill},
    {"expandtabs", expandtabs},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"format", format},
    {"format_map", format_map},
    {"translate", translate},
};

} // namespace

Method find_text_method(std::string_view name) {
    for (const auto& [method, function] : methods)
        if (method == name)
            return function;
    return nullptr;
}

} // namespace switchyard::jinja
