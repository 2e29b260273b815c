// Filters on texts.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/format.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/pretty.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"
#include "engine/text/jinja/word_wrap.h"

#include <algorithm>

namespace switchyard::jinja {
namespace {

/// What the filter works on: any value as text, safe HTML staying safe.
Value soft_text(const Value& value) { return value.is_text() ? value : Value::text(to_text(value)); }

Value recased(const Value& input, std::u32string (*map)(std::u32string_view)) {
    const Value text = soft_text(input);
    return Value::text(map_characters(text.marked_text(), map), text.markup());
}

/// Every word's first letter in upper case: words end at white space and at some brackets and marks.
std::u32string word_title(std::u32string_view text) {
    static constexpr std::u32string_view breaks = U"-({[<";
    const auto is_break = [](char32_t c) {
        return is_space(c) || breaks.find(c) != std::u32string_view::npos;
    };
    std::u32string out;
    for (std::size_t i = 0; i < text.size();) {
        if (is_break(text[i])) {
            out += text[i++];
            continue;
        }
        std::size_t end = i;
        while (end < text.size() && !is_break(text[end]))
            ++end;
        out += upper(text.substr(i, 1));
        out += lower(text.substr(i + 1, end - i - 1));
        i = end;
    }
    return out;
}

Value filter_capitalize(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("capitalize", arguments, {});
    return recased(input, capitalize);
}

Value filter_upper(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("upper", arguments, {});
    return recased(input, upper);
}

Value filter_lower(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("lower", arguments, {});
    return recased(input, lower);
}

Value filter_title(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("title", arguments, {});
    return Value::text(map_characters(to_text(input), word_title));
}

Value filter_string(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("string", arguments, {});
    return soft_text(input);
}

Value filter_trim(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("trim", arguments, {"chars"});
    const Value text = soft_text(input);
    std::optional<std::u32string> characters;
    if (parameters.has_value(0))
        characters = to_utf32(parameters.text(0, ""));
    return Value::text(text.marked_text().part(strip_text(text.str(), characters, Side::Both)),
                       text.markup());
}

Value filter_center(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("center", arguments, {"width"});
    const Value text = soft_text(input);
    const std::int64_t width = parameters.integer(0, 80);
    const auto length = static_cast<std::int64_t>(text.text_object().length);
    if (width <= length)
        return text;
    check_text_size(static_cast<std::size_t>(width));
    const std::int64_t pad = width - length, left = pad / 2 + (pad & width & 1);
    MarkedText out = plain_text(repeat_text(" ", left));
    out += text.marked_text();
    out += repeat_text(" ", pad - left);
    return Value::text(std::move(out), text.markup());
}

Value filter_replace(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("replace", arguments, {"old", "new", "count"}, 2);
    const std::int64_t count = parameters.has_value(2) ? to_index(parameters[2]) : -1;
    return Value::text(
        replace_text(to_text(input), to_text(parameters[0]).text, to_text(parameters[1]), count));
}

Value filter_format(Evaluator&, const Value& input, CallArguments& arguments) {
    if (!arguments.positional.empty() && !arguments.keywords.empty())
        throw Failure("format takes values in order or by name, not both");
    if (arguments.keywords.empty())
        return percent_format(soft_text(input), Value::tuple(arguments.positional));
    auto dict = make_dict();
    for (const auto& [key, value] : arguments.keywords)
        dict->set(arguments.name_value(key), value);
    return percent_format(soft_text(input), Value::dict(std::move(dict)));
}

Value filter_indent(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("indent", arguments, {"width", "first", "blank"});
    require_defined(input);
    if (!input.is_text())
        throw Failure("indent needs a text, not '" + type_name(input) + "'");
    MarkedText indent = plain_text(std::string(4, ' '));
    if (parameters.has(0) && parameters[0].is_text()) {
        indent = parameters[0].marked_text();
    } else if (parameters.has(0)) {
        const std::int64_t width = std::max<std::int64_t>(to_index(parameters[0]), 0);
        check_text_size(static_cast<std::size_t>(width));
        indent = plain_text(std::string(static_cast<std::size_t>(width), ' '));
    }
    const bool blank = parameters.flag(2, false);
    MarkedText source = input.marked_text(), out;
    source += "\n";
    bool first = true;
    std::size_t last_end = 0;
    for (const TextSpan line : split_lines(source.text, false)) {
        if (!first)
            out.append("\n", source.marks.touches(last_end, line.begin));
        last_end = line.end;
        if (first ? parameters.flag(1, false) : blank || line.begin < line.end)
            out += indent;
        first = false;
        out.append(source, line);
        check_text_size(out.size());
    }
    return Value::text(std::move(out), input.markup());
}

Value filter_truncate(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("truncate", arguments, {"length", "killwords", "end", "leeway"});
    const MarkedText end = parameters.marked(2, "...");
    const auto end_size = static_cast<std::int64_t>(count_code_points(end.text));
    const Value wanted = parameters.has(0) ? parameters[0] : Value::integer(255);
    const Value leeway = parameters.has_value(3) ? parameters[3] : Value::integer(5);
    if (less(wanted, Value::integer(end_size)) || less(leeway, Value::integer(0)))
        throw Failure("truncate needs a length of at least its end's, and no negative leeway");
    if (!less(binary(BinaryOp::Add, wanted, leeway), Value::integer(length(input))))
        return input;
    const std::int64_t limit = to_index(wanted);
    if (!input.is_text())
        throw Failure("truncate needs a text, not '" + type_name(input) + "'");
    MarkedText text = first_characters(input.marked_text(), limit - end_size);
    if (const std::size_t space = text.text.rfind(' ');
        !parameters.flag(1, false) && space != std::string::npos)
        text = text.part({0, space});
    text += end;
    return Value::text(std::move(text), input.markup());
}

Value filter_wordcount(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("wordcount", arguments, {});
    std::int64_t words = 0;
    bool inside = false;
    for (const char32_t c : to_utf32(to_text(input).text)) {
        words += is_word(c) && !inside ? 1 : 0;
        inside = is_word(c);
    }
    return Value::integer(words);
}

Value filter_wordwrap(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("wordwrap", arguments,
                                {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
    require_defined(input);
    if (!input.is_text())
        throw Failure("wordwrap needs a text, not '" + type_name(input) + "'");
    const MarkedText separator = parameters.has_value(2) ? parameters.marked(2, "") : plain_text("\n");
    MarkedText out;
    bool first = true;
    for (const TextSpan line : split_lines(input.str(), false)) {
        if (!first)
            out += separator;
        first = false;
        // As in Python, settings matter only once there is a line.
        const WrapStyle style{parameters.integer(0, 79), parameters.flag(1, true), parameters.flag(3, true)};
        bool begun = false;
        for (const TextSpan part : wrap_words(view_of(input.str(), line), style)) {
            if (begun)
                out += separator;
            begun = true;
            out.append(input.marked_text(), {line.begin + part.begin, line.begin + part.end});
            check_text_size(out.size());
        }
    }
    return Value::text(std::move(out));
}

Value filter_tojson(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
    JsonStyle style;
    style.ascii = parameters.flag(0, false);
    style.sort_keys = parameters.flag(3, false);
    if (parameters.has_value(1)) {
        style.item_separator = plain_text(",");
        if (parameters[1].is_text())
            style.indent = parameters[1].marked_text();
        else
            style.indent =
                plain_text(repeat_text(" ", std::min<std::int64_t>(to_index(parameters[1]), 1000)));
    }
    if (parameters.has_value(2)) {
        const std::vector<Value> separators = to_items(parameters[2]);
        if (separators.size() != 2 || !separators[0].is_text() || !separators[1].is_text())
            throw Failure("tojson needs two texts as separators");
        style.item_separator = separators[0].marked_text();
        style.key_separator = separators[1].marked_text();
    }
    return Value::text(to_json(input, style));
}

Value filter_pprint(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("pprint", arguments, {});
    evaluator.charge(input.weight() * 4 * input.depth()); // every level is tried on one line first
    return Value::text(pretty_repr(input));
}

constexpr FilterEntry text_table[] = {
    {"capitalize", filter_capitalize, Reads::Everything},
    {"center", filter_center, Reads::Everything},
    {"format", filter_format, Reads::Everything},
    {"indent", filter_indent, Reads::Everything},
    {"lower", filter_lower, Reads::Everything},
    {"pprint", filter_pprint, Reads::Everything},
    {"replace", filter_replace, Reads::Everything},
    {"string", filter_string, Reads::Everything},
    {"title", filter_title, Reads::Everything},
    {"tojson", filter_tojson, Reads::Everything},
    {"trim", filter_trim, Reads::Everything},
    {"truncate", filter_truncate, Reads::Everything},
    {"upper", filter_upper, Reads::Everything},
    {"wordcount", filter_wordcount, Reads::Everything},
    {"wordwrap", filter_wordwrap, Reads::Everything},
};

} // namespace

std::span<const FilterEntry> text_filters() { return text_table; }

} // namespace switchyard::jinja
