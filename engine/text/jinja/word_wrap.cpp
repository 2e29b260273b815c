#include "engine/text/jinja/word_wrap.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>

namespace switchyard::jinja {
namespace {

using Text = std::u32string;

bool is_blank(char32_t c) { return c == ' ' || (c >= 0x09 && c <= 0x0D); }
bool is_letter(char32_t c) { return is_word(c) && !is_decimal(c); }
bool is_word_or_mark(char32_t c) {
    return is_word(c) || c == '!' || c == '"' || c == '\'' || c == '&' || c == '.' || c == ',' || c == '?';
}
bool all_blank(const Text& text) { return std::all_of(text.begin(), text.end(), is_space); }

/// Cuts a line where it may be broken: white space, dashes between words, hyphens within words.
class Chunks {
  public:
    explicit Chunks(const Text& text) : text_(text) {}

    std::vector<Text> run(bool on_hyphens) const {
        std::vector<Text> chunks;
        for (std::size_t i = 0; i < text_.size();) {
            const std::size_t end = on_hyphens ? next(i) : next_simple(i);
            chunks.push_back(text_.substr(i, end - i));
            i = end;
        }
        return chunks;
    }

  private:
    char32_t at(std::size_t i) const { return i < text_.size() ? text_[i] : U'\0'; }

    std::size_t next_simple(std::size_t i) const {
        const bool blank = is_blank(text_[i]);
        while (i < text_.size() && is_blank(text_[i]) == blank)
            ++i;
        return i;
    }

    /// The end of two or more hyphens at i that a word follows; i where there are none.
    std::size_t dash(std::size_t i) const {
        std::size_t end = i;
        while (at(end) == '-')
            ++end;
        return end >= i + 2 && is_word(at(end)) ? end : i;
    }

    /// Whether the hyphen at i divides a word: letters before it, letters behind it.
    bool divides(std::size_t i) const {
        if (at(i) != '-')
            return false;
        const bool before =
            (i >= 2 && is_letter(text_[i - 1]) && is_letter(text_[i - 2])) ||
            (i >= 3 && is_word_or_mark(text_[i - 1]) && text_[i - 2] == '-' && is_letter(text_[i - 3]));
        const std::size_t second = at(i + 2) == '-' ? i + 3 : i + 2;
        return before && is_letter(at(i + 1)) && is_letter(at(second));
    }

    std::size_t next(std::size_t i) const {
        if (is_blank(text_[i]))
            return next_simple(i);
        if (i > 0 && is_word_or_mark(text_[i - 1]))
            if (const std::size_t end = dash(i); end > i)
                return end;
        for (std::size_t j = i + 1;; ++j) {
            if (divides(j))
                return j + 1;
            if (j >= text_.size() || is_blank(text_[j]))
                return j;
            if (is_word_or_mark(text_[j - 1]) && dash(j) > j)
                return j;
        }
    }

    const Text& text_;
};

/// Moves as much of a chunk longer than a line into `line` as fits.
void break_chunk(Text& chunk, Text& line, std::size_t room, const WrapStyle& style) {
    std::size_t end = room;
    if (style.break_on_hyphens && chunk.size() > room && room > 0) {
        const std::size_t hyphen = chunk.rfind(U'-', room - 1);
        if (hyphen != Text::npos && hyphen > 0 && chunk.find_first_not_of(U'-') < hyphen)
            end = hyphen + 1;
    }
    line += chunk.substr(0, end);
    chunk.erase(0, end);
}

} // namespace

std::vector<std::string> wrap_words(std::string_view source, const WrapStyle& style) {
    if (style.width <= 0)
        throw Failure("wordwrap needs a width of at least 1");
    const auto width = static_cast<std::size_t>(style.width);
    const Text text = to_utf32(source);
    std::vector<Text> chunks = Chunks(text).run(style.break_on_hyphens);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < chunks.size();) {
        if (!lines.empty() && all_blank(chunks[i]))
            ++i;
        Text line;
        std::size_t last = 0; // size of the chunk that ends the line
        while (i < chunks.size() && line.size() + chunks[i].size() <= width) {
            last = chunks[i].size();
            line += chunks[i++];
        }
        if (i < chunks.size() && chunks[i].size() > width) {
            if (style.break_long_words) {
                const std::size_t before = line.size();
                break_chunk(chunks[i], line, width - line.size(), style);
                last = line.size() - before;
            } else if (line.empty()) {
                last = chunks[i].size();
                line = chunks[i++];
            }
        }
        if (!line.empty() && all_blank(line.substr(line.size() - last)))
            line.resize(line.size() - last);
        if (!line.empty())
            lines.push_back(to_utf8(line));
    }
    return lines;
}

} // namespace switchyard::jinja
