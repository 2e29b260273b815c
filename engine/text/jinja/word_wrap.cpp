#include "engine/text/jinja/word_wrap.h"

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>

namespace switchyard::jinja {
namespace {

using Text = std::u32string;

struct Chunk {
    std::size_t begin, end; ///< characters
    std::size_t size() const { return end - begin; }
};

bool is_blank(char32_t c) { return c == ' ' || (c >= 0x09 && c <= 0x0D); }
bool is_letter(char32_t c) { return is_word(c) && !is_decimal(c); }
bool is_word_or_mark(char32_t c) {
    return is_word(c) || c == '!' || c == '"' || c == '\'' || c == '&' || c == '.' || c == ',' || c == '?';
}
bool all_blank(std::u32string_view text) { return std::all_of(text.begin(), text.end(), is_space); }

/// Cuts a line where it may be broken: white space, dashes between words, hyphens within words.
class Chunks {
  public:
    explicit Chunks(const Text& text) : text_(text) {}

    std::vector<Chunk> run(bool on_hyphens) const {
        std::vector<Chunk> chunks;
        for (std::size_t i = 0; i < text_.size();) {
            const std::size_t end = on_hyphens ? next(i) : next_simple(i);
            chunks.push_back({i, end});
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

/// Where a chunk longer than a line is broken: as much of it as fits.
std::size_t break_chunk(std::u32string_view text, Chunk chunk, std::size_t room, const WrapStyle& style) {
    const std::size_t end = chunk.begin + room;
    if (!style.break_on_hyphens || room == 0)
        return end;
    const std::u32string_view fits = text.substr(chunk.begin, room);
    const std::size_t hyphen = fits.rfind(U'-');
    const bool word_before =
        hyphen != Text::npos && fits.substr(0, hyphen).find_first_not_of(U'-') != Text::npos;
    return word_before ? chunk.begin + hyphen + 1 : end;
}

std::vector<TextSpan> in_bytes(std::string_view source, const std::vector<Chunk>& lines) {
    std::vector<TextSpan> spans;
    std::size_t pos = 0, character = 0;
    const auto byte_of = [&](std::size_t wanted) {
        for (; character < wanted; ++character)
            decode_at(source, pos);
        return pos;
    };
    for (const Chunk& line : lines) {
        const std::size_t begin = byte_of(line.begin);
        spans.push_back({begin, byte_of(line.end)});
    }
    return spans;
}

} // namespace

std::vector<TextSpan> wrap_words(std::string_view source, const WrapStyle& style) {
    if (style.width <= 0)
        throw Failure("wordwrap needs a width of at least 1");
    const auto width = static_cast<std::size_t>(style.width);
    const Text text = to_utf32(source);
    const auto part = [&](std::size_t begin, std::size_t end) {
        return std::u32string_view(text).substr(begin, end - begin);
    };
    std::vector<Chunk> chunks = Chunks(text).run(style.break_on_hyphens);
    std::vector<Chunk> lines;
    for (std::size_t i = 0; i < chunks.size();) {
        if (!lines.empty() && all_blank(part(chunks[i].begin, chunks[i].end)))
            ++i;
        if (i >= chunks.size())
            break;
        // The chunks of a line lie side by side in the text.
        Chunk line{chunks[i].begin, chunks[i].begin};
        std::size_t last = 0; // size of the chunk that ends the line
        while (i < chunks.size() && line.size() + chunks[i].size() <= width) {
            last = chunks[i].size();
            line.end = chunks[i++].end;
        }
        if (i < chunks.size() && chunks[i].size() > width) {
            if (style.break_long_words) {
                const std::size_t end = break_chunk(text, chunks[i], width - line.size(), style);
                last = end - chunks[i].begin;
                line.end = chunks[i].begin = end;
            } else if (line.size() == 0) {
                last = chunks[i].size();
                line.end = chunks[i++].end;
            }
        }
        if (line.size() > 0 && all_blank(part(line.end - last, line.end)))
            line.end -= last;
        if (line.size() > 0)
            lines.push_back(line);
    }
    return in_bytes(source, lines);
}

} // namespace switchyard::jinja
