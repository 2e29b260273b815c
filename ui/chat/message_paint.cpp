// How a laid-out message is painted.
#include "ui/chat/message_layout.h"

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
    QString name = content.model.section(u'/', -1);
    if (name.endsWith(u".gguf"_s, Qt::CaseInsensitive))
        name.chop(5);
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
                painter.drawEllipse(sign); // the sign of the stop button; a bare square is a check box
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
    if (state.focused) {
        painter.setPen(QPen(style_.accent, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(-10, 4, width_ + 20, height_ - 6), 8, 8);
    }
}

void MessageLayout::paintFiles(QPainter& painter, const MessageContent& content) const {
    painter.setFont(style_.caption());
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
    // Only the blocks in sight: long answers are painted at every token.
    const int top =
        document->documentLayout()->hitTest(QPointF(0, std::max(0.0, context.clip.top())), Qt::FuzzyHit);
    const QTextBlock first = document->findBlock(std::max(top, 0));
    const auto below = [&](const QTextBlock& block) {
        return context.clip.isValid() &&
               document->documentLayout()->blockBoundingRect(block).top() > context.clip.bottom();
    };
    for (QTextCursor at(first); place == MessagePlace::Body && !state.found.isEmpty();) {
        at = document->find(state.found, at);
        if (at.isNull() || below(document->findBlock(at.selectionStart())))
            break;
        select({place, at.selectionStart()}, {place, at.selectionEnd()}, style_.light_up, QColor());
    }
    if (state.selection)
        select(state.selection->first, state.selection->second, style_.selection, style_.selection_ink);
    document->documentLayout()->draw(&painter, context);

    // Bars beside quotes, of the same blocks.
    painter.setPen(Qt::NoPen);
    painter.setBrush(style_.border);
    for (QTextBlock block = first; block.isValid() && !below(block); block = block.next()) {
        const int depth = block.blockFormat().intProperty(quoteDepthProperty);
        const QRectF rect = document->documentLayout()->blockBoundingRect(block);
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

} // namespace switchyard
