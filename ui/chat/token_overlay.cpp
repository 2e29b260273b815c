#include "ui/chat/token_overlay.h"

#include <QPainter>

namespace switchyard {
namespace {

LayoutPosition tokenPosition(const ShownMessage& message, int token) {
    return message.layout.position(message.content.tokens.begin(token));
}

/// Null: its place is not known, or not seen.
QRectF markRect(const ShownMessage& message, const DialMark& mark) {
    if (message.content.needsTokens())
        return {};
    const LayoutPosition at = tokenPosition(message, mark.token);
    if (!message.layout.shows(at))
        return {};
    const QRectF caret = message.layout.positionRect(message.layout.beforeWord(at));
    return QRectF(caret.left() - 6, caret.top() - 5, 9, caret.height() + 6);
}

} // namespace

void TokenOverlay::light(MessageId message, int token) {
    message_ = token >= 0 ? message : 0;
    token_ = token;
}

std::optional<LayoutRange> TokenOverlay::lit(const ShownMessage& message) const {
    if (token_ < 0 || message_ != message.content.id)
        return std::nullopt;
    return LayoutRange{tokenPosition(message, token_), tokenPosition(message, token_ + 1)};
}

QRectF TokenOverlay::tokenRect(const ShownMessage& message, int token) {
    return message.layout.positionRect(tokenPosition(message, token));
}

int TokenOverlay::markAt(const ShownMessage& message, const QPointF& point) {
    int found = -1;
    for (std::size_t i = 0; i < message.content.marks.size(); ++i) {
        if (markRect(message, message.content.marks[i]).adjusted(-2, -2, 2, 2).contains(point))
            found = static_cast<int>(i);
    }
    return found;
}

QString TokenOverlay::tip(const DialMark& mark) {
    return tr("Before token %1:").arg(mark.token + 1) + u'\n' + mark.tip;
}

void TokenOverlay::paintMarks(QPainter& painter, const ShownMessage& message, const QColor& colour) {
    if (!message.layout.places().editor.isNull())
        return;
    for (const DialMark& mark : message.content.marks) {
        const QRectF rect = markRect(message, mark);
        if (rect.isNull())
            continue;
        const qreal x = rect.center().x();
        painter.setPen(QPen(colour, 1.2));
        painter.drawLine(QPointF(x, rect.top() + 4), QPointF(x, rect.bottom()));
        painter.setPen(Qt::NoPen);
        painter.setBrush(colour);
        const QPointF points[] = {{x - 4, rect.top()}, {x + 4, rect.top()}, {x, rect.top() + 5}};
        painter.drawPolygon(points, 3);
    }
}

} // namespace switchyard
