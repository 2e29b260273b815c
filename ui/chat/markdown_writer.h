// Writes one piece of Markdown at the end of a document, through libmd4c. Raw HTML is text; nothing is ever
// loaded.
#pragma once

#include "ui/chat/chat_style.h"
#include "ui/chat/long_text.h"
#include "ui/chat/markdown_math.h"
#include "ui/chat/markdown_splitter.h"
#include "ui/chat/source_map.h"

#include <QCoreApplication>
#include <QPointer>
#include <QTextBlockFormat>
#include <QTextCursor>
#include <QTextFrame>
#include <QTextTable>

#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

struct CodeBlock {
    QPointer<QTextFrame> frame;
    QString language; ///< the fence's info word; may be empty
    QString code;
};

/// Block property: depth of block quotes around it, for the bars beside them.
inline constexpr int quoteDepthProperty = 0x100001;
/// Block property: a block that only separates two frames.
inline constexpr int spacerProperty = 0x100002;
/// Code beyond this (UTF-16 units) is not coloured.
inline constexpr qsizetype longest_coloured_code = 24000;
/// Character property: not of the text, but keeps code in it from being turned around.
inline constexpr int isolateProperty = 0x100005;
/// Frame property: a code block.
inline constexpr int codeFrameProperty = 0x100003;

class MarkdownWriter {
    Q_DECLARE_TR_FUNCTIONS(MarkdownWriter)
  public:
    MarkdownWriter(QTextDocument& document, const ChatStyle& style, std::vector<SourceRun>& runs,
                   std::vector<CodeBlock>& code_blocks);

    /// Whether the document's last block is empty and waits for text.
    bool pending() const { return pending_; }
    void setPending(bool pending) { pending_ = pending; }
    /// Makes an empty last block as low as a hair, as it must be beside frames.
    void makeSpacer();

    /// `source` is the whole message; `piece` says which part of it to write. `definitions`: of links that
    /// it refers to, whole lines that are read before it.
    void write(std::string_view source, const MarkdownPiece& piece, std::string_view definitions = {});

    static QTextBlockFormat codeLineFormat(const ChatStyle& style);
    static QTextCharFormat codeFormat(const ChatStyle& style);

  private:
    friend struct MarkdownEvents;
    struct ListLevel {
        bool ordered = false;
        int number = 1;
        qreal indent = 0; ///< left margin of the items' text
        qreal hang = 0;
    };

    void enterBlock(int type, void* detail);
    void leaveBlock(int type);
    void enterSpan(int type, void* detail);
    void leaveSpan(int type);
    void text(int type, const char* text, unsigned size);

    void startBlock(QTextBlockFormat format);
    void turnBlock();
    void isolate(char16_t mark);
    QString attribute(const void* value) const;
    void startItem(bool task, bool done);
    void parse();
    void writeText(std::string_view text);
    void enterTable(int columns, int head, int body);
    void leaveTable();
    QVariantList columnRoom(QTextTable& table) const;
    void startTable(int columns, int rows);
    QVariantList columnRoomOfAll(int columns, qreal padding) const;
    void startCell(bool header, int align);
    void ensureBlock();
    void endBlock();
    void put(const QString& text, const QTextCharFormat& format);
    void putSource(std::string_view text, const QTextCharFormat& format);
    void putEntity(std::string_view entity, const QTextCharFormat& format);
    void putNote(std::size_t begin, std::size_t end, const QTextCharFormat& format);
    void putShown(std::size_t begin, std::size_t size, const QString& shown, const QTextCharFormat& format);
    void putRun(std::size_t begin, std::size_t size, const QTextCharFormat& format);
    void putFormula(std::size_t begin, std::size_t end, bool display, const QTextCharFormat& format);
    void startDisplay();
    bool goOnAfterDisplay(std::size_t& begin, std::size_t& size, const QTextCharFormat& format);
    bool beforePiece(const char* text) const;
    void finishCode();
    void insertCode();
    void placeCodeRuns(int begin, const std::vector<qsizetype>& joints);
    QTextBlockFormat paragraphFormat(qreal top) const;
    qreal indent() const;
    const QTextCharFormat& format() const { return formats_.back(); }
    std::size_t sourceOffset(const char* text) const;

    QTextDocument& document_;
    const ChatStyle& style_;
    std::vector<SourceRun>& runs_;
    std::vector<CodeBlock>& code_blocks_;
    QTextCursor cursor_;
    bool pending_ = true;

    // Of the piece that is being written.
    std::string_view source_;
    MarkdownPiece piece_;
    ProtectedText protected_;
    std::size_t head_ = 0;    ///< bytes before the piece's own in the text that is parsed: definitions, ...
    bool table_head_ = false; ///< ... and a table's header that is written already
    bool block_open_ = false; ///< text may be put at the cursor
    bool item_fresh_ = false; ///< the item's marker was written and nothing after it
    bool after_display_ = false; ///< the block has a formula of its own: what follows begins another
    bool break_pending_ = false; ///< a line ends before what is put next
    QTextCharFormat break_format_;
    bool first_ = true; ///< nothing of the piece was written yet
    int quotes_ = 0;
    bool right_to_left_ = false; ///< something in it is written so
    std::vector<ListLevel> lists_;
    std::vector<QTextCharFormat> formats_;
    QTextTable* table_ = nullptr;
    int row_ = -1, column_ = -1;
    bool text_table_ = false; ///< its rows are lines of text
    LongText long_text_;
    bool in_code_ = false;
    bool in_head_ = false; ///< inside a header that is written already
    QString code_, language_;
    std::vector<SourceRun> code_runs_; ///< positions count from the code's first character
};

} // namespace switchyard
