// Latency of each token (left, ms) and tokens per second (right), with the prefill shaded.
#pragma once

#include "ui/insight/live_plot.h"

namespace switchyard {

class SpeedPlot : public LivePlot {
    Q_OBJECT
  public:
    explicit SpeedPlot(const RunSeries& series, QWidget* parent = nullptr);

  protected:
    void clearData() override;
    void append(double x, const PlotToken& token) override;
    void dropBefore(double x) override;
    void fitY(double from, double to) override;
    void recolour(const ThemeColours& colours) override;
    QString describe(const PlotToken& token) const override;
    QString csv() const override;

  private:
    QCPGraph *latency_, *rate_;
};

} // namespace switchyard
