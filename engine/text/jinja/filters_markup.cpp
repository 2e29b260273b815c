// Filters that make or undo HTML and URLs.
#include "engine/text/jinja/builtins.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/operators.h"
#include "engine/text/jinja/print.h"
#include "engine/text/jinja/text_ops.h"

#include <algorithm>
#include <set>

namespace switchyard::jinja {
namespace {

std::string escaped(const Value& value) { return value.markup() ? value.str() : escape_html(to_text(value)); }

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
    return Value::text(strip_tags(to_text(input)));
}

Value filter_urlencode(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("urlencode", arguments, {});
    if (input.is_text() || !is_iterable(input))
        return Value::text(quote_url(to_text(input), false));
    std::string out;
    const auto add = [&out](const Value& key, const Value& value) {
        out +=
            (out.empty() ? "" : "&") + quote_url(to_text(key), true) + "=" + quote_url(to_text(value), true);
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

Value filter_urlize(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("urlize", arguments,
                                {"trim_url_limit", "nofollow", "target", "rel", "extra_schemes"});
    require_defined(input);
    LinkStyle style;
    if (parameters.has_value(0))
        style.shorten_to = to_index(parameters[0]);
    std::set<std::string> rel = {"noopener"};
    if (parameters.flag(1, false))
        rel.insert("nofollow");
    for (const std::string& part :
         split_space(parameters.has_value(3) ? parameters.text(3, "") : "", -1, false))
        rel.insert(part);
    for (const std::string& part : rel)
        style.rel += (style.rel.empty() ? "" : " ") + part;
    if (parameters.has_value(2))
        style.target = parameters.text(2, "");
    if (parameters.has_value(4))
        for (const Value& scheme : to_items(parameters[4]))
            style.extra_schemes.push_back(to_text(scheme));
    return Value::text(link_urls(escaped(input), style));
}

Value filter_xmlattr(Evaluator&, const Value& input, CallArguments& arguments) {
    const Parameters parameters("xmlattr", arguments, {"autospace"});
    require_defined(input);
    if (!input.is(Kind::Dict))
        throw Failure("xmlattr needs a dict");
    std::string out;
    for (const auto& [key, value] : input.dict().entries) {
        if (value.is(Kind::None) || value.is(Kind::Undefined))
            continue;
        if (!key.is_text() || key.str().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
            throw Failure("xmlattr meets an attribute name that is none");
        out += (out.empty() ? "" : " ") + escaped(key) + "=\"" + escaped(value) + "\"";
        check_text_size(out.size());
    }
    return Value::text(!out.empty() && parameters.flag(0, true) ? " " + out : out);
}

constexpr FilterEntry markup_table[] = {
    {"e", filter_escape},      {"escape", filter_escape},       {"forceescape", filter_forceescape},
    {"safe", filter_safe},     {"striptags", filter_striptags}, {"urlencode", filter_urlencode},
    {"urlize", filter_urlize}, {"xmlattr", filter_xmlattr},
};

} // namespace

std::span<const FilterEntry> markup_filters() { return markup_table; }

} // namespace switchyard::jinja
