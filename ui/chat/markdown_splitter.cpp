#include "ui/chat/markdown_splitter.h"

#include <algorithm>
#include <cctype>

namespace switchyard {
namespace {

/// Columns of leading white space (tabs to the next multiple of four) and what follows it.
struct Indented {
    int columns = 0;
    std::string_view rest;
};

Indented indented(std::string_view line) {
    int columns = 0;
    std::size_t i = 0;
    for (; i < line.size() && (line[i] == ' ' || line[i] == '\t'); ++i)
        columns += line[i] == '\t' ? 4 - columns % 4 : 1;
    return {columns, line.substr(i)};
}

std::string_view trimmed_end(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
        text.remove_suffix(1);
    return text;
}

bool is_blank(std::string_view line) { return trimmed_end(line).empty(); }

/// Length of the code fence that opens here; 0: none.
int fence_length(std::string_view rest) {
    if (rest.empty() || (rest[0] != '`' && rest[0] != '~'))
        return 0;
    const std::size_t length = std::min(rest.find_first_not_of(rest[0]), rest.size());
    if (length < 3)
        return 0;
    if (rest[0] == '`' && rest.find('`', length) != std::string_view::npos)
        return 0; // inline code
    return static_cast<int>(length);
}

bool is_rule(std::string_view rest) {
    if (rest.empty() || (rest[0] != '-' && rest[0] != '*' && rest[0] != '_'))
        return false;
    int count = 0;
    for (const char c : rest) {
        if (c == rest[0])
            ++count;
        else if (!std::isspace(static_cast<unsigned char>(c)))
            return false;
    }
    return count >= 3;
}

bool is_heading(std::string_view rest) {
    const std::size_t hashes = std::min(rest.find_first_not_of('#'), rest.size());
    return hashes >= 1 && hashes <= 6 &&
           (hashes == rest.size() || rest[hashes] == ' ' || rest[hashes] == '\t');
}

/// Whether display mathematics begins in this line and does not end in it.
bool opens_math(std::string_view rest) {
    const bool dollars = rest.starts_with("$$");
    if (!dollars && !rest.starts_with("\\["))
        return false;
    return rest.find(dollars ? "$$" : "\\]", 2) == std::string_view::npos;
}

bool closes_math(std::string_view rest) {
    return rest.find("$$") != std::string_view::npos || rest.find("\\]") != std::string_view::npos;
}

} // namespace

MarkdownSplitter::Marker MarkdownSplitter::list_marker(std::string_view line) {
    Marker marker;
    const auto [columns, rest] = indented(line);
    if (rest.empty() || is_rule(rest))
        return marker;
    std::size_t width = 0;
    if (rest[0] == '-' || rest[0] == '*' || rest[0] == '+') {
        marker.type = rest[0];
        width = 1;
    } else {
        std::size_t digits = 0;
        while (digits < rest.size() && digits < 9 && std::isdigit(static_cast<unsigned char>(rest[digits])))
            marker.number = marker.number * 10 + (rest[digits++] - '0');
        if (digits == 0 || digits >= rest.size() || (rest[digits] != '.' && rest[digits] != ')'))
            return marker;
        marker.type = rest[digits];
        width = digits + 1;
    }
    if (width < rest.size() && !std::isspace(static_cast<unsigned char>(rest[width])))
        return marker;
    const auto [gap, content] = indented(rest.substr(width));
    marker.is_list = true;
    marker.empty = is_blank(content);
    // Five columns or more: the content is indented code after one space.
    const int space = marker.empty || gap > 4 ? 1 : gap;
    marker.content_indent = columns + static_cast<int>(width) + space;
    if ((marker.fence_length = gap > 4 ? 0 : fence_length(content)))
        marker.fence = content[0];
    return marker;
}

void MarkdownSplitter::clear() { *this = MarkdownSplitter(); }

void MarkdownSplitter::read(std::string_view source) {
    while (true) {
        const std::size_t newline = source.find('\n', state_.lines_end);
        if (newline == std::string_view::npos)
            return;
        const std::size_t begin = state_.lines_end;
        state_.lines_end = newline + 1;
        feed(source.substr(begin, newline - begin), begin, state_.lines_end);
    }
}

std::vector<MarkdownPiece> MarkdownSplitter::tail(std::string_view source) const {
    MarkdownSplitter last;
    last.state_ = state_;
    if (!pieces_.empty())
        last.pieces_.push_back(pieces_.back());
    if (state_.lines_end < source.size())
        last.feed(source.substr(state_.lines_end), state_.lines_end, source.size());
    return std::move(last.pieces_);
}

void MarkdownSplitter::feed(std::string_view line, std::size_t begin, std::size_t end) {
    if (state_.fence && feed_open_fence(line, end))
        return;
    if (is_blank(line)) {
        state_.previous_blank = true;
        state_.math_open = false;
        if (!pieces_.empty())
            pieces_.back().end = end;
        return;
    }
    const Marker marker = list_marker(line);
    const bool in_item = !pieces_.empty() && pieces_.back().kind == PieceKind::ListItem;
    if (in_item && feed_list(line, marker, begin, end)) {
        // the item took it, or a new item began
    } else if (begins_piece(line, marker)) {
        begin_piece(line, marker, begin, end);
    } else {
        extend(line, end);
    }
    state_.previous_blank = false;
}

/// Inside a code block every line belongs to it until the closing fence, or until a list item ends around it.
bool MarkdownSplitter::feed_open_fence(std::string_view line, std::size_t end) {
    const auto [columns, rest] = indented(line);
    if (!state_.fence_at_top && !rest.empty() && columns < state_.list.content_indent) {
        state_.fence = 0;
        pieces_.back().open_fence = false;
        return false;
    }
    pieces_.back().end = end;
    state_.previous_blank = false;
    const std::string_view mark = trimmed_end(rest);
    const bool closes = static_cast<int>(mark.size()) >= state_.fence_length &&
                        mark.find_first_not_of(state_.fence) == std::string_view::npos &&
                        columns < (state_.fence_at_top ? 4 : state_.list.content_indent + 4);
    if (closes) {
        state_.fence = 0;
        pieces_.back().open_fence = false;
        state_.one_line = state_.fence_at_top;
    }
    return true;
}

bool MarkdownSplitter::feed_list(std::string_view line, const Marker& marker, std::size_t begin,
                                 std::size_t end) {
    const auto [columns, rest] = indented(line);
    if (columns >= state_.list.content_indent) {
        pieces_.back().end = end;
        if (const int length = fence_length(rest)) {
            state_.fence = rest[0];
            state_.fence_length = length;
            state_.fence_at_top = false;
            pieces_.back().open_fence = true;
        }
        return true;
    }
    if (marker.is_list && marker.type == state_.list.type && columns < 4) {
        begin_item(marker, begin, end, true);
        return true;
    }
    const bool lazy = !state_.previous_blank && !marker.is_list && !fence_length(rest) && !is_rule(rest) &&
                      !is_heading(rest) && rest[0] != '>';
    if (lazy)
        pieces_.back().end = end;
    return lazy;
}

bool MarkdownSplitter::begins_piece(std::string_view line, const Marker& marker) const {
    const auto [columns, rest] = indented(line);
    if (pieces_.empty() || state_.one_line)
        return true;
    const PieceKind kind = pieces_.back().kind;
    if (kind == PieceKind::ListItem)
        return true;
    if (kind == PieceKind::IndentedCode)
        return columns < 4;
    if (state_.previous_blank)
        return true;
    if (columns >= 4 || state_.math_open)
        return false;
    if (marker.is_list)
        return !marker.empty &&
               (marker.type == '-' || marker.type == '*' || marker.type == '+' || marker.number == 1);
    const bool setext = rest[0] == '-' && trimmed_end(rest).find_first_not_of('-') == std::string_view::npos;
    return fence_length(rest) || is_heading(rest) || (is_rule(rest) && !setext);
}

void MarkdownSplitter::begin_piece(std::string_view line, const Marker& marker, std::size_t begin,
                                   std::size_t end) {
    const auto [columns, rest] = indented(line);
    state_.one_line = false;
    state_.math_open = false;
    if (columns < 4 && marker.is_list) {
        begin_item(marker, begin, end, false);
        return;
    }
    MarkdownPiece piece{begin, end};
    if (columns >= 4) {
        piece.kind = PieceKind::IndentedCode;
    } else if (const int length = fence_length(rest)) {
        piece.kind = PieceKind::Fence;
        piece.open_fence = true;
        state_.fence = rest[0];
        state_.fence_length = length;
        state_.fence_at_top = true;
    } else if (is_heading(rest)) {
        piece.kind = PieceKind::Heading;
        state_.one_line = true;
    } else {
        state_.one_line = is_rule(rest);
        state_.math_open = opens_math(rest);
    }
    pieces_.push_back(piece);
}

void MarkdownSplitter::extend(std::string_view line, std::size_t end) {
    const std::string_view rest = indented(line).rest;
    pieces_.back().end = end;
    if (state_.math_open)
        state_.math_open = !closes_math(rest);
    else
        state_.math_open = opens_math(rest);
}

void MarkdownSplitter::begin_item(const Marker& marker, std::size_t begin, std::size_t end, bool continues) {
    MarkdownPiece piece{begin, end, PieceKind::ListItem};
    piece.continues_list = continues;
    if (marker.type == '.' || marker.type == ')')
        piece.ordinal = continues ? pieces_.back().ordinal + 1 : marker.number;
    pieces_.push_back(piece);
    state_.list = marker;
    state_.one_line = false;
    state_.math_open = false;
    state_.fence = marker.fence;
    state_.fence_length = marker.fence_length;
    state_.fence_at_top = false;
    pieces_.back().open_fence = marker.fence != 0;
}

} // namespace switchyard
