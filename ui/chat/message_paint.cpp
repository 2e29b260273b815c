// How a laid-out message is painted.
#include "ui/chat/message_layout.h"
#include "ui/math/math_object.h"

#include <QPainterPath>
#include <QTextBlock>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

QString authorName(const MessageContent& content) {
    if (content.author == Author::User)
        return MessageLayout::tr("You");
    if (content.author == Author::System)
        return MessageLayout::tr("System prompt");
    const QString name = content.modelName();
    return name.isEmpty() ? u"Switchyard"_s : name;
}

} // namespace

void MessageLayout::paint(QPainter& painter, const MessageContent& content, const PaintState& state) const {
    painter.setRenderHint(QPainter::Antialiasing);
    const bool question = content.author != Author::Assistant;
    painter.setFont(style_.caption());
    painter.setPen(style_.muted);
    painter.drawText(name_, question ? Qt::AlignRight | Qt::AlignVCenter : Qt::AlignLeft | Qt::AlignVCenter,
                     authorName(content));
    if (!bubble_.isNull()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.bubble);
        painter.drawRoundedRect(bubble_, 14, 14);
    }
    for (int i = 0; i < static_cast<int>(std::min(parts_.size(), content.parts.size())); ++i)
        paintPart(painter, i, content, state);
    if (notice_)
        paintNotice(painter, content);
    if (state.focused) {
        painter.setPen(QPen(style_.accent, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(-10, 4, width_ + 20, height_ - 6), 8, 8);
    }
}

void MessageLayout::paintNotice(QPainter& painter, const MessageContent& content) const {
    const bool failed = content.state == MessageState::Failed;
    if (!content.streaming()) { // a sign beside the words, so that colour is not all there is
        const QRectF sign(2, notice_rect_.top() + 1, 15, 15);
        painter.setPen(QPen(failed ? style_.danger : style_.muted, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawEllipse(sign);
        if (failed) {
            painter.drawLine(sign.center() + QPointF(0, -4), sign.center() + QPointF(0, 1));
            painter.drawPoint(sign.center() + QPointF(0, 4));
        } else { // the sign of the stop button; a bare square is a check box
            painter.setPen(Qt::NoPen);
            painter.setBrush(style_.muted);
            painter.drawRoundedRect(sign.adjusted(4.5, 4.5, -4.5, -4.5), 1, 1);
        }
    }
    painter.save();
    painter.translate(notice_rect_.topLeft());
    QAbstractTextDocumentLayout::PaintContext context;
    context.palette.setColor(QPalette::Text, failed ? style_.danger : style_.muted);
    notice_->documentLayout()->draw(&painter, context);
    painter.restore();
}

void MessageLayout::paintFile(QPainter& painter, const QRectF& chip, const QString& name) const {
    painter.setFont(style_.caption());
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
    painter.drawText(
        chip.adjusted(22, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
        painter.fontMetrics().elidedText(name, Qt::ElideMiddle, static_cast<int>(chip.width() - 22)));
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
        painter.setFont(style_.caption());
        painter.setPen(style_.muted);
        const QString name = languageName(block.language);
        painter.drawText(QRectF(box.left() + 14, box.top(), box.width() - 120, header),
                         Qt::AlignLeft | Qt::AlignVCenter, name.isEmpty() ? MessageLayout::tr("Code") : name);
        painter.setPen(QPen(style_.border, 1));
        painter.drawLine(QPointF(box.left() + 1, box.top() + header),
                         QPointF(box.right() - 1, box.top() + header));
    }
}

/// The part that text is being added to; one that is folded shows no caret.
int MessageLayout::caretPart(const MessageContent& content) const {
    int text = 0;
    for (int i = static_cast<int>(content.parts.size()) - 1; i >= 0; --i) {
        const ContentPart& part = content.parts[static_cast<std::size_t>(i)];
        if (!part.text.empty())
            return i;
        if (part.kind == PartKind::Text)
            text = i;
    }
    return text;
}

void MessageLayout::paintPart(QPainter& painter, int index, const MessageContent& content,
                              const PaintState& state) const {
    const Part& part = parts_[static_cast<std::size_t>(index)];
    QTextDocument* document = part.document();
    if (part.rect.height() <= 0)
        return;
    if (part.kind == PartKind::File)
        return paintFile(painter, part.rect, content.parts[static_cast<std::size_t>(index)].name);
    if (!document)
        return;
    const bool text = part.kind == PartKind::Text;
    if (!text) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.border);
        painter.drawRoundedRect(QRectF(1, part.rect.top(), 3, part.rect.height()), 1.5, 1.5);
    }
    painter.save();
    painter.translate(part.rect.topLeft());
    paintBackdrops(painter, part);
    QAbstractTextDocumentLayout::PaintContext context;
    context.clip = state.clip.translated(-part.rect.topLeft());
    context.palette.setColor(QPalette::Text, text ? style_.ink : style_.muted);
    const auto select = [&](LayoutPosition from, LayoutPosition to, const QColor& back, const QColor& front) {
        if (from.part > index || to.part < index)
            return;
        QAbstractTextDocumentLayout::Selection selection;
        selection.cursor = QTextCursor(document);
        const int last = document->characterCount() - 1;
        selection.cursor.setPosition(from.part < index ? 0 : std::clamp(from.position, 0, last));
        selection.cursor.setPosition(to.part > index ? last : std::clamp(to.position, 0, last),
                                     QTextCursor::KeepAnchor);
        if (!selection.cursor.hasSelection())
            return;
        selection.format.setBackground(back);
        if (front.isValid())
            selection.format.setForeground(front);
        context.selections.append(selection);
    };
    if (state.lit)
        select(state.lit->first, state.lit->second, style_.light_up, QColor());
    // Only the blocks in sight: long answers are painted at every token.
    const int top =
        document->documentLayout()->hitTest(QPointF(0, std::max(0.0, context.clip.top())), Qt::FuzzyHit);
    const QTextBlock first = document->findBlock(std::max(top, 0));
    const auto below = [&](const QTextBlock& block) {
        return context.clip.isValid() &&
               document->documentLayout()->blockBoundingRect(block).top() > context.clip.bottom();
    };
    for (QTextCursor at(first); text && !state.found.isEmpty();) {
        at = document->find(state.found, at);
        if (at.isNull() || below(document->findBlock(at.selectionStart())))
            break;
        select({index, at.selectionStart()}, {index, at.selectionEnd()}, style_.light_up, QColor());
    }
    if (state.selection)
        select(state.selection->first, state.selection->second, style_.selection, style_.selection_ink);
    drawBands(painter, part, context, first.position());
    paintQuotes(painter, *document, first, context.clip);
    painter.restore();
    if (state.caret && index == caretPart(content)) {
        const QRectF caret = caretRect(part, document->characterCount() - 1);
        painter.setPen(Qt::NoPen);
        painter.setBrush(style_.accent);
        painter.drawRoundedRect(caret, 1.5, 1.5);
    }
}

/// The document with its selections; of what is wider than the text the stretch that it is scrolled to.
/// `first`: the position from which on it is seen.
void MessageLayout::drawBands(QPainter& painter, const Part& part,
                              QAbstractTextDocumentLayout::PaintContext context, int first) const {
    QTextDocument& document = *part.document();
    const auto draw = [&] {
        document.documentLayout()->draw(&painter, context);
        for (const QAbstractTextDocumentLayout::Selection& drawn : std::as_const(context.selections)) {
            const QBrush front = drawn.format.foreground();
            paintSelectedFormulas(painter, document, std::max(drawn.cursor.selectionStart(), first),
                                  drawn.cursor.selectionEnd(),
                                  front.style() == Qt::NoBrush ? context.palette.color(QPalette::Text)
                                                               : front.color(),
                                  drawn.format.background(), context.clip);
        }
    };
    if (part.wide.bands().empty())
        return draw();
    const QRectF whole =
        context.clip.isValid() ? context.clip : QRectF(0, 0, part.rect.width(), part.rect.height());
    const auto strip = [&](qreal top, qreal bottom, const WideBands::Band* band) {
        QRectF seen(whole.left(), std::max(top, whole.top()), whole.width(), 0);
        seen.setBottom(std::min(bottom, whole.bottom()));
        if (seen.height() <= 0)
            return;
        if (band) { // not into the margin beside the text
            seen.setLeft(std::max(seen.left(), 0.0));
            seen.setRight(std::min(seen.right(), part.wide.width()));
        }
        const qreal shift = band ? band->shift() : 0;
        painter.save();
        painter.setClipRect(seen, Qt::IntersectClip);
        painter.translate(-shift, 0);
        context.clip = seen.translated(shift, 0);
        draw();
        painter.restore();
    };
    qreal from = whole.top();
    for (const WideBands::Band& band : part.wide.bands()) {
        strip(from, band.top, nullptr);
        strip(std::max(from, band.top), band.bottom, &band);
        from = std::max(from, band.bottom);
    }
    strip(from, whole.bottom(), nullptr);
}

/// Bars beside quotes, where their lines begin, from a block on as far as is seen.
void MessageLayout::paintQuotes(QPainter& painter, const QTextDocument& document, QTextBlock block,
                                const QRectF& clip) const {
    painter.setPen(Qt::NoPen);
    painter.setBrush(style_.border);
    for (; block.isValid(); block = block.next()) {
        const int depth = block.blockFormat().intProperty(quoteDepthProperty);
        const QRectF rect = document.documentLayout()->blockBoundingRect(block);
        if (clip.isValid() && rect.top() > clip.bottom())
            break;
        for (int i = 0; i < depth; ++i) {
            const QTextBlock before = block.previous();
            const bool goes_on = before.blockFormat().intProperty(quoteDepthProperty) > i;
            const qreal gap =
                goes_on ? std::max(0.0,
                                   rect.top() - document.documentLayout()->blockBoundingRect(before).bottom())
                        : 0;
            const qreal from_edge = i * style_.em() * 1.2;
            const bool turned = block.textDirection() == Qt::RightToLeft;
            const qreal x = turned ? document.textWidth() - from_edge - 3 : from_edge;
            painter.drawRoundedRect(QRectF(x, rect.top() - gap, 3, rect.height() + gap), 1.5, 1.5);
        }
    }
}

} // namespace switchyard
