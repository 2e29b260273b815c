// Filters that make or undo HTML and URLs.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/evaluator.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"

#include <algorithm>
#include <set>

namespace switchyard::jinja {
namespace {

MarkedText escaped(const Value& value) {
    return value.markup() ? value.marked_text() : escape_html(to_text(value));
}

Value filter_escape(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("escape", arguments, {});
    return Value::text(escaped(input), true);
}

Value filter_forceescape(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("forceescape", arguments, {});
    return Value::text(escape_html(to_text(input)), true);
}

Value filter_safe(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("safe", arguments, {});
    return Value::text(to_text(input), true);
}

Value filter_striptags(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("striptags", arguments, {});
    return Value::text(mapped_text(to_text(input), strip_tags));
}

MarkedText quoted(const Value& value, bool for_query) {
    return mapped_text(to_text(value),
                       [for_query](std::string_view text) { return quote_url(text, for_query); });
}

Value filter_urlencode(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("urlencode", arguments, {});
    if (input.is_text() || !is_iterable(input))
        return Value::text(quoted(input, false));
    MarkedText out;
    const auto add = [&out](const Value& key, const Value& value) {
        out += out.empty() ? "" : "&";
        out += quoted(key, true);
        out += "=";
        out += quoted(value, true);
        check_text_size(out.size());
    };
    if (input.is(Kind::Dict)) {
        for (const auto& [key, value] : input.dict().entries)
            add(key, value);
    } else {
        for (const Value& pair : to_items(input)) {
            const std::vector<Value> parts = to_items(pair);
            if (parts.size() != 2)
                throw Failure("urlencode needs pairs");
            add(parts[0], parts[1]);
        }
    }
    return Value::text(std::move(out));
}

Value filter_urlize(Evaluator& evaluator, const Value& input, CallArguments& arguments) {
    const Parameters parameters("urlize", arguments,
                                {"trim_url_limit", "nofollow", "target", "rel", "extra_schemes"});
    require_defined(input);
    LinkStyle style;
    if (parameters.has_value(0))
        style.shorten_to = to_index(parameters[0]);
    std::set<std::string> rel = {"noopener"};
    if (parameters.flag(1, false))
        rel.insert("nofollow");
    const std::string given = parameters.has_value(3) ? parameters.text(3, "") : "";
    for (const TextSpan part : split_space(given, -1, false))
        rel.emplace(view_of(given, part));
    for (const std::string& part : rel)
        style.rel += (style.rel.empty() ? "" : " ") + part;
    if (parameters.has_value(2))
        style.target = parameters.text(2, "");
    if (parameters.has_value(4))
        for (const Value& scheme : to_items(parameters[4]))
            style.extra_schemes.push_back(to_text(scheme).text);
    const MarkedText text = escaped(input);
    const bool marked = !text.marks.empty() || parameters[2].outside() || parameters[3].outside();
    evaluator.charge(style.extra_schemes.size() * (text.size() / 16));
    return Value::text(whole_text(link_urls(text.text, style), marked));
}

Value filter_xmlattr(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("xmlattr", arguments, {"autospace"});
    require_defined(input);
    if (!input.is(Kind::Dict))
        throw Failure("xmlattr needs a dict");
    MarkedText out;
    for (const auto& [key, value] : input.dict().entries) {
        if (value.is(Kind::None) || value.is(Kind::Undefined))
            continue;
        if (!key.is_text() || key.str().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
            throw Failure("xmlattr meets an attribute name that is none");
        out += out.empty() && !parameters.flag(0, true) ? "" : " ";
        out += escaped(key);
        out += "=\"";
        out += escaped(value);
        out += "\"";
        check_text_size(out.size());
    }
    return Value::text(std::move(out));
}

constexpr FilterEntry markup_table[] = {
    {"e", filter_escape, Reads::Everything},
    {"escape", filter_escape, Reads::Everything},
    {"forceescape", filter_forceescape, Reads::Everything},
    {"safe", filter_safe, Reads::Everything},
    {"striptags", filter_striptags, Reads::Everything},
    {"urlencode", filter_urlencode, Reads::Everything},
    {"urlize", filter_urlize, Reads::Everything},
    {"xmlattr", filter_xmlattr, Reads::Everything},
};

} // namespace

std::span<const FilterEntry> markup_filters() { return markup_table; }

} // namespace switchyard::jinja
