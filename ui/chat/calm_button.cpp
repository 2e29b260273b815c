#include "ui/chat/calm_button.h"

#include "ui/icon_size.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QPainter>

namespace switchyard {

CalmButton::CalmButton(const QString& icon, const QString& name, QWidget* parent) : QToolButton(parent) {
    setIconName(icon);
    setName(name);
    followFont(*this, 16);
    setAutoRaise(true);
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::PointingHandCursor);
}

void CalmButton::setIconName(const QString& icon) { setIcon(icon.isEmpty() ? QIcon() : themedIcon(icon)); }

void CalmButton::setName(const QString& name) {
    setToolTip(plainTip(name));
    setAccessibleName(name);
}

void CalmButton::setReveal(qreal reveal) {
    if (reveal == reveal_)
        return;
    reveal_ = reveal;
    update();
}

void CalmButton::setLook(Look look) {
    look_ = look;
    update();
}

QSize CalmButton::sizeHint() const {
    const int icon_side = iconSize().width();
    if (text().isEmpty())
        return QSize(icon_side, icon_side) + (look_ != Look::Flat ? QSize(18, 18) : QSize(12, 12));
    const int icon_width = icon().isNull() ? 0 : icon_side + 6;
    return {fontMetrics().horizontalAdvance(text()) + icon_width + 16,
            std::max(icon_side + 12, fontMetrics().height() + 8)};
}

void CalmButton::paintEvent(QPaintEvent*) {
    const ThemeColours& colours = coloursOf(QApplication::palette());
    const qreal opacity = hasFocus() || isDown() ? 1.0 : reveal_;
    if (opacity <= 0)
        return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setOpacity(opacity);
    const QRectF box = QRectF(rect()).adjusted(1, 1, -1, -1);
    const bool hovered = isEnabled() && (underMouse() || isDown());
    const bool accent = look_ == Look::Accent && isEnabled();
    const qreal radius = look_ == Look::Flat ? 6 : box.height() / 2;
    if (hovered || look_ != Look::Flat) {
        const QColor plain = look_ == Look::Accent ? (accent ? colours.accent : colours.hover) : colours.base;
        const QColor under = look_ == Look::Flat ? (isDown() ? colours.border : colours.hover)
                             : accent            ? (hovered ? colours.accent.darker(112) : colours.accent)
                             : hovered           ? colours.hover
                                                 : plain;
        painter.setPen(look_ == Look::Raised ? QPen(colours.border, 1) : QPen(Qt::NoPen));
        painter.setBrush(under);
        painter.drawRoundedRect(box, radius, radius);
    }
    if (hasFocus()) {
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(accent ? colours.text : colours.accent, 1.5));
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
    }
    const QIcon::Mode mode = !isEnabled() ? QIcon::Disabled : hovered ? QIcon::Active : QIcon::Normal;
    QRect icon_rect(QPoint(), iconSize());
    if (text().isEmpty()) {
        icon_rect.moveCenter(rect().center());
        if (!accent) {
            icon().paint(&painter, icon_rect, Qt::AlignCenter, mode);
            return;
        }
        QPixmap sign = icon().pixmap(icon_rect.size(), devicePixelRatioF());
        QPainter tint(&sign);
        tint.setCompositionMode(QPainter::CompositionMode_SourceIn);
        tint.fillRect(sign.rect(), colours.accentText);
        tint.end();
        painter.drawPixmap(icon_rect, sign);
        return;
    }
    int x = 8;
    if (!icon().isNull()) {
        icon_rect.moveCenter(QPoint(x + iconSize().width() / 2, rect().center().y()));
        icon().paint(&painter, icon_rect, Qt::AlignCenter, mode);
        x += iconSize().width() + 6;
    }
    painter.setFont(font());
    painter.setPen(hovered ? colours.text : colours.muted);
    painter.drawText(rect().adjusted(x, 0, -4, 0), Qt::AlignLeft | Qt::AlignVCenter, text());
}

} // namespace switchyard
