// A message laid out at a width: its documents, where everything stands, and its painting. Exists only for
// messages near the visible part of the thread.
#pragma once

#include "ui/chat/chat_style.h"
#include "ui/chat/markdown.h"
#include "ui/chat/message_content.h"
#include "ui/chat/text_stretch.h"
#include "ui/chat/wide_bands.h"

#include <QAbstractTextDocumentLayout>
#include <QCoreApplication>
#include <QPainter>
#include <QRectF>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextDocument>

#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

/// A position in the laid-out text.
struct LayoutPosition {
    int part = 0; ///< of the message
    int position = 0;
    auto operator<=>(const LayoutPosition&) const = default;
};
using LayoutRange = std::pair<LayoutPosition, LayoutPosition>; ///< begin, end

struct LayoutHit {
    LayoutPosition position;
    bool on_text = false;
    QString link; ///< address under the point
};

/// What changes from one painting to the next.
struct PaintState {
    std::optional<LayoutRange> selection;
    std::optional<LayoutRange> lit; ///< a token
    QString found;                  ///< every place of this text is lit; empty: none
    bool caret = false;             ///< of an answer that streams
    bool focused = false;
    QRectF clip; ///< in the message's coordinates
};

/// What of a message is widgets on the thread.
struct LayoutSlots {
    struct Fold {
        int part = 0;
        QRectF rect;
    };
    struct Code {
        const CodeBlock* block = nullptr; ///< valid until the layout changes
        QRectF header;                    ///< null: not seen
    };
    /// What is wider than the text: the place of its scroll bar.
    struct Wide {
        int part = 0, band = 0;
        QRectF bar;
        int scrolled = 0, hidden = 0; ///< of what it holds so much is out of sight, at both sides together
    };
    std::vector<Fold> folds; ///< the headline of each part that folds
    std::vector<Code> codes;
    std::vector<Wide> wides;
    QRectF tools;  ///< buttons and the run's line
    QRectF editor; ///< null: not being edited
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
        std::set<int> open;       ///< parts that fold, and are unfolded
        qreal editor_height = -1; ///< not negative: an editor stands in place of the text
        QString progress;         ///< "Reading 120 of 512 tokens", shown while there is no text yet
    };
    void arrange(const MessageContent& content, const Options& options);

    qreal height() const { return height_; }
    const LayoutSlots& places() const { return slots_; }
    void paint(QPainter& painter, const MessageContent& content, const PaintState& state) const;
    LayoutHit hit(const QPointF& point) const;
    /// Scrolls what is wider than the text (LayoutSlots::wides). Returns whether it moved.
    bool scrollWide(int wide, qreal to);
    /// The same for what stands at a point: by so much. False also where nothing there can be scrolled.
    bool scrollWideAt(const QPointF& point, qreal by);
    /// Scrolls what is wider than the text so that this place of it is seen. Returns whether it moved.
    bool revealWide(LayoutPosition position);
    /// The caret there; of a part that is folded, the head of the message.
    QRectF positionRect(LayoutPosition position) const;
    bool shows(LayoutPosition position) const; ///< its part is not folded
    /// The beginning of the word that it is inside of, or itself: signs must not be read as letters.
    LayoutPosition beforeWord(LayoutPosition position) const;
    LayoutPosition wordBegin(LayoutPosition position, bool line) const;
    LayoutPosition wordEnd(LayoutPosition position, bool line) const;
    LayoutPosition position(TextPlace place) const;
    /// What of the texts stands between two positions; of parts that fold, those in `open`. Valid until the
    /// layout changes.
    std::vector<TextStretch> stretches(const LayoutRange& range, const std::set<int>& open) const;
    /// Whether the text has been taken over up to this place, or all of it.
    bool reaches(TextPlace place) const;
    /// Where `place`'s part holds `query`: of a question the `nth` time (from 0), of an answer at or after
    /// the place; or the last one.
    std::optional<LayoutRange> find(const QString& query, int nth, TextPlace place) const;

  private:
    /// Of a message's part: its document, if it has a text, and where it stands.
    struct Part {
        PartKind kind = PartKind::Text;
        std::unique_ptr<MarkdownDocument> markdown; ///< what a model writes
        std::unique_ptr<QTextDocument> plain;       ///< what stands as it was written
        std::size_t filled = 0;                     ///< bytes that `plain` was made from
        std::string whole;                          ///< where `plain` shows only its beginning
        QRectF rect;                                ///< in the message; null: folded
        WideBands wide;
        QTextDocument* document() const { return markdown ? &markdown->document() : plain.get(); }
        bool shown() const { return document() && !rect.isNull(); }
    };
    const Part* part(int index) const;
    void syncParts(const MessageContent& content, bool rewritten);
    bool growMarkdown(Part& part, std::string_view text, bool finished);
    void fillPlain(Part& part, const std::string& text, const QFont& font, const QString& note);
    void arrangeQuestion(const MessageContent& content, const Options& options, qreal& y);
    void arrangeAnswer(const MessageContent& content, const Options& options, qreal& y);
    void arrangeFold(int index, const Options& options, qreal& y);
    void arrangeNotice(const MessageContent& content, const Options& options, qreal& y);
    void placeCodeHeaders(const Part& part);
    void layOutAt(Part& part, qreal width);
    void placeWide();
    void drawBands(QPainter& painter, const Part& part, QAbstractTextDocumentLayout::PaintContext context,
                   int first) const;
    LayoutPosition moved(LayoutPosition position, QTextCursor::MoveOperation operation) const;
    int hitPart(const QPointF& point) const;
    int caretPart(const MessageContent& content) const;
    void paintPart(QPainter& painter, int index, const MessageContent& content,
                   const PaintState& state) const;
    void paintBackdrops(QPainter& painter, const Part& part) const;
    void paintQuotes(QPainter& painter, const QTextDocument& document, QTextBlock block,
                     const QRectF& clip) const;
    void paintNotice(QPainter& painter, const MessageContent& content) const;
    void paintFile(QPainter& painter, const QRectF& chip, const QString& name) const;
    QRectF caretRect(const Part& part, int position) const;

    ChatStyle style_, thinking_style_;
    std::vector<Part> parts_; ///< as the message's
    std::unique_ptr<QTextDocument> notice_;
    QRectF notice_rect_, bubble_, name_;
    bool complete_ = true;
    qreal height_ = 0, width_ = 0;
    LayoutSlots slots_;
};

/// The sentence under a message that did not end by itself; empty where it did.
QString noticeText(const MessageContent& content);

} // namespace switchyard
