#include "ui/chat/message_layout.h"

#include <QCoreApplication>
#include <QPainterPath>
#include <QTextBlock>
#include <QTextTable>

#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr qreal top_padding = 14, bubble_padding_x = 16, bubble_padding_y = 11, tools_height = 28;
constexpr qreal thinking_indent = 14, chip_height = 26;

QString tr(const char* text) { return QCoreApplication::translate("MessageLayout", text); }

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

QString authorName(const MessageContent& content) {
    if (content.author == Author::User)
        return tr("You");
    if (content.author == Author::System)
        return tr("System prompt");
    QString name = content.model.section(u'/', -1);
    if (name.endsWith(u".gguf"_s, Qt::CaseInsensitive))
        name.chop(5);
    return name.isEmpty() ? u"Switchyard"_s : name;
}

/// The sentence under a message that did not end by itself.
QString noticeText(const MessageContent& content) {
    switch (content.state) {
    case MessageState::Failed:
        return content.error.isEmpty() ? tr("The answer failed.") : content.error;
    case MessageState::Stopped:
        return tr("Stopped. What is there is kept.");
    case MessageState::Interrupted:
        return tr("Interrupted: the program ended while this was being written. Continue goes on from here.");
    default:
        return {};
    }
}

QFont captionFont(const ChatStyle& style) {
    QFont font = style.text;
    font.setPointSizeF(font.pointSizeF() * 0.86);
    font.setWeight(QFont::DemiBold);
    return font;
}

} // namespace

QString plainText(const QTextDocument& document, int from, int to) {
    QString out;
    bool first = true;
    QTextTable* table = nullptr;
    int row = -1;
    for (QTextBlock block = document.findBlock(from); block.isValid() && block.position() <= to;
         block = block.next()) {
        if (block.blockFormat().boolProperty(spacerProperty))
            continue;
        QTextTable* inside = QTextCursor(block).currentTable();
        const int inside_row = inside ? inside->cellAt(block.position()).row() : -1;
        if (!first)
            out += inside && inside == table && inside_row == row ? u'\t' : u'\n';
        first = false;
        table = inside;
        row = inside_row;
        const int begin = std::max(from - block.position(), 0);
        const int end = std::min(to - block.position(), block.length() - 1);
        if (end > begin)
            out += QStringView(block.text()).mid(begin, end - begin);
    }
    out.replace(QChar::LineSeparator, u'\n');
    out.replace(QChar::Nbsp, u' ');
    return out;
}

MessageLayout::MessageLayout(const MessageContent& content, const ChatStyle& style)
    : style_(style), thinking_style_(style) {
    thinking_style_.text.setPointSizeF(style.text.pointSizeF() * 0.94);
    thinking_style_.mono.setPointSizeF(style.mono.pointSizeF() * 0.94);
    sync(content, true);
}

MessageLayout::~MessageLayout() = default;

const std::vector<CodeBlock>& MessageLayout::codeBlocks() const {
    static const std::vector<CodeBlock> none;
    return body_.markdown ? body_.markdown->codeBlocks() : none;
}

void MessageLayout::sync(const MessageContent& content, bool rewritten) {
    if (content.author != Author::Assistant) {
        if (!body_.plain)
            body_.plain = makePlain(style_.text);
        if (rewritten)
            body_.plain->setPlainText(QString::fromStdString(content.text));
        return;
    }
    const auto grow = [&](Part& part, const std::string& text, const ChatStyle& style, bool finished) {
        if (!part.markdown)
            part.markdown = std::make_unique<MarkdownDocument>(style);
        if (rewritten || text.size() < part.markdown->source().size())
            part.markdown->clear();
        if (text.size() > part.markdown->source().size())
            part.markdown->append(std::string_view(text).substr(part.markdown->source().size()));
        if (finished)
            part.markdown->finish();
    };
    grow(body_, content.text, style_, !content.streaming());
    if (!content.thinking.empty() || thinking_.markdown)
        grow(thinking_, content.thinking, thinking_style_, !content.streaming() || !content.text.empty());
}

void MessageLayout::arrange(const MessageContent& content, const Options& options) {
    width_ = options.width;
    slots_ = {};
    files_.clear();
    thinking_.rect = bubble_ = QRectF();
    qreal y = top_padding;
    if (content.author == Author::Assistant)
        arrangeAnswer(content, options, y);
    else
        arrangeQuestion(content, options, y);
    arrangeNotice(content, options, y);
    const bool question = content.author != Author::Assistant;
    slots_.tools = QRectF(0, y + (question ? 1 : 4), width_, tools_height);
    height_ = std::ceil(slots_.tools.bottom() + (question ? 0 : 8));
}

void MessageLayout::arrangeQuestion(const MessageContent& content, const Options& options, qreal& y) {
    const qreal caption = QFontMetricsF(captionFont(style_)).height();
    name_ = QRectF(0, y, width_, caption);
    y += caption + 6;
    if (options.editor_height >= 0) {
        slots_.editor = QRectF(0, y, width_, options.editor_height);
        y += options.editor_height;
        return;
    }
    const qreal widest = width_ * 0.86 - 2 * bubble_padding_x;
    body_.plain->setTextWidth(widest);
    const qreal chips = static_cast<qreal>(content.files.size()) * (chip_height + 6);
    qreal ideal = content.text.empty() ? 0 : std::ceil(body_.plain->idealWidth()) + 1;
    const QFontMetricsF metrics(captionFont(style_));
    for (const AttachedFile& file : content.files)
        ideal = std::max(ideal, metrics.horizontalAdvance(file.name) + 44);
    const qreal text_width = std::min(widest, ideal);
    body_.plain->setTextWidth(text_width);
    const qreal text_height = content.text.empty() ? 0 : sizeOf(*body_.plain).height();
    const qreal height = text_height + chips + 2 * bubble_padding_y - (content.text.empty() ? 6 : 0);
    bubble_ =
        QRectF(width_ - text_width - 2 * bubble_padding_x, y, text_width + 2 * bubble_padding_x, height);
    qreal inside = y + bubble_padding_y;
    for (std::size_t i = 0; i < content.files.size(); ++i, inside += chip_height + 6)
        files_.push_back(QRectF(bubble_.left() + bubble_padding_x, inside, text_width, chip_height));
    body_.rect = QRectF(bubble_.left() + bubble_padding_x, inside, text_width, text_height);
    y += height;
}

void MessageLayout::arrangeAnswer(const MessageContent& content, const Options& options, qreal& y) {
    const qreal caption = QFontMetricsF(captionFont(style_)).height();
    name_ = QRectF(0, y, width_, caption);
    y += caption + 8;
    if (thinking_.markdown) {
        slots_.thinking = QRectF(0, y, width_, 28);
        y += 34;
        if (options.thinking_open) {
            thinking_.markdown->document().setTextWidth(width_ - thinking_indent);
            thinking_.rect = QRectF(thinking_indent, y, width_ - thinking_indent,
                                    sizeOf(thinking_.markdown->document()).height());
            y = thinking_.rect.bottom() + 12;
        }
    }
    if (options.editor_height >= 0) {
        slots_.editor = QRectF(0, y, width_, options.editor_height);
        y += options.editor_height;
        return;
    }
    QTextDocument& document = body_.markdown->document();
    if (document.textWidth() != width_)
        document.setTextWidth(width_);
    const bool empty = content.text.empty() && !content.streaming();
    body_.rect = QRectF(0, y, width_, empty ? 0 : sizeOf(document).height());
    y = body_.rect.bottom();
    placeCodeHeaders();
}

void MessageLayout::placeCodeHeaders() {
    for (const CodeBlock& block : body_.markdown->codeBlocks()) {
        if (!block.frame) {
            slots_.code_headers.push_back({});
            continue;
        }
        const QRectF frame = body_.markdown->document().documentLayout()->frameBoundingRect(block.frame);
        const QTextFrameFormat format = block.frame->frameFormat();
        const qreal header = style_.codeHeader();
        slots_.code_headers.push_back(QRectF(body_.rect.left() + format.leftMargin(),
                                             body_.rect.top() + frame.top() + format.topMargin() - header,
                                             width_ - format.leftMargin(), header));
    }
}

void MessageLayout::arrangeNotice(const MessageContent& content, const Options& options, qreal& y) {
    QString text = noticeText(content);
    if (text.isEmpty() && content.streaming() && content.text.empty() && content.thinking.empty())
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
    notice_->setTextWidth(width_ - 30);
    const qreal height = sizeOf(*notice_).height();
    if (beside_caret) {
        notice_rect_ = QRectF(14, body_.rect.top() + 2, width_ - 30, height);
        y = std::max(y, notice_rect_.bottom());
        return;
    }
    notice_rect_ = QRectF(26, y + 12, width_ - 30, height);
    y = notice_rect_.bottom() + 6;
}

void MessageLayout::paint(QPainter& painter, const MessageContent& content, const PaintState& state) const {
    painter.setRenderHint(QPainter::Antialiasing);
    const bool question = content.author != Author::Assistant;
    painter.setFont(captionFont(style_));
    painter.setPen(style_.muted);
    painter.drawText(name_, question ? Qt::AlignRight | Qt::AlignVCenter : Qt::AlignLeft | Qt::AlignVCenter,
                     authorName(content));
    if (!bubble_.isNull()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.bubble);
        painter.drawRoundedRect(bubble_, 14, 14);
        paintFiles(painter, content);
    }
    if (thinkingShown()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.border);
        painter.drawRoundedRect(QRectF(1, thinking_.rect.top(), 3, thinking_.rect.height()), 1.5, 1.5);
        paintPart(painter, thinking_, MessagePlace::Thinking, content, state);
    }
    if (slots_.editor.isNull()) {
        paintPart(painter, body_, MessagePlace::Body, content, state);
        paintMarks(painter, content);
    }
    if (notice_) {
        const bool failed = content.state == MessageState::Failed;
        if (!content.streaming()) { // a sign beside the words, so that colour is not all there is
            const QRectF sign(2, notice_rect_.top() + 1, 15, 15);
            painter.setPen(QPen(failed ? style_.danger : style_.muted, 1.5));
            painter.setBrush(Qt::NoBrush);
            if (failed) {
                painter.drawEllipse(sign);
                painter.drawLine(sign.center() + QPointF(0, -4), sign.center() + QPointF(0, 1));
                painter.drawPoint(sign.center() + QPointF(0, 4));
            } else {
                painter.drawRoundedRect(sign.adjusted(2, 2, -2, -2), 2, 2);
            }
        }
        painter.save();
        painter.translate(notice_rect_.topLeft());
        QAbstractTextDocumentLayout::PaintContext context;
        context.palette.setColor(QPalette::Text, failed ? style_.danger : style_.muted);
        notice_->documentLayout()->draw(&painter, context);
        painter.restore();
    }
    if (state.focused) {
        painter.setPen(QPen(style_.accent, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(-10, top_padding - 10, width_ + 20, height_ - top_padding + 8), 8, 8);
    }
}

void MessageLayout::paintFiles(QPainter& painter, const MessageContent& content) const {
    painter.setFont(captionFont(style_));
    for (std::size_t i = 0; i < files_.size() && i < content.files.size(); ++i) {
        const QRectF chip = files_[i];
        const QRectF page(chip.left() + 1, chip.center().y() - 8, 12, 16);
        QPainterPath outline(page.topLeft());
        outline.lineTo(page.right() - 4, page.top());
        outline.lineTo(page.right(), page.top() + 4);
        outline.lineTo(page.bottomRight());
        outline.lineTo(page.bottomLeft());
        outline.closeSubpath();
        painter.setPen(QPen(style_.muted, 1.4));
        painter.setBrush(Qt::NoBrush);
        painter.drawPath(outline);
        painter.setPen(style_.ink);
        painter.drawText(chip.adjusted(22, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(content.files[i].name, Qt::ElideMiddle,
                                                          static_cast<int>(chip.width() - 22)));
    }
}

void MessageLayout::paintBackdrops(QPainter& painter, const Part& part) const {
    const QAbstractTextDocumentLayout* layout = part.document()->documentLayout();
    if (!part.markdown)
        return;
    for (const CodeBlock& block : part.markdown->codeBlocks()) {
        if (!block.frame)
            continue;
        const QTextFrameFormat format = block.frame->frameFormat();
        const qreal header = style_.codeHeader();
        const QRectF box =
            layout->frameBoundingRect(block.frame)
                .adjusted(format.leftMargin(), format.topMargin() - header, 0, -format.bottomMargin());
        painter.setPen(QPen(style_.border, 1));
        painter.setBrush(style_.code);
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8);
        painter.setFont(captionFont(style_));
        painter.setPen(style_.muted);
        const QString name = languageName(block.language);
        painter.drawText(QRectF(box.left() + 14, box.top(), box.width() - 120, header),
                         Qt::AlignLeft | Qt::AlignVCenter, name.isEmpty() ? tr("Code") : name);
        painter.setPen(QPen(style_.border, 1));
        painter.drawLine(QPointF(box.left() + 1, box.top() + header),
                         QPointF(box.right() - 1, box.top() + header));
    }
}

void MessageLayout::paintPart(QPainter& painter, const Part& part, MessagePlace place,
                              const MessageContent& content, const PaintState& state) const {
    QTextDocument* document = part.document();
    if (!document || part.rect.height() <= 0)
        return;
    painter.save();
    painter.translate(part.rect.topLeft());
    paintBackdrops(painter, part);
    QAbstractTextDocumentLayout::PaintContext context;
    context.clip = state.clip.translated(-part.rect.topLeft());
    context.palette.setColor(QPalette::Text, place == MessagePlace::Thinking ? style_.muted : style_.ink);
    const auto select = [&](LayoutPosition from, LayoutPosition to, const QColor& back, const QColor& front) {
        if (from.part > place || to.part < place)
            return;
        QAbstractTextDocumentLayout::Selection selection;
        selection.cursor = QTextCursor(document);
        const int last = document->characterCount() - 1;
        selection.cursor.setPosition(from.part < place ? 0 : std::clamp(from.position, 0, last));
        selection.cursor.setPosition(to.part > place ? last : std::clamp(to.position, 0, last),
                                     QTextCursor::KeepAnchor);
        if (!selection.cursor.hasSelection())
            return;
        selection.format.setBackground(back);
        if (front.isValid())
            selection.format.setForeground(front);
        context.selections.append(selection);
    };
    if (state.lit_token >= 0) {
        const LayoutPosition from = tokenPosition(content, state.lit_token);
        const LayoutPosition to = tokenPosition(content, state.lit_token + 1);
        select(from, to, style_.light_up, QColor());
    }
    if (state.selection)
        select(state.selection->first, state.selection->second, style_.selection, style_.selection_ink);
    document->documentLayout()->draw(&painter, context);

    // Bars beside quotes, only of the blocks in sight.
    const int top =
        document->documentLayout()->hitTest(QPointF(0, std::max(0.0, context.clip.top())), Qt::FuzzyHit);
    painter.setPen(Qt::NoPen);
    painter.setBrush(style_.border);
    for (QTextBlock block = document->findBlock(std::max(top, 0)); block.isValid(); block = block.next()) {
        const int depth = block.blockFormat().intProperty(quoteDepthProperty);
        const QRectF rect = document->documentLayout()->blockBoundingRect(block);
        if (context.clip.isValid() && rect.top() > context.clip.bottom())
            break;
        for (int i = 0; i < depth; ++i) {
            const qreal gap = block.previous().blockFormat().intProperty(quoteDepthProperty) > i
                                  ? block.blockFormat().topMargin()
                                  : 0;
            painter.drawRoundedRect(QRectF(i * style_.em() * 1.2, rect.top() - gap, 3, rect.height() + gap),
                                    1.5, 1.5);
        }
    }
    painter.restore();
    const bool here = content.text.empty() && !content.thinking.empty() ? place == MessagePlace::Thinking
                                                                        : place == MessagePlace::Body;
    if (state.caret && here) {
        const QRectF caret = caretRect(part, document->characterCount() - 1);
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.accent);
        painter.drawRoundedRect(caret, 1.5, 1.5);
    }
}

QRectF MessageLayout::caretRect(const Part& part, int position) const {
    QTextDocument* document = part.document();
    QTextBlock block = document->findBlock(position);
    if (block.blockFormat().boolProperty(spacerProperty) && block.previous().isValid())
        block = block.previous(); // after a code block: at its end
    const QTextLayout* layout = block.layout();
    const int in_block = std::clamp(position - block.position(), 0, block.length() - 1);
    const QTextLine line = layout->lineForTextPosition(in_block);
    const QRectF rect = document->documentLayout()->blockBoundingRect(block);
    const qreal x = line.isValid() ? line.cursorToX(in_block) : 0;
    const qreal y = line.isValid() ? line.y() + line.height() - line.descent() - line.ascent() : 0;
    const qreal height = style_.em() * 1.15;
    const qreal baseline = line.isValid() ? line.y() + line.ascent() : height;
    Q_UNUSED(y);
    return QRectF(part.rect.left() + rect.left() + x + 2,
                  part.rect.top() + rect.top() + baseline - style_.em() * 0.92, 7, height);
}

LayoutPosition MessageLayout::tokenPosition(const MessageContent& content, int token) const {
    const TextPlace place = content.tokens.begin(token, content.text.size(), !content.thinking.empty());
    const Part& where = part(place.part);
    return {place.part, where.markdown ? where.markdown->position(place.offset) : 0};
}

QRectF MessageLayout::tokenRect(const MessageContent& content, int token) const {
    return positionRect(tokenPosition(content, token));
}

QRectF MessageLayout::positionRect(LayoutPosition position) const {
    const Part& where = part(position.part);
    return where.document() && !where.rect.isNull() ? caretRect(where, position.position) : name_;
}

QRectF MessageLayout::markRect(const MessageContent& content, const DialMark& mark) const {
    const LayoutPosition at = tokenPosition(content, mark.token);
    const Part& where = part(at.part);
    if (!where.document() || where.rect.isNull())
        return {};
    const QRectF caret = caretRect(where, at.position);
    return QRectF(caret.left() - 6, caret.top() - 5, 9, caret.height() + 6);
}

void MessageLayout::paintMarks(QPainter& painter, const MessageContent& content) const {
    for (const DialMark& mark : content.marks) {
        const QRectF rect = markRect(content, mark);
        if (rect.isNull())
            continue;
        const qreal x = rect.center().x();
        painter.setPen(QPen(style_.accent, 1.2));
        painter.drawLine(QPointF(x, rect.top() + 4), QPointF(x, rect.bottom()));
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.accent);
        const QPointF points[] = {{x - 4, rect.top()}, {x + 4, rect.top()}, {x, rect.top() + 5}};
        painter.drawPolygon(points, 3);
    }
}

LayoutHit MessageLayout::hit(const MessageContent& content, const QPointF& point) const {
    LayoutHit hit;
    const bool above_body = thinkingShown() && point.y() < thinking_.rect.bottom() + 6;
    const Part& where = above_body ? thinking_ : body_;
    hit.position.part = above_body ? MessagePlace::Thinking : MessagePlace::Body;
    for (std::size_t i = 0; i < content.marks.size(); ++i) {
        if (markRect(content, content.marks[i]).adjusted(-2, -2, 2, 2).contains(point))
            hit.mark = static_cast<int>(i);
    }
    QTextDocument* document = where.document();
    if (!document || !slots_.editor.isNull())
        return hit;
    const QPointF inside = point - where.rect.topLeft();
    if (inside.y() < 0) {
        hit.position.position = 0;
        return hit;
    }
    if (inside.y() > where.rect.height()) {
        hit.position.position = document->characterCount() - 1;
        return hit;
    }
    hit.position.position = std::max(0, document->documentLayout()->hitTest(inside, Qt::FuzzyHit));
    hit.on_text = document->documentLayout()->hitTest(inside, Qt::ExactHit) >= 0;
    if (hit.on_text)
        hit.link = document->documentLayout()->anchorAt(inside);
    return hit;
}

LayoutPosition MessageLayout::first() const {
    return {thinkingShown() ? MessagePlace::Thinking : MessagePlace::Body, 0};
}

LayoutPosition MessageLayout::last() const {
    return {MessagePlace::Body, body_.document() ? body_.document()->characterCount() - 1 : 0};
}

LayoutPosition MessageLayout::wordBegin(LayoutPosition position, bool line) const {
    QTextCursor cursor(part(position.part).document());
    cursor.setPosition(position.position);
    cursor.movePosition(line ? QTextCursor::StartOfBlock : QTextCursor::StartOfWord);
    return {position.part, cursor.position()};
}

LayoutPosition MessageLayout::wordEnd(LayoutPosition position, bool line) const {
    QTextCursor cursor(part(position.part).document());
    cursor.setPosition(position.position);
    cursor.movePosition(line ? QTextCursor::EndOfBlock : QTextCursor::EndOfWord);
    return {position.part, cursor.position()};
}

QString MessageLayout::text(LayoutPosition from, LayoutPosition to) const {
    QStringList parts;
    for (const MessagePlace place : {MessagePlace::Thinking, MessagePlace::Body}) {
        const QTextDocument* document = part(place).document();
        if (!document || (place == MessagePlace::Thinking && !thinkingShown()) || from.part > place ||
            to.part < place)
            continue;
        const int last = document->characterCount() - 1;
        const QString text = plainText(*document, from.part < place ? 0 : std::clamp(from.position, 0, last),
                                       to.part > place ? last : std::clamp(to.position, 0, last));
        if (!text.isEmpty())
            parts += text;
    }
    return parts.join(u"\n\n"_s);
}

std::optional<std::pair<LayoutPosition, LayoutPosition>> MessageLayout::find(const QString& query,
                                                                             int nth) const {
    std::optional<std::pair<LayoutPosition, LayoutPosition>> last;
    QTextCursor at(body_.document());
    for (int i = 0; i <= nth; ++i) {
        at = body_.document()->find(query, at);
        if (at.isNull())
            break;
        last = std::pair{LayoutPosition{MessagePlace::Body, at.selectionStart()},
                         LayoutPosition{MessagePlace::Body, at.selectionEnd()}};
    }
    return last;
}

} // namespace switchyard
