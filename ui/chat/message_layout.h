// A message laid out at a width: its documents, where everything stands, and its painting. Exists only for
// messages near the visible part of the thread.
#pragma once

#include "ui/chat/chat_style.h"
#include "ui/chat/markdown.h"
#include "ui/chat/message_content.h"

#include <QAbstractTextDocumentLayout>
#include <QCoreApplication>
#include <QPainter>
#include <QRectF>
#include <QTextBlock>
#include <QTextDocument>

#include <memory>
#include <optional>
#include <vector>

class QTextTable;

namespace switchyard {

/// A position in the laid-out text.
struct LayoutPosition {
    MessagePlace part = MessagePlace::Body;
    int position = 0;
    auto operator<=>(const LayoutPosition&) const = default;
};

struct LayoutHit {
    LayoutPosition position;
    bool on_text = false;
    QString link;  ///< address under the point
    int mark = -1; ///< index of the dial mark under the point
};

/// What changes from one painting to the next.
struct PaintState {
    std::optional<std::pair<LayoutPosition, LayoutPosition>> selection; ///< begin, end
    int lit_token = -1;
    QString found;      ///< every place of this text is lit; empty: none
    bool caret = false; ///< of an answer that streams
    bool focused = false;
    QRectF clip; ///< in the message's coordinates
};

/// Parts of a message that are widgets on the thread.
struct LayoutSlots {
    QRectF thinking; ///< the fold's button; null: no thinking
    QRectF tools;    ///< buttons and the run's line
    std::vector<QRectF> code_headers;
    QRectF editor; ///< null: not being edited
};

/// A stretch of a document.
struct TextStretch {
    const QTextDocument* document = nullptr;
    int from = 0, to = 0;
    QString instead; ///< not empty: what it stands for, of which the document shows the beginning
};

/// Reads a stretch as plain lines: separators between frames left out, cells of a table by tabs.
class PlainTextReader {
  public:
    explicit PlainTextReader(const TextStretch& stretch);
    /// Adds what `most` further paragraphs say; true at the end.
    bool read(QString& out, int most);

  private:
    int from_, to_, row_ = -1;
    QTextBlock block_;
    const QTextTable* table_ = nullptr;
    bool first_ = true;
};

class MessageLayout {
    Q_DECLARE_TR_FUNCTIONS(MessageLayout)
  public:
    MessageLayout(const MessageContent& content, const ChatStyle& style);
    ~MessageLayout();

    /// Takes over text that was added; `rewritten` where the old text changed.
    void sync(const MessageContent& content, bool rewritten);
    /// Whether all of the text has been taken over. A long text comes in steps, one a call of sync().
    bool complete() const { return complete_; }
    /// Takes over the rest at once, where its end is asked for.
    void completeNow(const MessageContent& content);
    struct Options {
        qreal width = 0;
        bool thinking_open = false;
        qreal editor_height = -1; ///< not negative: an editor stands in place of the text
        QString progress;         ///< "Reading 120 of 512 tokens", shown while there is no text yet
    };
    void arrange(const MessageContent& content, const Options& options);

    qreal height() const { return height_; }
    const LayoutSlots& places() const { return slots_; }
    const std::vector<CodeBlock>& codeBlocks() const;
    void paint(QPainter& painter, const MessageContent& content, const PaintState& state) const;
    LayoutHit hit(const MessageContent& content, const QPointF& point) const;
    /// Of a token, for scrolling to it.
    QRectF tokenRect(const MessageContent& content, int token) const;
    QRectF positionRect(LayoutPosition position) const;
    LayoutPosition tokenPosition(const MessageContent& content, int token) const;
    LayoutPosition first() const;
    LayoutPosition last() const;
    LayoutPosition wordBegin(LayoutPosition position, bool line) const;
    LayoutPosition wordEnd(LayoutPosition position, bool line) const;
    /// What of the texts stands between two positions; with `thinking` also of what was thought. Valid until
    /// the layout changes.
    std::vector<TextStretch> stretches(LayoutPosition from, LayoutPosition to, bool thinking) const;
    /// Whether an answer's text has been taken over up to this byte, or all of it.
    bool reaches(std::size_t offset) const;
    /// Where the text holds `query`: of a question the `nth` place (from 0), of an answer the one at or after
    /// this byte of its source; or the last one.
    std::optional<std::pair<LayoutPosition, LayoutPosition>> find(const QString& query, int nth,
                                                                  std::size_t offset) const;

  private:
    struct Part {
        std::unique_ptr<MarkdownDocument> markdown;
        std::unique_ptr<QTextDocument> plain;
        QRectF rect; ///< in the message
        QTextDocument* document() const { return markdown ? &markdown->document() : plain.get(); }
    };
    const Part& part(MessagePlace place) const { return place == MessagePlace::Body ? body_ : thinking_; }
    bool thinkingShown() const { return !thinking_.rect.isNull(); }
    void arrangeQuestion(const MessageContent& content, const Options& options, qreal& y);
    void arrangeAnswer(const MessageContent& content, const Options& options, qreal& y);
    void arrangeNotice(const MessageContent& content, const Options& options, qreal& y);
    void placeCodeHeaders();
    void paintPart(QPainter& painter, const Part& part, MessagePlace place, const MessageContent& content,
                   const PaintState& state) const;
    void paintBackdrops(QPainter& painter, const Part& part) const;
    void paintMarks(QPainter& painter, const MessageContent& content) const;
    void paintFiles(QPainter& painter, const MessageContent& content) const;
    QRectF caretRect(const Part& part, int position) const;
    QRectF markRect(const MessageContent& content, const DialMark& mark) const;

    ChatStyle style_, thinking_style_;
    Part body_, thinking_;
    std::unique_ptr<QTextDocument> notice_;
    QRectF notice_rect_, bubble_, name_;
    std::vector<QRectF> files_;
    void fillQuestion(const std::string& text);

    QString folded_; ///< all of a question that is shown in part; empty: it is shown whole
    bool complete_ = true;
    qreal height_ = 0, width_ = 0;
    LayoutSlots slots_;
};

/// The sentence under a message that did not end by itself; empty where it did.
QString noticeText(const MessageContent& content);

} // namespace switchyard
