#include "engine/text/jinja/text_ops.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>

namespace switchyard::jinja {
namespace {

bool is_line_end(char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

std::size_t cuts(std::int64_t limit) {
    return limit < 0 ? std::string::npos : static_cast<std::size_t>(limit);
}

} // namespace

std::string strip_text(std::string_view text, const std::optional<std::u32string>& characters, Side side) {
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
    return std::string(text.substr(from, to - from));
}

std::vector<std::string> split_space(std::string_view text, std::int64_t limit, bool from_right) {
    struct Word {
        std::size_t from, to;
    };
    std::vector<Word> words;
    bool inside = false;
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t from = pos;
        const bool space = is_space(decode_at(text, pos));
        if (!space && !inside)
            words.push_back({from, pos});
        else if (!space)
            words.back().to = pos;
        inside = !space;
    }
    std::vector<std::string> parts;
    const std::size_t keep = cuts(limit);
    const auto word = [&](const Word& w) { return std::string(text.substr(w.from, w.to - w.from)); };
    if (words.size() <= keep || keep == std::string::npos) {
        for (const Word& w : words)
            parts.push_back(word(w));
    } else if (from_right) {
        // Everything up to the first word that stays alone is one part, white space in front and within kept.
        const std::size_t alone = words.size() - keep;
        const std::size_t end = words[alone - 1].to;
        parts.emplace_back(text.substr(0, end));
        for (std::size_t i = alone; i < words.size(); ++i)
            parts.push_back(word(words[i]));
    } else {
        for (std::size_t i = 0; i < keep; ++i)
            parts.push_back(word(words[i]));
        parts.emplace_back(text.substr(words[keep].from));
    }
    return parts;
}

std::vector<std::string> split_text(std::string_view text, std::string_view separator, std::int64_t limit,
                                    bool from_right) {
    std::vector<std::string> parts;
    std::size_t left = cuts(limit);
    if (!from_right) {
        std::size_t from = 0;
        for (std::size_t at = text.find(separator); at != std::string_view::npos && left > 0;
             at = text.find(separator, from), --left) {
            parts.emplace_back(text.substr(from, at - from));
            from = at + separator.size();
        }
        parts.emplace_back(text.substr(from));
        check_item_count(parts.size());
        return parts;
    }
    std::size_t to = text.size();
    while (left > 0 && to >= separator.size()) {
        const std::size_t at = text.rfind(separator, to - separator.size());
        if (at == std::string_view::npos)
            break;
        parts.emplace_back(text.substr(at + separator.size(), to - at - separator.size()));
        to = at;
        --left;
    }
    parts.emplace_back(text.substr(0, to));
    check_item_count(parts.size());
    std::reverse(parts.begin(), parts.end());
    return parts;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
    std::vector<std::string> lines;
    std::size_t from = 0;
    for (std::size_t pos = 0; pos < text.size();) {
        const std::size_t at = pos;
        const char32_t c = decode_at(text, pos);
        if (!is_line_end(c))
            continue;
        if (c == '\r' && pos < text.size() && text[pos] == '\n')
            ++pos;
        lines.emplace_back(text.substr(from, (keep_ends ? pos : at) - from));
        from = pos;
    }
    if (from < text.size())
        lines.emplace_back(text.substr(from));
    return lines;
}

std::string replace_text(std::string_view text, std::string_view from, std::string_view to,
                         std::int64_t limit) {
    std::string out;
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
            out += text.substr(start, pos - start);
        }
        return out + std::string(text.substr(pos));
    }
    for (std::size_t at = text.find(from); at != std::string_view::npos && left > 0;
         at = text.find(from, pos), --left) {
        out += text.substr(pos, at - pos);
        out += to;
        check_text_size(out.size());
        pos = at + from.size();
    }
    return out + std::string(text.substr(pos));
}

std::size_t count_text(std::string_view text, std::string_view wanted) {
    std::size_t found = 0;
    for (std::size_t at = text.find(wanted); at != std::string_view::npos;
         at = text.find(wanted, at + wanted.size()))
        ++found;
    return found;
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
