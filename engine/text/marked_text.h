// A text with the places in it that came from outside: a chat's messages, attached files, tools. They are
// kept beside the text, so that nothing in it can pretend to be a mark or hide one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

struct TextSpan {
    std::size_t begin = 0, end = 0; ///< bytes
};

/// Spans of a text in order that neither touch nor overlap.
class Marks {
  public:
    static Marks whole(std::size_t bytes) {
        Marks marks;
        marks.add(0, bytes);
        return marks;
    }

    bool empty() const { return spans_.empty(); }
    const std::vector<TextSpan>& spans() const { return spans_; }

    /// `begin` is not before the last span's.
    void add(std::size_t begin, std::size_t end) {
        if (begin >= end)
            return;
        if (!spans_.empty() && spans_.back().end >= begin)
            spans_.back().end = std::max(spans_.back().end, end);
        else
            spans_.push_back({begin, end});
    }

    /// What `from` marks between begin and end, moved so that begin comes to `at`.
    void add_part(const Marks& from, TextSpan part, std::size_t at) {
        for (auto it = from.first_behind(part.begin); it != from.spans_.end() && it->begin < part.end; ++it)
            add(at + std::max(it->begin, part.begin) - part.begin,
                at + std::min(it->end, part.end) - part.begin);
    }

    /// Whether any byte between begin and end is marked.
    bool touches(std::size_t begin, std::size_t end) const {
        const auto it = first_behind(begin);
        return it != spans_.end() && it->begin < end;
    }

  private:
    /// The first span that ends behind a byte.
    std::vector<TextSpan>::const_iterator first_behind(std::size_t byte) const {
        return std::partition_point(spans_.begin(), spans_.end(),
                                    [byte](const TextSpan& span) { return span.end <= byte; });
    }

    std::vector<TextSpan> spans_;
};

struct MarkedText {
    std::string text;
    Marks marks;

    std::size_t size() const { return text.size(); }
    bool empty() const { return text.empty(); }

    /// Text of the template's own, which is not marked.
    MarkedText& operator+=(std::string_view plain) {
        text += plain;
        return *this;
    }
    MarkedText& operator+=(const MarkedText& other) {
        append(other, {0, other.size()});
        return *this;
    }
    void append(const MarkedText& other, TextSpan part) {
        if (!other.marks.empty())
            marks.add_part(other.marks, part, text.size());
        text.append(other.text, part.begin, part.end - part.begin);
    }
    void append(std::string_view part, bool marked) {
        if (marked)
            marks.add(text.size(), text.size() + part.size());
        text += part;
    }

    MarkedText part(TextSpan span) const {
        MarkedText out;
        out.append(*this, span);
        return out;
    }
};

inline MarkedText plain_text(std::string text) { return {std::move(text), {}}; }
/// All of it marked, or nothing.
inline MarkedText whole_text(std::string text, bool marked) {
    MarkedText out{std::move(text), {}};
    if (marked)
        out.marks = Marks::whole(out.size());
    return out;
}

/// What `map` makes of a text. The marks are exact where it makes the same of the marked and unmarked parts
/// one by one; elsewhere all of the result is marked.
template <class Map>
MarkedText mapped_text(const MarkedText& source, const Map& map) {
    std::string whole = map(std::string_view(source.text));
    if (source.marks.empty())
        return plain_text(std::move(whole));
    MarkedText pieces;
    std::size_t done = 0;
    const auto add = [&](std::size_t end, bool marked) {
        if (done < end)
            pieces.append(map(std::string_view(source.text).substr(done, end - done)), marked);
        done = end;
    };
    for (const TextSpan& span : source.marks.spans()) {
        add(span.begin, false);
        add(span.end, true);
    }
    add(source.size(), false);
    return pieces.text == whole ? pieces : whole_text(std::move(whole), true);
}

} // namespace switchyard
