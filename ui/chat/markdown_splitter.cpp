#include "ui/chat/markdown_splitter.h"

#include <algorithm>
#include <cctype>

namespace switchyard {
namespace {

/// What the parser takes for white space: a carriage return inside a line has become a space for it.
bool is_blank_mark(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Columns of leading white space (tabs to the next multiple of four) and what follows it.
struct Indented {
    int columns = 0;
    std::string_view rest;
};

Indented indented(std::string_view line) {
    int columns = 0;
    std::size_t i = 0;
    for (; i < line.size() && is_blank_mark(line[i]); ++i)
        columns += line[i] == '\t' ? 4 - columns % 4 : 1;
    return {columns, line.substr(i)};
}

std::string_view trimmed_end(std::string_view text) {
    while (!text.empty() && is_blank_mark(text.back()))
        text.remove_suffix(1);
    return text;
}

bool is_blank(std::string_view line) { return trimmed_end(line).empty(); }

bool is_rule(std::string_view rest) {
    if (rest.empty() || (rest[0] != '-' && rest[0] != '*' && rest[0] != '_'))
        return false;
    int count = 0;
    for (const char c : rest) {
        if (c == rest[0])
            ++count;
        else if (!is_blank_mark(c))
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

/// Columns of the table whose rule (|---|:-:|) this line is; 0: it is none.
int table_columns(std::string_view line) {
    std::string_view rest = trimmed_end(indented(line).rest);
    if (rest.find('-') == std::string_view::npos ||
        rest.find_first_not_of("|:- \t") != std::string_view::npos ||
        rest.find('|') == std::string_view::npos)
        return 0;
    if (rest.front() == '|')
        rest.remove_prefix(1);
    if (!rest.empty() && rest.back() == '|')
        rest.remove_suffix(1);
    return static_cast<int>(std::count(rest.begin(), rest.end(), '|')) + 1;
}

/// Rows of a table that one piece holds: some dozens of cells.
int rows_of_piece(int columns) { return std::clamp(64 / columns, 2, 16); }

std::size_t dear_at(std::string_view text, std::size_t at) {
    if (text[at] == '$' || (text[at] == '\\' && at + 1 < text.size() &&
                            std::string_view("()[]").find(text[at + 1]) != std::string_view::npos))
        return cost_of_formula_mark;
    return text[at] == '`' ? cost_of_backtick : is_emoji(text, at) ? cost_of_emoji : 0;
}

/// Bytes that a text counts beside its own.
std::size_t dear_in(std::string_view text) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        sum += dear_at(text, i);
    return sum;
}

/// Whether the character at `at` is drawn as one with what stands before it: the rest of an emoji or a flag.
bool goes_on(std::string_view source, std::size_t at) {
    const std::string_view rest = source.substr(at), before = source.substr(0, at);
    const bool flag =
        rest.starts_with("\xF0\x9F\x87") && at >= 4 && source.substr(at - 4, 3) == "\xF0\x9F\x87";
    return flag || rest.starts_with("\xE2\x80\x8D") || before.ends_with("\xE2\x80\x8D") ||
           rest.starts_with("\xEF\xB8\x8F") ||
           (rest.starts_with("\xF0\x9F\x8F") && rest.size() > 3 && rest[3] >= '\xBB');
}

/// Where the line from `begin` to `end` is cut for the first time: in front of a character.
std::size_t cut_of_line(std::string_view source, std::size_t begin, std::size_t end) {
    std::size_t cut = begin;
    for (std::size_t cost = 0; cut < end && cost < longest_piece; ++cut)
        cost += 1 + dear_at(source, cut);
    if (cut >= end)
        return end;
    const auto back = [&] {
        --cut;
        for (int i = 0; i < 3 && cut > begin && (static_cast<unsigned char>(source[cut]) & 0xC0) == 0x80; ++i)
            --cut;
    };
    if ((static_cast<unsigned char>(source[cut]) & 0xC0) == 0x80)
        back();
    for (int i = 0; i < 16 && cut > begin && goes_on(source, cut); ++i)
        back();
    return cut > begin ? cut : begin + 1;
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
    if (width < rest.size() && !is_blank_mark(rest[width]))
        return marker;
    const auto [gap, content] = indented(rest.substr(width));
    marker.is_list = true;
    marker.empty = is_blank(content);
    // Five columns or more: the content is indented code after one space.
    const int space = marker.empty || gap > 4 ? 1 : gap;
    marker.content_indent = columns + static_cast<int>(width) + space;
    if (gap <= 4)
        marker.fence = opened_fence(content);
    return marker;
}

void MarkdownSplitter::clear() { *this = MarkdownSplitter(); }

void MarkdownSplitter::read(std::string_view source) { take(source, false); }

/// Reads on: complete lines, and of longer ones complete stretches; with `all` the rest too.
void MarkdownSplitter::take(std::string_view source, bool all) {
    while (state_.lines_end < source.size()) {
        const std::size_t begin = state_.lines_end, newline = source.find('\n', begin);
        const bool whole = newline != std::string_view::npos;
        const std::size_t end = whole ? newline + 1 : source.size(), cut = cut_of_line(source, begin, end);
        if (!whole && cut == end && !all)
            return;
        std::string_view line = source.substr(begin, cut - begin);
        if (line.ends_with('\n'))
            line.remove_suffix(1);
        const bool inside = state_.inside_line;
        state_.lines_end = cut;
        state_.inside_line = cut < end || !whole;
        if (inside)
            feed_rest(begin, cut);
        else
            feed(line, begin, cut);
    }
}

std::vector<MarkdownPiece> MarkdownSplitter::tail(std::string_view source) const {
    MarkdownSplitter last;
    last.state_ = state_;
    if (!pieces_.empty())
        last.pieces_.push_back(pieces_.back());
    last.take(source, true);
    return std::move(last.pieces_);
}

/// A further stretch of a line goes on in it.
void MarkdownSplitter::feed_rest(std::size_t begin, std::size_t end) {
    if (pieces_.empty() || state_.fence || pieces_.back().kind == PieceKind::IndentedCode) {
        if (!pieces_.empty())
            pieces_.back().end = end;
        return;
    }
    MarkdownPiece piece{begin, end, PieceKind::Text};
    piece.joins = true;
    pieces_.push_back(piece);
    state_.one_line = true;
    state_.columns = 0;
}

/// Rows beyond those that one piece holds begin the next.
bool MarkdownSplitter::feed_table(std::string_view line, std::size_t begin, std::size_t end) {
    if (state_.columns == 0 || state_.previous_blank || line.empty())
        return false;
    if (++state_.rows <= rows_of_piece(state_.columns))
        return false;
    MarkdownPiece& before = pieces_.back();
    before.rows_follow = true;
    if (!before.rows_continue)
        before.table_cut = before.end;
    MarkdownPiece piece{begin, end};
    piece.rows_continue = true;
    piece.table_begin = before.table_begin;
    piece.table_body = before.table_body;
    piece.table_cut = before.table_cut;
    pieces_.push_back(piece);
    state_.rows = 1;
    return true;
}

/// What has grown too long goes on in a new piece at this line.
bool MarkdownSplitter::cut_long(std::size_t begin, std::size_t end) {
    const MarkdownPiece& piece = pieces_.back();
    const std::size_t size = piece.end - piece.begin + state_.dear;
    const bool item = piece.kind == PieceKind::ListItem;
    const bool many = piece.kind == PieceKind::Other && state_.lines >= most_piece_lines;
    if (state_.columns > 0 || (!many && size < (item ? longest_markdown : longest_piece)))
        return false;
    MarkdownPiece next{begin, end, item ? PieceKind::Text : piece.kind};
    next.joins = !item && !state_.previous_blank;
    state_.one_line = false;
    state_.math_open = false;
    state_.lines = 1;
    pieces_.push_back(next);
    return true;
}

void MarkdownSplitter::feed(std::string_view line, std::size_t begin, std::size_t end) {
    if (state_.fence && feed_open_fence(line, begin, end))
        return;
    if (is_blank(line)) {
        state_.previous_blank = true;
        state_.math_open = false;
        if (!pieces_.empty())
            pieces_.back().end = end;
        return;
    }
    const std::size_t before = pieces_.size();
    const Marker marker = list_marker(line);
    const bool in_item = !pieces_.empty() && pieces_.back().kind == PieceKind::ListItem;
    if (in_item && feed_list(line, marker, begin, end)) {
        // the item took it, or a new item began
    } else if (begins_piece(line, marker)) {
        begin_piece(line, marker, begin, end);
    } else if (!feed_table(line, begin, end) && !cut_long(begin, end)) {
        extend(line, end);
    }
    state_.dear = (pieces_.size() == before ? state_.dear : 0) + dear_in(line);
    state_.previous_blank = false;
}

/// Inside a code block every line belongs to it until the closing fence, or until a list item ends around it.
bool MarkdownSplitter::feed_open_fence(std::string_view line, std::size_t begin, std::size_t end) {
    const auto [columns, rest] = indented(line);
    if (!state_.fence_at_top && !rest.empty() && columns < state_.list.content_indent) {
        state_.fence = {};
        pieces_.back().open_fence = false;
        return false;
    }
    if (!state_.fence_at_top)
        cut_long_fence(begin, end);
    pieces_.back().end = end;
    state_.previous_blank = false;
    if (closes_fence(rest, state_.fence) &&
        columns < (state_.fence_at_top ? 4 : state_.list.content_indent + 4)) {
        state_.fence = {};
        pieces_.back().open_fence = false;
        state_.one_line = state_.fence_at_top;
    }
    return true;
}

/// Code inside a list item is a part of its piece: what is too long of it goes on as text.
void MarkdownSplitter::cut_long_fence(std::size_t begin, std::size_t end) {
    const MarkdownPiece& piece = pieces_.back();
    const bool item = piece.kind == PieceKind::ListItem;
    if (piece.end - piece.begin < (item ? longest_markdown : longest_piece) &&
        ++state_.lines < most_item_code_lines)
        return;
    pieces_.push_back({begin, end, PieceKind::Text});
    state_.lines = 1;
}

bool MarkdownSplitter::feed_list(std::string_view line, const Marker& marker, std::size_t begin,
                                 std::size_t end) {
    const auto [columns, rest] = indented(line);
    if (columns >= state_.list.content_indent) {
        if (cut_long(begin, end))
            return true;
        pieces_.back().end = end;
        if (const CodeFence fence = opened_fence(rest)) {
            state_.fence = fence;
            state_.fence_at_top = false;
            pieces_.back().open_fence = true;
        }
        return true;
    }
    if (marker.is_list && marker.type == state_.list.type && columns < 4) {
        begin_item(marker, begin, end, true);
        return true;
    }
    const bool lazy = !state_.previous_blank && !marker.is_list && !opened_fence(rest) && !is_rule(rest) &&
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
    return opened_fence(rest) || is_heading(rest) || (is_rule(rest) && !setext);
}

void MarkdownSplitter::begin_piece(std::string_view line, const Marker& marker, std::size_t begin,
                                   std::size_t end) {
    const auto [columns, rest] = indented(line);
    state_.one_line = false;
    state_.math_open = false;
    state_.lines = 1;
    state_.columns = state_.rows = 0;
    if (columns < 4 && marker.is_list) {
        begin_item(marker, begin, end, false);
        return;
    }
    MarkdownPiece piece{begin, end};
    if (columns >= 4) {
        piece.kind = PieceKind::IndentedCode;
    } else if (const CodeFence fence = opened_fence(rest)) {
        piece.kind = PieceKind::Fence;
        piece.open_fence = true;
        state_.fence = fence;
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
    MarkdownPiece& piece = pieces_.back();
    if (++state_.lines == 2 && piece.kind == PieceKind::Other && !piece.joins && !state_.math_open &&
        (state_.columns = table_columns(line)) > 0) {
        piece.table_begin = piece.begin;
        piece.table_body = end;
    }
    piece.end = end;
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
    state_.lines = 1;
    state_.columns = state_.rows = 0;
    state_.one_line = false;
    state_.math_open = false;
    state_.fence = marker.fence;
    state_.fence_at_top = false;
    pieces_.back().open_fence = static_cast<bool>(marker.fence);
}

} // namespace switchyard
