#include "ui/insight/memory_plot.h"

#include <limits>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr double kNear = 3.0; ///< the machine's limit is drawn to scale while it is within this factor

QString gibText(double gib) {
    const QLocale locale;
    return gib < 1 ? QLocale().toString(gib * 1024, 'f', 0) + u" MiB"_s
                   : locale.toString(gib, 'f', 2) + u" GiB"_s;
}
} // namespace

MemoryPlot::MemoryPlot(const RunSeries& series, QWidget* parent)
    : LivePlot(series, u"insight.memory"_s, parent) {
    setAccessibleName(tr("Memory plot"));
    setAccessibleDescription(tr("Memory of the weights, the KV cache, scratch space and the rest, stacked"));
    const QString names[] = {tr("weights"), tr("KV cache"), tr("scratch"), tr("other")};
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        parts_[i] = addGraph(xAxis, yAxis);
        parts_[i]->setName(names[i]);
        if (i > 0)
            parts_[i]->setChannelFillGraph(parts_[i - 1]);
    }
    ram_ = addGraph(xAxis, yAxis);
    ram_->setName(tr("RAM"));
    ram_->removeFromLegend();
    yAxis->setLabel(tr("GiB"));
    limit_ = new QCPItemStraightLine(this);
    initialise();
}

void MemoryPlot::setMachine(quint64 total, quint64 available) {
    total_ = gib(total);
    available_ = gib(available);
    showMachine();
}

void MemoryPlot::setCard(const CardReading& card) {
    card_ = card;
    showMachine();
}

double MemoryPlot::limit() const { return card_.known() ? gib(card_.memory) : total_; }

std::array<double, 4> MemoryPlot::stack(const PlotToken& t) {
    const double model = t.weights + t.kv + t.scratch;
    return {t.weights, t.weights + t.kv, model, t.on_card ? model : model + t.other};
}

void MemoryPlot::clearData() {
    for (QCPGraph* part : parts_)
        part->data()->clear();
    ram_->data()->clear();
    showLegend();
}

/// The line is named where there is one.
void MemoryPlot::showLegend() {
    const bool line = !ram_->data()->isEmpty();
    if (line && !ram_->visible())
        ram_->addToLegend();
    else if (!line)
        ram_->removeFromLegend();
    ram_->setVisible(line);
}

void MemoryPlot::append(double x, const PlotToken& token) {
    const auto heights = stack(token);
    for (std::size_t i = 0; i < parts_.size(); ++i)
        parts_[i]->addData(x, heights[i]);
    const bool line = !ram_->data()->isEmpty();
    if (token.on_card)
        ram_->addData(x, token.other);
    else if (line) // the line has a gap there
        ram_->addData(x, std::numeric_limits<double>::quiet_NaN());
    if (line != !ram_->data()->isEmpty())
        showLegend();
}

void MemoryPlot::dropBefore(double x) {
    for (QCPGraph* part : parts_)
        part->data()->removeBefore(x);
    ram_->data()->removeBefore(x);
}

void MemoryPlot::fitY(double from, double to) {
    double most = 0;
    for (const PlotToken& token : series().tokens()) {
        const double x = xOf(token);
        if (x >= from && x <= to)
            most = std::max({most, stack(token)[3], token.other});
    }
    double top = most > 0 ? most * headroom() : 1;
    if (most > 0 && limit() > 0 && limit() <= most * kNear)
        top = std::max(top, limit() * 1.12);
    yAxis->setRange(0, top);
    showMachine();
}

void MemoryPlot::showMachine() {
    const double most = limit();
    limit_->setVisible(most > 0 && most < yAxis->range().upper);
    limit_->point1->setCoords(0, most);
    limit_->point2->setCoords(1, most);
    // Beside the legend there is room for the memory that the parts lie in alone.
    if (card_.known())
        setNote(
            tr("VRAM %1 of %2, %3 free")
                .arg(gibText(gib(card_.taken)), gibText(gib(card_.memory)), gibText(gib(card_.memory_free))));
    else
        setNote(total_ > 0 ? tr("RAM %1, %2 available").arg(gibText(total_), gibText(available_))
                           : QString());
}

void MemoryPlot::recolour(const ThemeColours& c) {
    constexpr int kSeries[] = {0, 4, 2, 3};
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        QColor fill = c.series[static_cast<std::size_t>(kSeries[i])];
        parts_[i]->setPen(linePen(fill));
        fill.setAlpha(c.dark ? 150 : 130);
        // Two of the areas are hatched as well, so that neighbours differ without their colour.
        parts_[i]->setBrush(i % 2 == 0 ? QBrush(fill) : QBrush(fill, Qt::Dense3Pattern));
    }
    limit_->setPen(linePen(c.danger));
    ram_->setPen(QPen(c.series[1], 1.5, Qt::DashLine));
}

QString MemoryPlot::describe(const PlotToken& t) const {
    if (t.on_card)
        return tr("token %1: %2 on the card\nweights %3 · KV %4 · scratch %5\nRAM of the program %6")
            .arg(QLocale().toString(t.index + 1), gibText(stack(t)[3]), gibText(t.weights), gibText(t.kv),
                 gibText(t.scratch), gibText(t.other));
    return tr("token %1: %2 in all\nweights %3 · KV %4 · scratch %5 · other %6")
        .arg(QLocale().toString(t.index + 1), gibText(stack(t)[3]), gibText(t.weights), gibText(t.kv),
             gibText(t.scratch), gibText(t.other));
}

QString MemoryPlot::csv() const {
    QString table = u"token,answer,index,seconds,weights_gib,kv_gib,scratch_gib,other_gib,on_card"_s +
                    PlotToken::dialNames() + u'\n';
    for (const PlotToken& t : series().tokens())
        table += u"%1,%2,%3,%4,%5,%6,%7,%8,%9"_s.arg(t.number)
                     .arg(t.message)
                     .arg(t.index)
                     .arg(t.seconds, 0, 'f', 4)
                     .arg(t.weights, 0, 'f', 6)
                     .arg(t.kv, 0, 'f', 6)
                     .arg(t.scratch, 0, 'f', 6)
                     .arg(t.other, 0, 'f', 6)
                     .arg(t.on_card ? 1 : 0) +
                 t.dialValues() + u'\n';
    return table;
}

} // namespace switchyard
