#include "ui/insight/insight_panel.h"

#include "engine/base/memory.h"
#include "ui/insight/memory_plot.h"
#include "ui/insight/speed_plot.h"
#include "ui/plain_text.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QStackedWidget>
#include <QTabBar>
#include <QToolButton>
#include <QVBoxLayout>

#include <span>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr int kFrame = 34; ///< ms between repaints: just under 30 Hz
} // namespace

InsightPanel::InsightPanel(QWidget* parent) : QWidget(parent) {
    setObjectName(u"insight"_s);
    setMinimumHeight(200); // tabs, and 160 for the plot
    tabs_ = new QTabBar(this);
    tabs_->setObjectName(u"insight.tabs"_s);
    tabs_->setDrawBase(false);
    tabs_->setExpanding(false);
    tabs_->addTab(tr("Speed"));
    tabs_->addTab(tr("Memory"));
    tabs_->setAccessibleName(tr("Insight"));
    health_ = new PlainLabel(this);
    health_->setObjectName(u"insight.health"_s);
    health_->setAccessibleName(tr("The card: temperature, power and clocks"));
    health_->setToolTip(wrappedTip(tr("Temperature, power and clocks of the card, as its driver tells")));
    health_->setProperty("muted", true);
    health_->setProperty("small", true);
    health_->setMinimumWidth(0);
    health_->hide();
    fold_ = new QToolButton(this);
    fold_->setObjectName(u"insight.close"_s);
    fold_->setIcon(themedIcon(u"close"_s));
    fold_->setAccessibleName(tr("Fold Insight"));

    empty_ =
        new PlainLabel(tr("Speed and memory of each token appear here while an answer is written."), this);
    empty_->setObjectName(u"insight.empty"_s);
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setWordWrap(true);
    empty_->setProperty("muted", true);
    speed_ = new SpeedPlot(series_, this);
    memory_ = new MemoryPlot(series_, this);
    pages_ = new QStackedWidget(this);
    pages_->addWidget(speed_);
    pages_->addWidget(memory_);
    pages_->addWidget(empty_);
    pages_->setCurrentWidget(empty_);

    auto* top = new QHBoxLayout;
    top->setContentsMargins(8, 0, 6, 0);
    top->addWidget(tabs_, 1);
    top->addWidget(health_);
    top->addWidget(fold_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(top);
    layout->addWidget(pages_, 1);

    timer_.setInterval(kFrame);
    timer_.setSingleShot(true);
    connect(&timer_, &QTimer::timeout, this, &InsightPanel::refresh);
    connect(tabs_, &QTabBar::currentChanged, this, [this](int tab) {
        refresh();
        Q_EMIT tabChosen(tab);
    });
    for (LivePlot* plot : {static_cast<LivePlot*>(speed_), static_cast<LivePlot*>(memory_)}) {
        connect(plot, &LivePlot::tokenClicked, this, &InsightPanel::tokenClicked);
        connect(plot, &LivePlot::exportFailed, this, &InsightPanel::problem);
        connect(plot, &LivePlot::xAxisChosen, this, [this](PlotXAxis axis) {
            setXAxis(axis);
            Q_EMIT xAxisChosen(static_cast<int>(axis));
        });
    }
}

int InsightPanel::currentTab() const { return tabs_->currentIndex(); }
void InsightPanel::setCurrentTab(int tab) { tabs_->setCurrentIndex(tab); }

void InsightPanel::setXAxis(PlotXAxis axis) {
    speed_->setXAxis(axis);
    memory_->setXAxis(axis);
}

void InsightPanel::showThread(const Conversation& conversation) {
    const QList<Message>& thread = conversation.thread();
    QList<MessageId> runs, all;
    for (const Message& message : thread) {
        all << message.id;
        if (message.has_run && message.tokenCount() > 0)
            runs << message.id;
    }
    const auto inside = [](const QList<MessageId>& part, const QList<MessageId>& whole) {
        return std::all_of(part.begin(), part.end(), [&](MessageId id) { return whole.contains(id); });
    };
    // What is plotted already stays: it knows more than the record does (the rest of the program's memory).
    if (conversation.summary.id == conversation_ && !plotted_.isEmpty() && inside(plotted_, all) &&
        inside(runs, plotted_))
        return;
    conversation_ = conversation.summary.id;
    plotted_ = runs;
    series_.clear();
    const auto plotted = std::span(thread).subspan(static_cast<std::size_t>(firstPlotted(thread)));
    QList<MessageId> unread;
    for (const Message& message : plotted) {
        if (message.has_run && !message.tokensRead())
            unread << message.id;
    }
    if (!unread.isEmpty()) {
        plotted_.clear(); // comes again with them, mostly before the next frame
        refreshSoon();
        Q_EMIT tokensNeeded(unread);
        return;
    }
    for (const Message& message : plotted) {
        if (message.has_run)
            series_.addRecord(message.id, message.run);
    }
    if (series_.empty())
        refresh();
    else // a step of its own: to take records over is one
        QMetaObject::invokeMethod(this, &InsightPanel::refresh, Qt::QueuedConnection);
}

/// From this message on the tokens fill the series: those of earlier ones would leave it again.
qsizetype InsightPanel::firstPlotted(const QList<Message>& thread) {
    qsizetype first = thread.size();
    for (int tokens = 0; first > 0 && tokens < RunSeries::kCapacity; --first)
        tokens += thread[first - 1].tokenCount();
    return first;
}

void InsightPanel::beginAnswer(MessageId message) {
    if (plotted_.contains(message)) // it goes on: its tokens so far are there
        return;
    plotted_ << message;
    series_.begin(message);
    sampleMemory();
}

void InsightPanel::addEvents(const std::vector<RunEvent>& events) {
    for (const RunEvent& event : events)
        series_.add(event, resident_gib_);
    refreshSoon();
}

/// At most once a frame.
void InsightPanel::refreshSoon() {
    if (isVisible() && !timer_.isActive())
        timer_.start();
}

void InsightPanel::sampleMemory() {
    const SystemMemory memory = system_memory();
    resident_gib_ = gib(process_memory().resident());
    memory_->setMachine(memory.total, memory.available);
}

/// "45 °C · 120 of 700 W · 1,980 MHz": what of it the driver tells.
static QString healthText(const CardReading& card) {
    const QLocale locale;
    QStringList parts;
    if (card.celsius >= 0)
        parts << InsightPanel::tr("%1 °C").arg(card.celsius);
    const auto whole = [&locale](double number) { return locale.toString(number, 'f', 0); };
    if (card.watts >= 0)
        parts << (card.watts_limit > 0
                      ? InsightPanel::tr("%1 of %2 W").arg(whole(card.watts), whole(card.watts_limit))
                      : InsightPanel::tr("%1 W").arg(whole(card.watts)));
    if (card.clock_mhz >= 0)
        parts << InsightPanel::tr("%1 MHz").arg(locale.toString(card.clock_mhz));
    if (card.memory_clock_mhz >= 0)
        parts << InsightPanel::tr("memory %1 MHz").arg(locale.toString(card.memory_clock_mhz));
    return parts.join(u" · "_s);
}

void InsightPanel::setCard(const CardReading& card) {
    const QString text = healthText(card);
    health_->setText(text);
    health_->setVisible(!text.isEmpty());
    memory_->setCard(card);
}

void InsightPanel::refresh() {
    if (!isVisible())
        return;
    sampleMemory();
    pages_->setCurrentWidget(series_.empty()              ? static_cast<QWidget*>(empty_)
                             : tabs_->currentIndex() == 0 ? static_cast<QWidget*>(speed_)
                                                          : memory_);
    speed_->refresh();
    memory_->refresh();
}

void InsightPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    refresh();
}

} // namespace switchyard
