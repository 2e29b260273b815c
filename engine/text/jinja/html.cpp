#include "engine/text/jinja/html.h"

#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace switchyard::jinja {
namespace {

struct Entity {
    std::string_view name;
    char32_t c;
};

/// The entities that escape_html writes, and the most common beside them.
constexpr Entity entities[] = {{"amp", '&'},       {"lt", '<'},       {"gt", '>'},       {"quot", '"'},
                               {"apos", '\''},     {"nbsp", 0xA0},    {"copy", 0xA9},    {"reg", 0xAE},
                               {"hellip", 0x2026}, {"mdash", 0x2014}, {"ndash", 0x2013}, {"lsquo", 0x2018},
                               {"rsquo", 0x2019},  {"ldquo", 0x201C}, {"rdquo", 0x201D}, {"euro", 0x20AC}};

/// The character of "#39" or "#x27"; 0 where it is none.
char32_t numeric_entity(std::string_view name) {
    const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const std::string_view digits = name.substr(hex ? 2 : 1);
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty())
        return 0;
    return value < 0x110000 && (value < 0xD800 || value >= 0xE000) && value > 0 ? value : 0xFFFD;
}

/// The text without what stands between `open` and the next `close`.
std::string without(std::string_view text, std::string_view open, std::string_view close) {
    std::string out;
    std::size_t pos = 0;
    for (std::size_t from = text.find(open); from != std::string_view::npos; from = text.find(open, pos)) {
        const std::size_t to = text.find(close, from);
        if (to == std::string_view::npos)
            break;
        out += text.substr(pos, from - pos);
        pos = to + close.size();
    }
    return out + std::string(text.substr(pos));
}

} // namespace

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text)
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '\'':
            out += "&#39;";
            break;
        case '"':
            out += "&#34;";
            break;
        default:
            out += c;
        }
    check_text_size(out.size());
    return out;
}

MarkedText escape_html(const MarkedText& text) {
    return mapped_text(text, [](std::string_view part) { return escape_html(part); });
}

std::string unescape_html(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        constexpr std::size_t kLongest = 13; // "&" to ";"
        const std::size_t end = text[i] == '&'
                                    ? text.substr(0, std::min(text.size(), i + kLongest)).find(';', i)
                                    : std::string_view::npos;
        char32_t c = 0;
        if (end != std::string_view::npos) {
            const std::string_view name = text.substr(i + 1, end - i - 1);
            if (name.starts_with('#'))
                c = numeric_entity(name);
            else
                for (const Entity& entity : entities)
                    c = entity.name == name ? entity.c : c;
        }
        if (c == 0) {
            out += text[i++];
        } else {
            append_utf8(out, c);
            i = end + 1;
        }
    }
    return out;
}

std::string strip_tags(std::string_view text) {
    std::string out;
    const std::string plain = without(without(text, "<!--", "-->"), "<", ">");
    for (const TextSpan word : split_space(plain, -1, false)) {
        out += out.empty() ? "" : " ";
        out += view_of(plain, word);
    }
    return unescape_html(out);
}

std::string quote_url(std::string_view text, bool for_query) {
    static constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !for_query);
        if (plain) {
            out += c;
        } else if (c == ' ' && for_query) {
            out += '+';
        } else {
            out += '%';
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        }
    }
    check_text_size(out.size());
    return out;
}

} // namespace switchyard::jinja
