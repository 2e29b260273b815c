#include "ui/chat/message_layout.h"

#include "ui/chat/field_text.h"

#include <QCoreApplication>
#include <QLocale>
#include <QPainterPath>
#include <QTextBlock>
#include <QTextTable>

#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr qreal top_padding = 14, bubble_padding_x = 16, bubble_padding_y = 11;
constexpr qreal thinking_indent = 14, chip_height = 26;

QSizeF sizeOf(QTextDocument& document) { return document.documentLayout()->documentSize(); }

std::unique_ptr<QTextDocument> makePlain(const QFont& font) {
    auto document = std::make_unique<QTextDocument>();
    document->setUndoRedoEnabled(false);
    document->setDocumentMargin(0);
    document->setDefaultFont(font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document->setDefaultTextOption(option);
    return document;
}

/// Lays all of a document out at a width, once: a new one has no lines until its size is asked for, and
/// setting the width that it has would lay it out again.
void layOutIn(QTextDocument& document, qreal width) {
    if (document.textWidth() != width)
        document.setTextWidth(width);
    sizeOf(document);
}

/// Whether a paragraph of it stands in more than one line at its present width.
bool wraps(const QTextDocument& document) {
    for (QTextBlock block = document.begin(); block.isValid(); block = block.next()) {
        if (block.layout()->lineCount() > 1)
            return true;
    }
    return false;
}

} // namespace

MessageLayout::MessageLayout(const MessageContent& content, const ChatStyle& style)
    : style_(style), thinking_style_(style) {
    thinking_style_.text.setPointSizeF(style.text.pointSizeF() * 0.94);
    thinking_style_.mono.setPointSizeF(style.mono.pointSizeF() * 0.94);
    sync(content, true);
}

MessageLayout::~MessageLayout() = default;

/// Whether it is Markdown.
static bool fromModel(PartKind kind) { return kind == PartKind::Text || kind == PartKind::Thinking; }

void MessageLayout::sync(const MessageContent& content, bool rewritten) {
    parts_.resize(content.parts.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (parts_[i].kind != content.parts[i].kind) {
            parts_[i] = Part();
            parts_[i].kind = content.parts[i].kind;
        }
    }
    complete_ = true;
    syncParts(content, rewritten);
}

void MessageLayout::syncParts(const MessageContent& content, bool rewritten) {
    // What is read comes before what is folded.
    std::vector<std::size_t> order;
    for (const bool folded : {false, true}) {
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            if (content.parts[i].folds() == folded)
                order.push_back(i);
        }
    }
    std::size_t last = 0; // that says something: all before it are at their end
    for (std::size_t i = 0; i < parts_.size(); ++i)
        last = content.parts[i].text.empty() ? last : i;
    constexpr int most = 4; // parts that take over text in one step
    int taken = 0;
    for (const std::size_t i : order) {
        const ContentPart& from = content.parts[i];
        Part& part = parts_[i];
        if (content.author == Author::Assistant && fromModel(part.kind)) {
            if (!part.markdown)
                part.markdown = std::make_unique<MarkdownDocument>(
                    part.kind == PartKind::Text ? style_ : thinking_style_);
            if (rewritten || from.text.size() < part.markdown->source().size())
                part.markdown->clear();
            if (taken >= most && from.text.size() > part.markdown->source().size())
                complete_ = false;
            else
                taken += growMarkdown(part, from.text, !content.streaming() || i < last);
        } else if (part.kind == PartKind::Text) {
            if (!part.plain || rewritten)
                fillPlain(part, from.text, style_.text,
                          tr("%1 more are not shown here. Copying the message takes all of it."));
        } else if (part.kind != PartKind::File) {
            if (!part.plain || rewritten || part.filled != from.text.size())
                fillPlain(part, from.text, thinking_style_.mono,
                          tr("%1 more are not shown here. Selecting all of it and copying takes them too."));
        }
    }
}

/// Takes over a step of what is new; false where nothing is.
bool MessageLayout::growMarkdown(Part& part, std::string_view text, bool finished) {
    const std::string_view rest = text.substr(part.markdown->source().size());
    const std::size_t step = comfortableStep(rest);
    if (step > 0)
        part.markdown->append(rest.substr(0, step));
    if (step < rest.size())
        complete_ = false;
    else if (finished)
        part.markdown->finish();
    return step > 0;
}

void MessageLayout::completeNow(const MessageContent& content) {
    while (!complete_)
        sync(content, false);
}

/// Shown as it was written; of a very long text the beginning.
void MessageLayout::fillPlain(Part& part, const std::string& text, const QFont& font, const QString& note) {
    constexpr PageLimits most{16'000, 400, 16'000};
    if (!part.plain)
        part.plain = makePlain(font);
    // A unit of UTF-16 has at most three bytes: no more than a page is converted.
    const QString head = utf16(std::string_view(text).substr(0, 3 * (most.units + 1)));
    const qsizetype page = fieldPage(head, most);
    const std::size_t shown = bytesOfUnits(text, page);
    part.filled = text.size();
    part.whole = shown < text.size() ? text : std::string();
    part.plain->clear();
    QTextCursor cursor(part.plain.get());
    LongText().put(cursor, head.left(page), QTextCharFormat());
    if (part.whole.empty())
        return;
    QTextCharFormat muted;
    muted.setForeground(style_.muted);
    muted.setFontItalic(true);
    cursor.insertBlock(QTextBlockFormat());
    cursor.insertText(note.arg(QLocale().formattedDataSize(static_cast<qint64>(text.size() - shown), 0)),
                      muted);
}

void MessageLayout::arrange(const MessageContent& content, const Options& options) {
    width_ = options.width;
    slots_ = {};
    bubble_ = QRectF();
    for (Part& part : parts_)
        part.rect = QRectF();
    qreal y = top_padding;
    if (content.author == Author::Assistant)
        arrangeAnswer(content, options, y);
    else
        arrangeQuestion(content, options, y);
    arrangeNotice(content, options, y);
    placeWide();
    const bool question = content.author != Author::Assistant;
    slots_.tools = QRectF(0, y + (question ? 1 : 4), width_, ChatStyle::toolsHeight());
    height_ = std::ceil(slots_.tools.bottom() + (question ? 0 : 8));
}

void MessageLayout::arrangeQuestion(const MessageContent& content, const Options& options, qreal& y) {
    const qreal caption = QFontMetricsF(style_.caption()).height();
    name_ = QRectF(0, y, width_, caption);
    y += caption + 6;
    if (options.editor_height >= 0) {
        slots_.editor = QRectF(0, y, width_, options.editor_height);
        y += options.editor_height;
        return;
    }
    const qreal widest = width_ * 0.86 - 2 * bubble_padding_x;
    const QFontMetricsF metrics(style_.caption());
    qreal text_width = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (QTextDocument* document = parts_[i].document(); document && !content.parts[i].text.empty()) {
            layOutIn(*document, widest);
            // Lines that wrap keep the width they were laid out at: laying them out again costs as much.
            text_width =
                wraps(*document) ? widest : std::max(text_width, std::ceil(document->idealWidth()) + 1);
        } else if (parts_[i].kind == PartKind::File) {
            text_width = std::max(text_width, metrics.horizontalAdvance(content.parts[i].name) + 44);
        }
    }
    text_width = std::min(widest, text_width);
    const qreal left = width_ - text_width - bubble_padding_x, top = y;
    y += bubble_padding_y;
    qreal gap = 0; // below the last chip
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        Part& part = parts_[i];
        if (part.kind == PartKind::File) {
            part.rect = QRectF(left, y, text_width, chip_height);
            gap = 6;
            y += chip_height + gap;
        } else if (QTextDocument* document = part.document()) {
            const bool empty = content.parts[i].text.empty();
            layOutIn(*document, text_width);
            part.rect = QRectF(left, y, text_width, empty ? 0 : sizeOf(*document).height());
            gap = empty ? gap : 0;
            y = part.rect.bottom();
        }
    }
    y += bubble_padding_y - gap;
    bubble_ = QRectF(left - bubble_padding_x, top, text_width + 2 * bubble_padding_x, y - top);
}

void MessageLayout::arrangeAnswer(const MessageContent& content, const Options& options, qreal& y) {
    const qreal caption = QFontMetricsF(style_.caption()).height();
    name_ = QRectF(0, y, width_, caption);
    y += caption + 8;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        Part& part = parts_[i];
        if (content.parts[i].folds()) {
            y += i > 0 && parts_[i - 1].rect.height() > 0 && !content.parts[i - 1].folds() ? 12 : 0;
            arrangeFold(static_cast<int>(i), options, y);
        } else if (part.kind == PartKind::File) {
            part.rect = QRectF(0, y, width_, chip_height);
            y += chip_height + 6;
        } else if (options.editor_height >= 0) { // one editor for all of the text
            if (slots_.editor.isNull()) {
                slots_.editor = QRectF(0, y, width_, options.editor_height);
                y += options.editor_height;
            }
        } else {
            QTextDocument& document = *part.document();
            layOutAt(part, width_);
            const bool empty = content.parts[i].text.empty() && !content.streaming();
            part.rect = QRectF(0, y, width_, empty ? 0 : sizeOf(document).height());
            y = part.rect.bottom();
            placeCodeHeaders(part);
        }
    }
}

void MessageLayout::arrangeFold(int index, const Options& options, qreal& y) {
    Part& part = parts_[static_cast<std::size_t>(index)];
    slots_.folds.push_back({index, QRectF(0, y, width_, ChatStyle::toolsHeight())});
    y += 34;
    if (!options.open.contains(index))
        return;
    QTextDocument& document = *part.document();
    layOutAt(part, width_ - thinking_indent);
    part.rect = QRectF(thinking_indent, y, width_ - thinking_indent, sizeOf(document).height());
    y = part.rect.bottom() + 12;
}

void MessageLayout::layOutAt(Part& part, qreal width) {
    QTextDocument& document = *part.document();
    if (document.textWidth() != width) {
        if (part.markdown)
            fitTables(document, width);
        document.setTextWidth(width);
    }
    if (part.markdown)
        part.wide.find(document, width);
}

void MessageLayout::placeWide() {
    constexpr qreal bar = 11; // height
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        const Part& part = parts_[i];
        if (!part.markdown || part.rect.height() <= 0)
            continue;
        const std::vector<WideBands::Band>& bands = part.wide.bands();
        for (std::size_t j = 0; j < bands.size(); ++j) {
            const WideBands::Band& band = bands[j];
            slots_.wides.push_back(
                {static_cast<int>(i), static_cast<int>(j),
                 QRectF(part.rect.left(), part.rect.top() + band.bottom, part.wide.width(), bar),
                 static_cast<int>(band.scrolled),
                 static_cast<int>(std::ceil(band.right - band.left - part.wide.width()))});
        }
    }
}

bool MessageLayout::scrollWide(int wide, qreal to) {
    if (wide < 0 || wide >= static_cast<int>(slots_.wides.size()))
        return false;
    LayoutSlots::Wide& place = slots_.wides[static_cast<std::size_t>(wide)];
    WideBands& bands = parts_[static_cast<std::size_t>(place.part)].wide;
    const bool moved = bands.scroll(static_cast<std::size_t>(place.band), to);
    place.scrolled = static_cast<int>(bands.bands()[static_cast<std::size_t>(place.band)].scrolled);
    return moved;
}

void MessageLayout::placeCodeHeaders(const Part& part) {
    for (const CodeBlock& block : part.markdown->codeBlocks()) {
        if (!block.frame) {
            slots_.codes.push_back({&block, {}});
            continue;
        }
        const QRectF frame = part.markdown->document().documentLayout()->frameBoundingRect(block.frame);
        const QTextFrameFormat format = block.frame->frameFormat();
        const qreal header = style_.codeHeader();
        slots_.codes.push_back({&block, QRectF(part.rect.left() + format.leftMargin(),
                                               part.rect.top() + frame.top() + format.topMargin() - header,
                                               width_ - format.leftMargin(), header)});
    }
}

void MessageLayout::arrangeNotice(const MessageContent& content, const Options& options, qreal& y) {
    QString text = noticeText(content);
    if (text.isEmpty() && content.streaming() && !content.has(PartKind::Text) &&
        !content.has(PartKind::Thinking))
        text = options.progress;
    if (text.isEmpty()) {
        notice_.reset();
        return;
    }
    if (!notice_) {
        QFont font = style_.text;
        font.setPointSizeF(font.pointSizeF() * 0.92);
        notice_ = makePlain(font);
    }
    const bool beside_caret = content.streaming();
    notice_->setPlainText(text);
    layOutIn(*notice_, width_ - 30);
    const qreal height = sizeOf(*notice_).height();
    if (beside_caret) {
        notice_rect_ = QRectF(14, (parts_.empty() ? y : parts_.back().rect.top()) + 2, width_ - 30, height);
        y = std::max(y, notice_rect_.bottom());
        return;
    }
    notice_rect_ = QRectF(26, y + 12, width_ - 30, height);
    y = notice_rect_.bottom() + 6;
}

} // namespace switchyard
