#include "ui/models/part_bar.h"

#include "ui/models/anatomy_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QHelpEvent>
#include <QLocale>
#include <QPainter>
#include <QToolTip>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

void fill(QPainter& painter, const QRectF& area, WeightRole role, const ThemeColours& colours) {
    const QColor colour = partColour(role, colours);
    if (!partHatched(role)) {
        painter.fillRect(area, colour);
        return;
    }
    QColor ground = colour;
    ground.setAlpha(110);
    painter.fillRect(area, ground);
    painter.fillRect(area, QBrush(colour, Qt::BDiagPattern));
}

QString shareText(std::uint64_t part, std::uint64_t all) {
    return QLocale().toString(all > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(all) : 0.0,
                              'f', 1) +
           u" %"_s;
}

} // namespace

PartBar::PartBar(QWidget* parent) : QWidget(parent) {
    setAccessibleName(tr("Parameters by part"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void PartBar::setAnatomy(const Anatomy& anatomy) {
    anatomy_ = anatomy;
    QStringList parts;
    for (const AnatomyPart& part : anatomy_.parts)
        parts << AnatomyText::partName(part.role) + u" "_s + shareText(part.parameters, anatomy_.parameters);
    setAccessibleDescription(parts.join(u", "_s));
    update();
}

std::vector<PartBar::Stretch> PartBar::stretches() const {
    std::vector<Stretch> all;
    double x = 0;
    for (const AnatomyPart& part : anatomy_.parts) {
        const double width = static_cast<double>(part.parameters) /
                             static_cast<double>(std::max<std::uint64_t>(anatomy_.parameters, 1)) *
                             this->width();
        all.push_back({part.role, QRectF(x, 0, width, height())});
        x += width;
    }
    return all;
}

void PartBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const ThemeColours& colours = coloursOf(palette());
    for (const Stretch& stretch : stretches())
        fill(painter, stretch.area, stretch.role, colours);
    painter.setPen(colours.window);
    for (const Stretch& stretch : stretches())
        if (stretch.area.width() > 2)
            painter.drawLine(stretch.area.topRight(), stretch.area.bottomRight());
}

bool PartBar::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    for (std::size_t i = 0; const Stretch& stretch : stretches()) {
        const AnatomyPart& part = anatomy_.parts[i++];
        if (stretch.area.contains(help->pos()))
            QToolTip::showText(help->globalPos(), plainTip(AnatomyText::partName(part.role) + u"\n"_s +
                                                           countText(part.parameters) + u" · "_s +
                                                           shareText(part.parameters, anatomy_.parameters)));
    }
    return true;
}

PartSwatch::PartSwatch(WeightRole role, QWidget* parent) : QWidget(parent), role_(role) {
    setFixedSize(12, 12);
}

void PartSwatch::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    fill(painter, rect(), role_, coloursOf(palette()));
}

} // namespace switchyard
