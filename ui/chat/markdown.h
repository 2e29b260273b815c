// A message's Markdown as a document that can grow: what is finished stays, only the last piece is rendered
// again.
#pragma once

#include "ui/chat/markdown_references.h"
#include "ui/chat/markdown_splitter.h"
#include "ui/chat/markdown_writer.h"

#include <QTextBlockFormat>
#include <QTextDocument>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// Bytes of the text that a document takes over within a turn of the event loop: whole characters, some
/// kilobytes, fewer where there are many lines or cells.
std::size_t comfortableStep(std::string_view text);

class MarkdownDocument {
  public:
    explicit MarkdownDocument(const ChatStyle& style);
    ~MarkdownDocument();
    MarkdownDocument(const MarkdownDocument&) = delete;
    MarkdownDocument& operator=(const MarkdownDocument&) = delete;

    /// Adds text; the document shows it at once, except for a few bytes at the end that could still turn into
    /// something else ("-" before a list, "``" before a fence).
    void append(std::string_view utf8);
    /// The text is complete: shows all of it.
    void finish();
    void clear();

    QTextDocument& document() { return *document_; }
    const std::string& source() const { return source_; }
    const std::vector<CodeBlock>& codeBlocks() const { return code_blocks_; }
    /// Position in the document of a byte of the source; the nearest one where it is mark-up.
    int position(std::size_t source_offset) const;
    /// The byte of the source that stands at a position of the document.
    std::size_t sourceOffset(int position) const;
    /// Pieces rendered so far, again and again: for tests of the cost.
    std::size_t piecesRendered() const { return rendered_; }

  private:
    /// What the document was before its last piece.
    struct Mark {
        int position = 0;
        bool pending = true;
        QTextBlockFormat block_format;
        QTextCharFormat char_format;
        std::size_t runs = 0, code_blocks = 0;
    };
    void render(bool finished);
    bool appendToOpenCode(std::size_t begin, std::size_t end);
    std::pair<int, std::size_t> codeIndent(std::size_t at, std::size_t stop, int taken) const;
    bool staysAsItIs(MarkdownPiece piece, std::string_view shown) const;
    bool closeLongCode(const MarkdownPiece& piece);
    void takeBack(const Mark& mark);
    std::size_t goBack(std::size_t piece);
    Mark mark() const;
    std::size_t shownEnd() const;

    ChatStyle style_;
    std::unique_ptr<QTextDocument> document_;
    std::vector<SourceRun> runs_;
    std::vector<CodeBlock> code_blocks_;
    std::unique_ptr<MarkdownWriter> writer_;
    MarkdownSplitter splitter_;
    std::string source_;
    MarkdownReferences references_;
    std::map<std::size_t, Mark> marks_; ///< before pieces that refer to others
    Mark tail_;
    MarkdownPiece last_;     ///< written last, its end without blank lines
    std::size_t frozen_ = 0; ///< pieces before the tail
    std::size_t shown_ = 0;  ///< bytes of the source that the document shows
    /// The tail is one open code block at top level and ends the document.
    bool open_code_ = false;
    std::size_t code_end_ = 0; ///< of what the open code block shows: not its last line break
    std::size_t rendered_ = 0;
};

} // namespace switchyard
