#include "engine/text/jinja/text_ops.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <cstring>

namespace switchyard::jinja {
namespace {

bool is_line_end(char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

std::size_t cuts(std::int64_t limit) {
    return limit < 0 ? std::string::npos : static_cast<std::size_t>(limit);
}

/// Where `wanted`, which is not empty, stands, taken from the right without overlap, at most `most` times; in
/// order of the text. (Knuth, Morris and Pratt's search, backwards.)
std::vector<std::size_t> places_from_right(std::string_view text, std::string_view wanted, std::size_t most) {
    const std::size_t size = wanted.size();
    const auto pattern = [&](std::size_t i) { return wanted[size - 1 - i]; };
    std::vector<std::size_t> places;
    if (size > text.size() || most == 0)
        return places;
    std::vector<std::size_t> border(size,
                                    0); // how much of the pattern's beginning ends at each of its places
    for (std::size_t i = 1, n = 0; i < size; ++i) {
        while (n > 0 && pattern(i) != pattern(n))
            n = border[n - 1];
        n += pattern(i) == pattern(n) ? 1 : 0;
        border[i] = n;
    }
    std::size_t n = 0;
    for (std::size_t end = text.size(); end > 0 && places.size() < most; --end) {
        while (n > 0 && text[end - 1] != pattern(n))
            n = border[n - 1];
        n += text[end - 1] == pattern(n) ? 1 : 0;
        if (n == size) {
            places.push_back(end - 1);
            n = 0;
        }
    }
    std::reverse(places.begin(), places.end());
    return places;
}

} // namespace

std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from) {
    if (from > text.size() || wanted.size() > text.size() - from)
        return std::string_view::npos;
    const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
    return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data())
                 : std::string_view::npos;
}

std::size_t find_last_text(std::string_view text, std::string_view wanted) {
    if (wanted.empty())
        return text.size();
    const std::vector<std::size_t> places = places_from_right(text, wanted, 1);
    return places.empty() ? std::string_view::npos : places.front();
}

TextSpan strip_text(std::string_view text, const std::optional<std::u32string>& characters, Side side) {
    const auto stripped = [&](char32_t c) {
        return characters ? characters->find(c) != std::u32string::npos : is_space(c);
    };
    std::size_t from = 0, to = text.size();
    if (side != Side::Right)
        for (std::size_t pos = 0; pos < text.size(); from = pos)
            if (!stripped(decode_at(text, pos)))
                break;
    if (side != Side::Left)
        while (to > from) {
            std::size_t start = to - 1;
            while (start > from && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80)
                --start;
            std::size_t pos = start;
            if (!stripped(decode_at(text, pos)))
                break;
            to = start;
        }
    return {from, to};
}

std::vector<TextSpan> split_space(std::string_view text, std::int64_t limit, bool from_right) {
    std::vector<TextSpan> words;
    bool inside = false;
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t from = pos;
        const bool space = is_space(decode_at(text, pos));
        if (!space && !inside)
            words.push_back({from, pos});
        else if (!space)
            words.back().end = pos;
        inside = !space;
    }
    const std::size_t keep = cuts(limit);
    if (words.size() <= keep || keep == std::string::npos)
        return words;
    if (from_right) {
        // Everything up to the first word that stays alone is one part, white space in front and within kept.
        const auto alone = static_cast<std::ptrdiff_t>(words.size() - keep);
        const TextSpan rest{0, words[static_cast<std::size_t>(alone - 1)].end};
        words.erase(words.begin(), words.begin() + alone - 1);
        words.front() = rest;
        return words;
    }
    words.resize(keep + 1);
    words[keep].end = text.size();
    return words;
}

std::vector<TextSpan> split_text(std::string_view text, std::string_view separator, std::int64_t limit,
                                 bool from_right) {
    std::vector<TextSpan> parts;
    const std::size_t most = cuts(limit);
    // The places from the right are those from the left in the mirrored text, which differ where they
    // overlap.
    std::vector<std::size_t> places;
    if (!from_right) {
        for (std::size_t at = find_text(text, separator);
             at != std::string_view::npos && places.size() < most;
             at = find_text(text, separator, at + separator.size()))
            places.push_back(at);
    } else {
        places = places_from_right(text, separator, most);
    }
    check_item_count(places.size());
    std::size_t from = 0;
    for (const std::size_t at : places) {
        parts.push_back({from, at});
        from = at + separator.size();
    }
    parts.push_back({from, text.size()});
    return parts;
}

std::vector<TextSpan> split_lines(std::string_view text, bool keep_ends) {
    std::vector<TextSpan> lines;
    std::size_t from = 0;
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t at = pos;
        const char32_t c = decode_at(text, pos);
        if (!is_line_end(c))
            continue;
        if (c == '\r' && pos < text.size() && text[pos] == '\n')
            ++pos;
        lines.push_back({from, keep_ends ? pos : at});
        from = pos;
    }
    if (from < text.size())
        lines.push_back({from, text.size()});
    return lines;
}

MarkedText replace_text(const MarkedText& source, std::string_view from, const MarkedText& to,
                        std::int64_t limit) {
    const std::string_view text = source.text;
    MarkedText out;
    std::size_t left = cuts(limit), pos = 0;
    if (from.empty()) {
        while (left > 0) {
            out += to;
            --left;
            check_text_size(out.size());
            if (pos >= text.size())
                return out;
            const std::size_t start = pos;
            decode_at(text, pos);
            out.append(source, {start, pos});
        }
        out.append(source, {pos, text.size()});
        return out;
    }
    for (std::size_t at = find_text(text, from); at != std::string_view::npos && left > 0;
         at = find_text(text, from, pos), --left) {
        out.append(source, {pos, at});
        out += to;
        check_text_size(out.size());
        pos = at + from.size();
    }
    out.append(source, {pos, text.size()});
    return out;
}

std::size_t count_text(std::string_view text, std::string_view wanted) {
    std::size_t found = 0;
    for (std::size_t at = find_text(text, wanted); at != std::string_view::npos;
         at = find_text(text, wanted, at + wanted.size()))
        ++found;
    return found;
}

MarkedText repeat_text(const MarkedText& text, std::int64_t times) {
    MarkedText out;
    for (std::int64_t i = 0; i < times && !text.empty(); ++i)
        out += text;
    return out;
}

std::string repeat_text(std::string_view text, std::int64_t times) {
    std::string out;
    for (std::int64_t i = 0; i < times; ++i)
        out += text;
    return out;
}

std::size_t byte_offset(const TextObject& text, std::int64_t character) {
    if (text.ascii())
        return static_cast<std::size_t>(character);
    std::size_t pos = 0;
    for (std::int64_t i = 0; i < character && pos < text.text.size(); ++i)
        decode_at(text.text, pos);
    return pos;
}

MarkedText first_characters(const MarkedText& text, std::int64_t count) {
    std::size_t pos = 0;
    for (std::int64_t i = 0; i < count && pos < text.size(); ++i)
        decode_at(text.text, pos);
    return text.part({0, pos});
}

MarkedText map_characters(const MarkedText& text, std::u32string (*map)(std::u32string_view)) {
    const std::u32string source = to_utf32(text.text);
    const std::u32string mapped = map(source);
    if (text.marks.empty() || source.size() != mapped.size())
        return whole_text(to_utf8(mapped), !text.marks.empty());
    MarkedText out;
    std::size_t pos = 0;
    std::string character;
    for (const char32_t c : mapped) {
        const std::size_t from = pos;
        decode_at(text.text, pos);
        character.clear();
        append_utf8(character, c);
        out.append(character, text.marks.touches(from, pos));
    }
    return out;
}

bool is_lower_text(std::u32string_view text) {
    bool any = false;
    for (const char32_t c : text) {
        if (is_upper(c) || is_title(c))
            return false;
        any = any || is_lower(c);
    }
    return any;
}

bool is_upper_text(std::u32string_view text) {
    bool any = false;
    for (const char32_t c : text) {
        if (is_lower(c) || is_title(c))
            return false;
        any = any || is_upper(c);
    }
    return any;
}

} // namespace switchyard::jinja
