#include "ui/tuning/dial_slider.h"

#include "ui/theme.h"
#include "ui/wheel_guard.h"

#include <QMouseEvent>
#include <QPainter>

#include <algorithm>

namespace switchyard {
namespace {
constexpr qreal kMargin = 10; ///< room for the handle and its focus ring, in pixels
constexpr qreal kHandle = 7;  ///< radius
} // namespace

DialSlider::DialSlider(QWidget* parent) : QSlider(Qt::Horizontal, parent) {
    leaveWheelToPage(this);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void DialSlider::setStops(const QVector<bool>& no_gain) {
    stops_ = no_gain;
    setRange(0, std::max<int>(0, static_cast<int>(no_gain.size()) - 1));
    setSingleStep(1);
    setPageStep(1);
    update();
}

void DialSlider::setPresetPosition(int position) {
    if (preset_ == position)
        return;
    preset_ = position;
    update();
}

QSize DialSlider::sizeHint() const { return {160, 24}; }
QSize DialSlider::minimumSizeHint() const { return {80, 24}; }

qreal DialSlider::xOf(int position) const {
    const int span = std::max(1, maximum() - minimum());
    return kMargin + (width() - 2 * kMargin) * (position - minimum()) / span;
}

int DialSlider::positionAt(qreal x) const {
    const qreal share = (x - kMargin) / std::max<qreal>(1, width() - 2 * kMargin);
    return std::clamp(minimum() + qRound(share * (maximum() - minimum())), minimum(), maximum());
}

void DialSlider::paintEvent(QPaintEvent*) {
    const ThemeColours& c = coloursOf(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const qreal middle = height() / 2.0;
    const qreal handle = xOf(sliderPosition());
    const bool on = isEnabled();
    QColor groove = c.dark ? c.border.lighter(125) : c.border;
    const QColor active = on ? c.accent : c.muted;

    painter.setPen(Qt::NoPen);
    painter.setBrush(groove);
    painter.drawRoundedRect(QRectF(kMargin, middle - 2, width() - 2 * kMargin, 4), 2, 2);
    if (!isStepped() && on) {
        painter.setBrush(active);
        painter.drawRoundedRect(QRectF(kMargin, middle - 2, handle - kMargin, 4), 2, 2);
    }
    for (int i = 0; i < stops_.size(); ++i) {
        const QPointF at(xOf(i), middle);
        if (stops_[i]) { // hollow: chosen freely, but nothing is gained
            painter.setPen(QPen(c.muted, 1));
            painter.setBrush(c.surface);
            painter.drawEllipse(at, 3, 3);
        } else {
            painter.setPen(Qt::NoPen);
            painter.setBrush(i == hovered_ && on ? c.accent : c.muted);
            painter.drawEllipse(at, i == hovered_ ? 4 : 3, i == hovered_ ? 4 : 3);
        }
    }
    if (preset_ >= minimum() && preset_ <= maximum() && preset_ != sliderPosition()) {
        painter.setPen(QPen(c.muted, 1.5, Qt::SolidLine, Qt::RoundCap));
        painter.drawLine(QPointF(xOf(preset_), middle + 6), QPointF(xOf(preset_), middle + 10));
    }
    if (hasFocus()) {
        QColor halo = c.accent;
        halo.setAlpha(70);
        painter.setPen(Qt::NoPen);
        painter.setBrush(halo);
        painter.drawEllipse(QPointF(handle, middle), kMargin, kMargin);
    }
    painter.setPen(QPen(active, 2));
    painter.setBrush(isSliderDown() ? active : (c.dark ? c.surface : c.base));
    painter.drawEllipse(QPointF(handle, middle), kHandle - 1, kHandle - 1);
}

void DialSlider::setHovered(int stop) {
    if (hovered_ == stop)
        return;
    hovered_ = stop;
    if (isStepped())
        Q_EMIT stopHovered(stop);
    update();
}

void DialSlider::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return QSlider::mousePressEvent(event);
    setFocus(Qt::MouseFocusReason);
    setSliderDown(true);
    setSliderPosition(positionAt(event->position().x()));
    event->accept();
}

void DialSlider::mouseMoveEvent(QMouseEvent* event) {
    const int position = positionAt(event->position().x());
    if (isSliderDown()) {
        setSliderPosition(position);
        event->accept();
    }
    if (isStepped() && isEnabled())
        setHovered(position);
}

void DialSlider::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    setSliderDown(false);
    update();
    event->accept();
}

void DialSlider::mouseDoubleClickEvent(QMouseEvent* event) {
    setSliderDown(false);
    Q_EMIT resetRequested();
    event->accept();
}

void DialSlider::leaveEvent(QEvent* event) {
    setHovered(-1);
    QSlider::leaveEvent(event);
}

} // namespace switchyard
