#include "ui/insight/live_plot.h"

#include "app/services/local_files.h"

#include <QFileDialog>
#include <QMenu>
#include <QSaveFile>
#include <QSvgGenerator>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr std::size_t kLabelRows = 3; ///< marks near one another stand in rows
constexpr int kFollowed = 1000;       ///< newest tokens that are shown while nobody zooms

/// Ticks of whole tokens.
class TokenTicker : public QCPAxisTicker {
  protected:
    double getTickStep(const QCPRange& range) override {
        return std::max(1.0, std::round(QCPAxisTicker::getTickStep(range)));
    }
};
} // namespace

LivePlot::LivePlot(const RunSeries& series, const QString& name, QWidget* parent)
    : QCustomPlot(parent), series_(series) {
    setObjectName(name);
    setMinimumSize(120, 80);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setNoAntialiasingOnDrag(true);
    setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    axisRect()->setRangeDrag(Qt::Horizontal);
    axisRect()->setRangeZoom(Qt::Horizontal);
    axisRect()->setMinimumMargins(QMargins(8, 4, 8, 2));
    // The legend stands above the curves instead of over them.
    auto* head = new QCPLayoutGrid;
    plotLayout()->insertRow(0);
    plotLayout()->addElement(0, 0, head);
    plotLayout()->setRowStretchFactor(0, 0.001);
    note_ = new QCPTextElement(this);
    note_->setTextFlags(Qt::AlignRight | Qt::AlignVCenter);
    head->addElement(0, 0, legend);
    head->addElement(0, 1, note_);
    head->setColumnStretchFactor(0, 0.001);
    head->setMargins(QMargins(0, 0, 10, 0));
    plotLayout()->setRowSpacing(0);
    legend->setFillOrder(QCPLegend::foColumnsFirst);
    legend->setVisible(true);
    legend->setBorderPen(Qt::NoPen);
    legend->setIconSize(16, 8);
    legend->setMargins(QMargins(8, 4, 8, 0));
    legend->setColumnSpacing(14);

    // What is read stands over the curves, and over the marks' labels.
    addLayer(u"labels"_s, layer(u"main"_s));
    addLayer(u"reading"_s, layer(u"labels"_s));
    cursor_ = new QCPItemStraightLine(this);
    cursor_->setLayer(u"reading"_s);
    cursor_->setVisible(false);
    cursor_->point1->setTypeX(QCPItemPosition::ptPlotCoords);
    reading_ = new QCPItemText(this);
    reading_->setLayer(u"reading"_s);
    reading_->setVisible(false);
    reading_->setPadding(QMargins(6, 3, 6, 3));
    reading_->position->setTypeX(QCPItemPosition::ptPlotCoords);
    reading_->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    reading_->setPositionAlignment(Qt::AlignTop | Qt::AlignLeft);
    connect(this, &QCustomPlot::beforeReplot, this, [this] {
        // A label that would be cut off at the right edge stands on the other side of its mark.
        for (const MarkItems& mark : marks_) {
            const double x = xAxis->coordToPixel(mark.label->position->key());
            const QFontMetrics metrics(mark.label->font());
            const bool cut = x + metrics.horizontalAdvance(mark.label->text()) + 10 > axisRect()->right();
            mark.label->setPositionAlignment(Qt::AlignTop | (cut ? Qt::AlignRight : Qt::AlignLeft));
        }
        // Numbers need room above one another.
        for (QCPAxis* axis : {yAxis, yAxis2})
            axis->ticker()->setTickCount(std::clamp(axisRect()->height() / 26, 2, 5));
    });
    connect(this, &QCustomPlot::afterReplot, this, [this] { ++repaints_; });
}

void LivePlot::initialise() {
    applyTheme();
    setXAxis(axis_);
}

QPen LivePlot::linePen(const QColor& colour, Qt::PenStyle style) {
    QPen pen(colour, 1, style);
    pen.setCosmetic(true);
    return pen;
}

double LivePlot::xOf(const PlotToken& token) const {
    return axis_ == XAxis::Tokens ? token.number : token.seconds;
}

void LivePlot::setXAxis(XAxis axis) {
    axis_ = axis;
    if (axis == XAxis::Tokens)
        xAxis->setTicker(QSharedPointer<TokenTicker>::create());
    else
        xAxis->setTicker(QSharedPointer<QCPAxisTicker>::create());
    xAxis->setLabel(axis == XAxis::Tokens ? tr("token") : tr("seconds of work"));
    generation_ = -1;
    zoomed_ = false;
    refresh();
}

void LivePlot::refresh() {
    if (!isVisible()) {
        stale_ = true;
        return;
    }
    if (!stale_ && version_ == series_.version() && generation_ == series_.generation())
        return;
    stale_ = false;
    takeData();
    takeMarks();
    version_ = series_.version();
    if (!zoomed_)
        followEnd();
    fitY(xAxis->range().lower, xAxis->range().upper);
    replot(QCustomPlot::rpQueuedReplot);
}

void LivePlot::takeData() {
    if (generation_ != series_.generation()) {
        generation_ = series_.generation();
        last_number_ = -1;
        zoomed_ = false;
        clearData();
    }
    const auto& tokens = series_.tokens();
    if (tokens.empty())
        return;
    const int first = tokens.front().number;
    for (std::size_t i = static_cast<std::size_t>(std::max(0, last_number_ + 1 - first)); i < tokens.size();
         ++i)
        append(xOf(tokens[i]), tokens[i]);
    last_number_ = tokens.back().number;
    dropBefore(xOf(tokens.front()));
}

/// Of a mark's label, as a share of the plot's height.
double LivePlot::labelHeight() const {
    const QFontMetrics metrics(marks_.empty() ? font() : marks_.front().label->font());
    return (metrics.height() + 3.0) / std::max(1, axisRect()->height());
}

double LivePlot::headroom() const {
    const auto rows = static_cast<double>(std::min(marks_.size(), kLabelRows));
    return 1 / (1 - std::min(0.6, 0.08 + rows * labelHeight()));
}

void LivePlot::takeMarks() {
    const auto& marks = series_.marks();
    while (marks_.size() > marks.size()) {
        removeItem(marks_.back().line);
        removeItem(marks_.back().label);
        marks_.pop_back();
    }
    const bool grown = marks_.size() != marks.size();
    while (marks_.size() < marks.size()) {
        MarkItems items{new QCPItemStraightLine(this), new QCPItemText(this)};
        items.label->setLayer(u"labels"_s);
        items.label->position->setTypeX(QCPItemPosition::ptPlotCoords);
        items.label->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
        items.label->setPositionAlignment(Qt::AlignTop | Qt::AlignLeft);
        items.label->setPadding(QMargins(4, 1, 4, 1));
        items.label->setClipToAxisRect(true);
        marks_.push_back(items);
    }
    for (std::size_t i = 0; i < marks.size(); ++i) {
        const double x = axis_ == XAxis::Tokens ? marks[i].number - 0.5 : marks[i].seconds;
        marks_[i].line->point1->setCoords(x, 0);
        marks_[i].line->point2->setCoords(x, 1);
        marks_[i].label->position->setCoords(x, 0.01 + labelHeight() * static_cast<double>(i % kLabelRows));
        marks_[i].label->setText(marks[i].label);
    }
    const auto& prefills = series_.prefills();
    while (prefills_.size() > prefills.size()) {
        removeItem(prefills_.back());
        prefills_.pop_back();
    }
    const bool more = prefills_.size() != prefills.size();
    while (prefills_.size() < prefills.size()) {
        auto* rect = new QCPItemRect(this);
        rect->setLayer(u"background"_s);
        rect->topLeft->setTypeY(QCPItemPosition::ptAxisRectRatio);
        rect->bottomRight->setTypeY(QCPItemPosition::ptAxisRectRatio);
        prefills_.push_back(rect);
    }
    for (std::size_t i = 0; i < prefills.size(); ++i) {
        const PlotPrefill& p = prefills[i];
        const bool by_token = axis_ == XAxis::Tokens;
        prefills_[i]->topLeft->setCoords(by_token ? p.number - 1.0 : p.from, 0);
        prefills_[i]->bottomRight->setCoords(by_token ? p.number : p.to, 1);
    }
    if (grown || more)
        applyTheme();
}

void LivePlot::followEnd() {
    const auto& tokens = series_.tokens();
    if (tokens.empty()) {
        xAxis->setRange(0, 10);
        return;
    }
    const std::size_t from = tokens.size() > kFollowed ? tokens.size() - kFollowed : 0;
    double lower = xOf(tokens[from]);
    const double upper = xOf(tokens.back());
    for (const PlotPrefill& p : series_.prefills()) {
        if (p.number == tokens[from].number)
            lower = std::min(lower, axis_ == XAxis::Tokens ? lower - 1 : p.from);
    }
    xAxis->setRange(lower, std::max(upper, lower + (axis_ == XAxis::Tokens ? 10 : 0.5)));
}

void LivePlot::resetZoom() {
    zoomed_ = false;
    stale_ = true;
    refresh();
}

void LivePlot::applyTheme() {
    const ThemeColours& c = coloursOf(palette());
    setBackground(QBrush(c.window));
    QFont small = font();
    if (small.pointSizeF() > 0)
        small.setPointSizeF(small.pointSizeF() * 0.88);
    for (QCPAxis* axis : {xAxis, yAxis, xAxis2, yAxis2}) {
        axis->setBasePen(linePen(c.border));
        axis->setTickPen(linePen(c.border));
        axis->setSubTickPen(Qt::NoPen);
        axis->setTickLabelColor(c.muted);
        axis->setLabelColor(c.muted);
        axis->setTickLabelFont(small);
        axis->setLabelFont(small);
        axis->setLabelPadding(2);
        axis->grid()->setPen(linePen(c.grid));
        axis->grid()->setZeroLinePen(linePen(c.grid));
    }
    legend->setBrush(Qt::NoBrush);
    legend->setTextColor(c.muted);
    legend->setFont(small);
    note_->setFont(small);
    note_->setTextColor(c.muted);
    cursor_->setPen(linePen(c.muted));
    reading_->setColor(c.text);
    reading_->setFont(small);
    reading_->setBrush(c.dark ? c.hover : c.base);
    reading_->setPen(linePen(c.border));
    for (const MarkItems& mark : marks_) {
        mark.line->setPen(linePen(c.accent, Qt::DashLine));
        mark.label->setColor(c.text);
        mark.label->setFont(small);
        mark.label->setBrush(c.accentSoft);
        mark.label->setPen(Qt::NoPen);
    }
    for (QCPItemRect* rect : prefills_) {
        rect->setBrush(c.shade);
        rect->setPen(Qt::NoPen);
    }
    recolour(c);
}

// ---- Reading values ----

const PlotToken* LivePlot::tokenAt(double x) const {
    const auto& tokens = series_.tokens();
    if (tokens.empty())
        return nullptr;
    const auto after = std::lower_bound(tokens.begin(), tokens.end(), x,
                                        [this](const PlotToken& t, double value) { return xOf(t) < value; });
    if (after == tokens.begin())
        return &tokens.front();
    if (after == tokens.end())
        return &tokens.back();
    const auto before = std::prev(after);
    return x - xOf(*before) < xOf(*after) - x ? &*before : &*after;
}

void LivePlot::showCursor(const PlotToken* token) {
    const bool was = cursor_->visible();
    cursor_->setVisible(token != nullptr);
    reading_->setVisible(token != nullptr);
    if (!token) {
        if (was)
            replot(QCustomPlot::rpQueuedReplot);
        return;
    }
    const double x = xOf(*token);
    cursor_->point1->setCoords(x, 0);
    cursor_->point2->setCoords(x, 1);
    reading_->setText(describe(*token));
    const bool right_half = x > xAxis->range().center();
    reading_->setPositionAlignment(Qt::AlignBottom | (right_half ? Qt::AlignRight : Qt::AlignLeft));
    reading_->position->setCoords(x, 0.98);
    replot(QCustomPlot::rpQueuedReplot);
}

void LivePlot::mousePressEvent(QMouseEvent* event) {
    pressed_ = event->pos();
    QCustomPlot::mousePressEvent(event);
}

void LivePlot::mouseMoveEvent(QMouseEvent* event) {
    QCustomPlot::mouseMoveEvent(event);
    if (event->buttons() & Qt::LeftButton) {
        zoomed_ = zoomed_ || (event->pos() - pressed_).manhattanLength() > QApplication::startDragDistance();
        fitY(xAxis->range().lower, xAxis->range().upper);
        return;
    }
    const bool inside = axisRect()->rect().contains(event->pos());
    showCursor(inside ? tokenAt(xAxis->pixelToCoord(event->pos().x())) : nullptr);
}

void LivePlot::mouseReleaseEvent(QMouseEvent* event) {
    QCustomPlot::mouseReleaseEvent(event);
    if (event->button() != Qt::LeftButton ||
        (event->pos() - pressed_).manhattanLength() > QApplication::startDragDistance() ||
        !axisRect()->rect().contains(event->pos()))
        return;
    if (const PlotToken* token = tokenAt(xAxis->pixelToCoord(event->pos().x())))
        Q_EMIT tokenClicked(token->message, token->index);
}

void LivePlot::mouseDoubleClickEvent(QMouseEvent* event) {
    QCustomPlot::mouseDoubleClickEvent(event);
    resetZoom();
}

void LivePlot::wheelEvent(QWheelEvent* event) {
    QCustomPlot::wheelEvent(event);
    zoomed_ = true;
    fitY(xAxis->range().lower, xAxis->range().upper);
    replot(QCustomPlot::rpQueuedReplot);
}

void LivePlot::keyPressEvent(QKeyEvent* event) {
    const double step = xAxis->range().size() / 5;
    switch (event->key()) {
    case Qt::Key_Plus:
        xAxis->scaleRange(0.8);
        break;
    case Qt::Key_Minus:
        xAxis->scaleRange(1.25);
        break;
    case Qt::Key_Left:
        xAxis->moveRange(-step);
        break;
    case Qt::Key_Right:
        xAxis->moveRange(step);
        break;
    case Qt::Key_Home:
        return resetZoom();
    default:
        return QCustomPlot::keyPressEvent(event);
    }
    zoomed_ = true;
    fitY(xAxis->range().lower, xAxis->range().upper);
    replot(QCustomPlot::rpQueuedReplot);
}

void LivePlot::leaveEvent(QEvent* event) {
    showCursor(nullptr);
    QCustomPlot::leaveEvent(event);
}

void LivePlot::changeEvent(QEvent* event) {
    QCustomPlot::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        applyTheme();
        replot(QCustomPlot::rpQueuedReplot);
    }
}

void LivePlot::showEvent(QShowEvent* event) {
    QCustomPlot::showEvent(event);
    refresh();
}

// ---- Export ----

void LivePlot::contextMenuEvent(QContextMenuEvent* event) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(tr("Save as PNG…"), this, [this] { askExport(u"png"_s, tr("Image (*.png)")); });
    menu->addAction(tr("Save as SVG…"), this, [this] { askExport(u"svg"_s, tr("Drawing (*.svg)")); });
    menu->addAction(tr("Save as CSV…"), this, [this] { askExport(u"csv"_s, tr("Table (*.csv)")); });
    menu->addSeparator();
    QAction* by_token =
        menu->addAction(tr("Over tokens"), this, [this] { Q_EMIT xAxisChosen(XAxis::Tokens); });
    QAction* by_time =
        menu->addAction(tr("Over seconds"), this, [this] { Q_EMIT xAxisChosen(XAxis::Seconds); });
    by_token->setCheckable(true);
    by_time->setCheckable(true);
    by_token->setChecked(axis_ == XAxis::Tokens);
    by_time->setChecked(axis_ == XAxis::Seconds);
    menu->addSeparator();
    menu->addAction(tr("Show all again"), this, &LivePlot::resetZoom)->setEnabled(zoomed_);
    menu->popup(event->globalPos());
}

void LivePlot::askExport(const QString& ending, const QString& filter) {
    auto* dialog = new QFileDialog(this, tr("Save the plot"), {}, filter);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(ending);
    dialog->selectFile(objectName().section(u'.', -1) + u'.' + ending);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        if (const QString error = exportTo(file); !error.isEmpty())
            Q_EMIT exportFailed(error);
    });
    dialog->open();
}

QString LivePlot::exportTo(const QString& file) {
    const QString ending = file.section(u'.', -1).toLower();
    QSaveFile out(file);
    if (!out.open(QIODevice::WriteOnly))
        return tr("%1 cannot be written: %2").arg(file, out.errorString());
    if (ending == "csv"_L1) {
        out.write(csv().toUtf8());
    } else if (ending == "svg"_L1) {
        QSvgGenerator generator;
        generator.setOutputDevice(&out);
        generator.setSize(size());
        generator.setViewBox(rect());
        generator.setTitle(windowTitle());
        QCPPainter painter(&generator);
        painter.setMode(QCPPainter::pmVectorized);
        painter.setMode(QCPPainter::pmNoCaching);
        painter.fillRect(rect(), coloursOf(palette()).window);
        toPainter(&painter, width(), height());
        painter.end();
    } else if (!toPixmap(width(), height(), 2).save(&out, "PNG")) {
        return tr("%1 cannot be written as an image.").arg(file);
    }
    return commitWhole(out) ? QString() : tr("%1 cannot be written: %2").arg(file, out.errorString());
}

} // namespace switchyard
