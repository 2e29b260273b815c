// HTML in templates: escaping, stripping of tags, links. Chat templates seldom need it, but the language has
// it.
#pragma once

#include "engine/text/jinja/value.h"

#include <string>
#include <string_view>

namespace switchyard::jinja {

/// Each character by itself.
MarkedText escape_html(const MarkedText& text);
std::string escape_html(std::string_view text);
std::string unescape_html(std::string_view text);
/// The text without tags and comments, entities resolved, white space collapsed.
std::string strip_tags(std::string_view text);
/// Percent-encoding of UTF-8; "/" stays unless `for_query`, where a space becomes "+".
std::string quote_url(std::string_view text, bool for_query);

struct LinkStyle {
    std::int64_t shorten_to = -1; ///< characters of the address shown; -1: all
    std::string rel, target;
    std::vector<std::string> extra_schemes;
};
/// Addresses in the text become links; the rest is escaped.
std::string link_urls(std::string_view text, const LinkStyle& style);

} // namespace switchyard::jinja
