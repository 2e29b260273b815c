// Cuts growing Markdown into pieces that can be rendered one by one, so that a streaming answer renders only
// its last piece again. A piece is a top-level block, or one item of a top-level list.
#pragma once

#include "app/services/code_fence.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace switchyard {

/// Text: what is too long to be read as Markdown, shown as it stands.
enum class PieceKind { Other, Heading, Fence, ListItem, IndentedCode, Text };

/// Rendering a piece costs by its length, and while it grows it is rendered again and again: longer ones
/// (bytes) are cut, at a line where there is one.
inline constexpr std::size_t longest_piece = 8192;
inline constexpr int most_piece_lines = 128;     ///< of a paragraph or quote
inline constexpr int most_item_code_lines = 512; ///< of code inside a list item
/// A backtick may begin a stretch of another font, an emoji is a picture, and between two marks of
/// mathematics a formula may stand that is set: they count as so many bytes more.
inline constexpr std::size_t cost_of_backtick = 3, cost_of_emoji = 88, cost_of_formula_mark = 16;
/// Whether an emoji begins at `at`.
inline bool is_emoji(std::string_view text, std::size_t at) { return text.substr(at, 2) == "\xF0\x9F"; }
/// Of a piece that cannot be cut, as a list item with all that is in it: the rest is text.
inline constexpr std::size_t longest_markdown = 16384;

struct MarkdownPiece {
    std::size_t begin = 0, end = 0; ///< bytes of the source
    PieceKind kind = PieceKind::Other;
    int ordinal = -1;            ///< ordered list items: the number to show; the list counts from its first
    bool continues_list = false; ///< an item after another of the same list
    bool open_fence = false;     ///< a code block in it has not been closed yet
    bool joins = false;          ///< goes on in the line or paragraph of the piece before
    // Long tables are pieces of some rows each, all with the columns of the first.
    bool rows_follow = false;    ///< the next piece has further rows
    bool rows_continue = false;  ///< these are further rows
    std::size_t table_begin = 0; ///< of the header's line
    std::size_t table_body = 0;  ///< of the line after the header and its rule
    std::size_t table_cut = 0;   ///< end of the first piece's rows, by which columns are measured
    bool operator==(const MarkdownPiece&) const = default;
};

/// Reads the source line by line and never takes a cut back: whether a line begins a new piece depends on
/// the lines before it and on itself alone. Hence any way of cutting the stream gives the same pieces.
class MarkdownSplitter {
  public:
    /// Reads the complete lines of `source` that have not been read yet; `source` must extend the last one.
    void read(std::string_view source);
    /// The pieces of the complete lines; only the last can still grow.
    const std::vector<MarkdownPiece>& pieces() const { return pieces_; }
    /// The last piece and what follows it when the unfinished last line is read too.
    std::vector<MarkdownPiece> tail(std::string_view source) const;
    /// Bytes in complete lines, and in complete stretches of a long one.
    std::size_t lines_end() const { return state_.lines_end; }
    void clear();

  private:
    struct Marker {
        bool is_list = false, empty = false;
        char type = 0; ///< '-', '*', '+', '.' or ')'
        int number = 0, content_indent = 0;
        CodeFence fence; ///< of a code block that opens in the marker's own line
    };
    static Marker list_marker(std::string_view line);
    void feed(std::string_view line, std::size_t begin, std::size_t end);
    void take(std::string_view source, bool all);
    void feed_rest(std::size_t begin, std::size_t end);
    bool feed_table(std::string_view line, std::size_t begin, std::size_t end);
    bool cut_long(std::size_t begin, std::size_t end);
    bool feed_open_fence(std::string_view line, std::size_t begin, std::size_t end);
    void cut_long_fence(std::size_t begin, std::size_t end);
    bool feed_list(std::string_view line, const Marker& marker, std::size_t begin, std::size_t end);
    bool begins_piece(std::string_view line, const Marker& marker) const;
    void begin_piece(std::string_view line, const Marker& marker, std::size_t begin, std::size_t end);
    void extend(std::string_view line, std::size_t end);
    void begin_item(const Marker& marker, std::size_t begin, std::size_t end, bool continues);

    struct State {
        std::size_t lines_end = 0;
        bool inside_line = false; ///< `lines_end` is inside a line that is too long for one piece
        bool previous_blank = true;
        bool one_line = false; ///< the piece is complete: a heading or a rule
        bool math_open = false;
        CodeFence fence; ///< of the code block that is open
        bool fence_at_top = false;
        Marker list;          ///< of the current item
        int lines = 0;        ///< of the piece
        int columns = 0;      ///< of the table that the piece is; 0: none
        int rows = 0;         ///< of the table in this piece
        std::size_t dear = 0; ///< bytes that this piece counts beside its own
    };
    std::vector<MarkdownPiece> pieces_;
    State state_;
};

} // namespace switchyard
