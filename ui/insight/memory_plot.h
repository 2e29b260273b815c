// Memory by part, stacked: weights, KV cache, scratch and the rest of the program, in GiB, against what the
// machine has. What lies on a card is stacked alone; the program's RAM is then a line of its own.
#pragma once

#include "ui/insight/live_plot.h"

#include <array>

namespace switchyard {

class MemoryPlot : public LivePlot {
    Q_OBJECT
  public:
    explicit MemoryPlot(const RunSeries& series, QWidget* parent = nullptr);
    /// What the machine has, in bytes.
    void setMachine(quint64 total, quint64 available);

    /// How the card that computes is; nothing where the CPU does.
    void setCard(const CardReading& card);

    /// "RAM 23.4 GiB, 20.1 GiB available", or "VRAM 9.40 GiB of 139 GiB, 110 GiB free"
    QString machineText() const { return note(); }

  protected:
    void clearData() override;
    void append(double x, const PlotToken& token) override;
    void dropBefore(double x) override;
    void fitY(double from, double to) override;
    void recolour(const ThemeColours& colours) override;
    QString describe(const PlotToken& token) const override;
    QString csv() const override;

  private:
    static std::array<double, 4> stack(const PlotToken& token);
    void showMachine();
    void showLegend();
    double limit() const; ///< GiB: of what the parts lie in

    std::array<QCPGraph*, 4> parts_;
    QCPGraph* ram_;                    ///< beside what lies on a card
    double total_ = 0, available_ = 0; ///< GiB of RAM
    CardReading card_;
    QCPItemStraightLine* limit_;
};

} // namespace switchyard
