#include "ui/insight/speed_plot.h"

#include <algorithm>
#include <limits>
#include <vector>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// The largest value that is no single spike: one far above nearly all others leaves the picture at the top
/// instead of flattening the rest.
double withoutSpikes(std::vector<double> values) {
    if (values.empty())
        return 0;
    std::ranges::sort(values);
    const double nearly_all = values[(values.size() - 1) * 19 / 20];
    const auto beyond = std::ranges::upper_bound(values, 3 * nearly_all);
    return beyond == values.begin() ? values.back() : *std::prev(beyond);
}

/// The top of an axis. What the last tokens agree in is shown, however few they are: a dial has moved.
double scaleOf(const std::vector<double>& values) {
    constexpr std::ptrdiff_t kLast = 32;
    const std::vector<double> last(values.end() - std::min(kLast, static_cast<std::ptrdiff_t>(values.size())),
                                   values.end());
    return std::max(withoutSpikes(values), withoutSpikes(last));
}

} // namespace

SpeedPlot::SpeedPlot(const RunSeries& series, QWidget* parent)
    : LivePlot(series, u"insight.speed"_s, parent) {
    setAccessibleName(tr("Speed plot"));
    setAccessibleDescription(tr("Milliseconds for each token, and tokens per second"));
    latency_ = addGraph(xAxis, yAxis);
    latency_->setName(tr("ms a token"));
    rate_ = addGraph(xAxis, yAxis2);
    rate_->setName(tr("tokens/s (dashed, right)"));
    yAxis2->setVisible(true);
    yAxis->setLabel(tr("ms"));
    yAxis2->setLabel(tr("tokens/s"));
    yAxis2->grid()->setVisible(false);
    initialise();
}

void SpeedPlot::clearData() {
    latency_->data()->clear();
    rate_->data()->clear();
}

void SpeedPlot::append(double x, const PlotToken& token) {
    // The first token of an answer is the prefill's: a gap separates the answers.
    constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
    latency_->addData(x, token.index == 0 || token.latency_ms <= 0 ? kGap : token.latency_ms);
    rate_->addData(x, token.tokens_per_second > 0 ? token.tokens_per_second : kGap);
}

void SpeedPlot::dropBefore(double x) {
    latency_->data()->removeBefore(x);
    rate_->data()->removeBefore(x);
}

void SpeedPlot::fitY(double from, double to) {
    std::vector<double> latencies, rates;
    for (const PlotToken& token : series().tokens()) {
        const double x = xOf(token);
        if (x < from || x > to || token.index == 0 || token.latency_ms <= 0)
            continue;
        latencies.push_back(token.latency_ms);
        if (token.tokens_per_second > 0)
            rates.push_back(token.tokens_per_second);
    }
    const double most_ms = scaleOf(latencies), most_rate = scaleOf(rates);
    yAxis->setRange(0, most_ms > 0 ? most_ms * headroom() : 10);
    yAxis2->setRange(0, most_rate > 0 ? most_rate * headroom() : 10);
}

void SpeedPlot::recolour(const ThemeColours& c) {
    latency_->setPen(linePen(c.series[0]));
    rate_->setPen(linePen(c.series[1], Qt::DashLine));
}

QString SpeedPlot::describe(const PlotToken& token) const {
    const QLocale locale;
    QString piece = token.text.trimmed();
    QString text = tr("token %1").arg(locale.toString(token.index + 1));
    if (!piece.isEmpty())
        text += u" “%1”"_s.arg(piece.left(20));
    if (token.index == 0)
        return text + u"\n"_s + tr("first of its answer");
    if (token.latency_ms <= 0)
        return text + u"\n"_s + tr("continued here");
    const QString ms = locale.toString(token.latency_ms, 'f', token.latency_ms < 1 ? 2 : 1);
    if (token.tokens_per_second <= 0)
        return text + u"\n"_s + tr("%1 ms").arg(ms);
    return text + u"\n"_s +
           tr("%1 ms · %2 tokens/s").arg(ms, locale.toString(token.tokens_per_second, 'f', 1));
}

QString SpeedPlot::csv() const {
    QString table =
        u"token,answer,index,seconds,latency_ms,tokens_per_second"_s + PlotToken::dialNames() + u'\n';
    for (const PlotToken& t : series().tokens())
        table +=
            u"%1,%2,%3,%4,%5,%6"_s.arg(t.number)
                .arg(t.message)
                .arg(t.index)
                .arg(t.seconds, 0, 'f', 4)
                .arg(t.latency_ms, 0, 'f', 3)
                .arg(t.tokens_per_second > 0 ? QString::number(t.tokens_per_second, 'f', 2) : QString()) +
            t.dialValues() + u'\n';
    return table;
}

} // namespace switchyard
