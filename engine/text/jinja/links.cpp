// urlize: addresses within text become links.
#include "engine/text/jinja/html.h"
#include "engine/text/jinja/text_ops.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>

namespace switchyard::jinja {
namespace {

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool looks_like_web(const std::string& word) {
    std::string_view rest = word;
    bool scheme = false;
    for (const std::string_view start : {"https://", "http://"})
        if (rest.starts_with(start)) {
            rest.remove_prefix(start.size());
            scheme = true;
        }
    const std::size_t end = std::min(rest.find_first_of("/?#:"), rest.size());
    const std::string_view host = rest.substr(0, end);
    if (host.empty() || !std::all_of(host.begin(), host.end(), is_host_character))
        return false;
    if (scheme || host.starts_with("www."))
        return true;
    return host.find('.') > 0 && (host.ends_with(".com") || host.ends_with(".org") || host.ends_with(".net"));
}

bool looks_like_mail(const std::string& word) {
    const std::size_t at = word.find('@');
    if (at == std::string::npos || at == 0 || word.find('@', at + 1) != std::string::npos)
        return false;
    const std::string host = word.substr(at + 1);
    return host.find('.') != std::string::npos && host.find('.') > 0 && host.back() != '.' &&
           std::all_of(host.begin(), host.end(), is_host_character) && word.find(':') == std::string::npos;
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
    } else if (looks_like_mail(middle)) {
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
