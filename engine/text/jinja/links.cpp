// urlize: addresses within text become links.
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace switchyard::jinja {
namespace {

/// Letters, digits and underscores of any script, and the given marks.
bool is_name(std::string_view text, std::string_view marks) {
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t from = pos;
        const char32_t c = decode_at(text, pos);
        if (!is_word(c) && marks.find(text[from]) == std::string_view::npos)
            return false;
    }
    return !text.empty();
}

bool consists_of(std::string_view text, std::size_t least, std::size_t most, bool (*is)(char)) {
    return text.size() >= least && text.size() <= most && std::all_of(text.begin(), text.end(), is);
}
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hexadecimal_or_colon(char c) {
    return is_ascii_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
}

std::string ascii_lower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

/// Whether `is` holds for each of the names that dots part.
template <typename Test>
bool all_labels(std::string_view host, const Test& is) {
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.')) {
        if (!is(host.substr(0, dot)))
            return false;
        host.remove_prefix(dot + 1);
    }
    return is(host);
}

bool is_label(std::string_view text) { return is_name(text, "%-"); }

/// The host's last name and what stands before it, without the dot.
std::pair<std::string_view, std::string_view> cut_domain(std::string_view host) {
    const std::size_t dot = host.rfind('.');
    if (dot == std::string_view::npos)
        return {host, {}};
    return {host.substr(dot + 1), host.substr(0, dot)};
}

/// Behind a scheme or "www.": any names, then a domain of letters or an encoded one.
bool is_marked_host(std::string_view host) {
    const auto [last, names] = cut_domain(host);
    const std::string_view encoded = last.substr(std::min<std::size_t>(4, last.size()));
    const bool domain = consists_of(last, 2, 63, is_letter) ||
                        (ascii_lower(last.substr(0, 4)) == "xn--" && last.size() >= 6 &&
                         is_name(encoded, "%") && count_code_points(encoded) <= 59);
    return domain && (last.size() == host.size() || all_labels(names, is_label));
}

/// Without a mark: only the oldest domains are taken for a web address.
bool is_bare_host(std::string_view host) {
    static constexpr std::string_view domains[] = {"com", "net", "int", "edu", "gov", "org", "info", "mil"};
    const auto [last, names] = cut_domain(host);
    if (std::find(std::begin(domains), std::end(domains), ascii_lower(last)) == std::end(domains))
        return false;
    return all_labels(names, [](std::string_view label) {
        const std::size_t length = count_code_points(label);
        return length >= 2 && length <= 63 && is_label(label);
    });
}

bool is_ip_address(std::string_view host) {
    if (host.starts_with('['))
        return host.ends_with(']') &&
               consists_of(host.substr(1, host.size() - 2), 2, 40, is_hexadecimal_or_colon) &&
               std::count(host.begin(), host.end(), ':') >= 2;
    return count_text(host, ".") == 3 &&
           all_labels(host, [](std::string_view label) { return consists_of(label, 1, 3, is_ascii_digit); });
}

bool looks_like_web(std::string_view word) {
    const std::string lower = ascii_lower(word.substr(0, 8));
    std::string_view rest = word;
    const bool scheme = lower.starts_with("http://") || lower.starts_with("https://");
    if (scheme)
        rest.remove_prefix(lower.starts_with("https://") ? 8 : 7);
    const std::size_t bracket = scheme && rest.starts_with('[') ? rest.find(']') : 0;
    if (bracket == std::string_view::npos)
        return false;
    const std::size_t end = std::min(rest.find_first_of("/?#:", bracket), rest.size());
    const std::string_view host = rest.substr(0, end);
    rest.remove_prefix(end);
    if (rest.starts_with(':')) { // a port
        const std::size_t port_end = std::min(rest.find_first_of("/?#"), rest.size());
        if (!consists_of(rest.substr(1, port_end - 1), 1, 5, is_ascii_digit))
            return false;
    }
    if (scheme)
        return is_marked_host(host) || is_ip_address(host);
    return (lower.starts_with("www.") && is_marked_host(host.substr(4))) || is_bare_host(host);
}

/// NAME@HOST.DOMAIN, the host of letters, digits, underscores, dots and hyphens.
bool looks_like_mail(std::string_view word) {
    const std::size_t at = word.rfind('@');
    if (at == std::string_view::npos || at == 0)
        return false;
    const std::string_view host = word.substr(at + 1);
    const std::size_t dot = host.rfind('.');
    return dot != std::string_view::npos && dot > 0 && is_name(host.substr(dot + 1), "") &&
           is_name(host, ".-") && host.front() != '.' && host.front() != '-';
}

std::string link(const std::string& address, const std::string& shown, const std::string& attributes) {
    return "<a href=\"" + address + "\"" + attributes + ">" + shown + "</a>";
}

std::string link_word(const std::string& word, const LinkStyle& style) {
    // Brackets and marks around an address are no part of it.
    std::size_t from = 0, to = word.size();
    static constexpr std::string_view openers[] = {"(", "&lt;", "<"},
                                      closers[] = {")", "&gt;", ">", ".", ",", "\n"};
    for (bool again = true; again;) {
        again = false;
        for (const std::string_view mark : openers)
            if (word.compare(from, mark.size(), mark) == 0 && to - from >= mark.size()) {
                from += mark.size();
                again = true;
            }
    }
    for (bool again = true; again;) {
        again = false;
        for (const std::string_view mark : closers)
            if (to - from >= mark.size() && word.compare(to - mark.size(), mark.size(), mark) == 0) {
                to -= mark.size();
                again = true;
            }
    }
    // Where brackets open inside the address, as many of those behind it close them and belong to it.
    static constexpr std::pair<std::string_view, std::string_view> pairs[] = {
        {"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
    for (const auto& [opener, closer] : pairs) {
        const std::string_view inside = std::string_view(word).substr(from, to - from);
        const std::size_t opened = count_text(inside, opener), closed = count_text(inside, closer);
        const std::size_t behind = count_text(std::string_view(word).substr(to), closer);
        for (std::size_t left = opened > closed ? std::min(opened, behind) : 0; left > 0; --left)
            to = word.find(closer, to) + closer.size();
    }
    const std::string middle = word.substr(from, to - from);
    std::string attributes = style.rel.empty() ? "" : " rel=\"" + escape_html(style.rel) + "\"";
    attributes += style.target.empty() ? "" : " target=\"" + escape_html(style.target) + "\"";
    std::string shown = middle;
    if (style.shorten_to >= 0 && static_cast<std::int64_t>(count_code_points(middle)) > style.shorten_to)
        shown =
            to_utf8(
                std::u32string_view(to_utf32(middle)).substr(0, static_cast<std::size_t>(style.shorten_to))) +
            "...";
    std::string out = middle;
    if (looks_like_web(middle)) {
        const bool scheme = middle.starts_with("https://") || middle.starts_with("http://");
        out = link(scheme ? middle : "https://" + middle, shown, attributes);
    } else if (middle.starts_with("mailto:") && looks_like_mail(middle.substr(7))) {
        out = link(middle, middle.substr(7), "");
    } else if (!middle.starts_with("www.") && !middle.starts_with("@") &&
               middle.find(':') == std::string::npos && looks_like_mail(middle)) {
        out = link("mailto:" + middle, middle, "");
    } else {
        for (const std::string& scheme : style.extra_schemes)
            if (middle != scheme && middle.starts_with(scheme))
                out = link(middle, middle, attributes);
    }
    return word.substr(0, from) + out + word.substr(to);
}

} // namespace

std::string link_urls(std::string_view text, const LinkStyle& style) {
    std::string out, word;
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t from = pos;
        const bool space = is_space(decode_at(text, pos));
        if (space && !word.empty()) {
            out += link_word(word, style);
            word.clear();
        }
        (space ? out : word) += text.substr(from, pos - from);
        check_text_size(out.size());
    }
    return word.empty() ? out : out + link_word(word, style);
}

} // namespace switchyard::jinja
