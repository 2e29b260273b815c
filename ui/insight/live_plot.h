// A plot over the tokens of a chat that grows while they come: zoom, hover, marks and export are the same for
// every kind; what is drawn is the subclass's.
#pragma once

#include "ui/insight/run_series.h"
#include "ui/theme.h"

#include "ui/insight/plot.h"

#include <memory>
#include <vector>

namespace switchyard {

class LivePlot : public QCustomPlot {
    Q_OBJECT
  public:
    using XAxis = PlotXAxis;

    LivePlot(const RunSeries& series, const QString& name, QWidget* parent = nullptr);

    void setXAxis(XAxis axis);
    XAxis shownXAxis() const { return axis_; }
    /// Takes over what is new in the series and repaints; nothing while hidden or where nothing changed.
    void refresh();
    /// Shows the newest tokens again after a zoom.
    void resetZoom();
    bool isZoomed() const { return zoomed_; }
    int markCount() const { return static_cast<int>(marks_.size()); }
    int prefillCount() const { return static_cast<int>(prefills_.size()); }
    /// By the ending of the name: png, svg or csv. The sentence says what went wrong, empty if nothing did.
    QString exportTo(const QString& file);
    /// Repaints done so far: for tests of "nothing when hidden".
    int repaints() const { return repaints_; }

  Q_SIGNALS:
    void tokenClicked(switchyard::MessageId message, int index);
    /// The user chose another x axis; all plots follow.
    void xAxisChosen(switchyard::PlotXAxis axis);
    void exportFailed(const QString& sentence);

  protected:
    virtual void clearData() = 0;
    virtual void append(double x, const PlotToken& token) = 0;
    virtual void dropBefore(double x) = 0;
    virtual void fitY(double from, double to) = 0;
    /// How much higher than the curves an axis has to reach, so that the marks' labels stand above them.
    double headroom() const;
    virtual void recolour(const ThemeColours& colours) = 0;
    virtual QString describe(const PlotToken& token) const = 0;
    virtual QString csv() const = 0;

    const RunSeries& series() const { return series_; }
    double xOf(const PlotToken& token) const;
    /// To be called at the end of the subclass's constructor.
    void initialise();
    /// A line beside the legend.
    void setNote(const QString& text) { note_->setText(text); }
    QString note() const { return note_->text(); }
    static QPen linePen(const QColor& colour, Qt::PenStyle style = Qt::SolidLine);

    void changeEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    struct MarkItems {
        QCPItemStraightLine* line;
        QCPItemText* label;
    };
    void takeData();
    void takeMarks();
    double labelHeight() const;
    void followEnd();
    void applyTheme();
    void showCursor(const PlotToken* token);
    const PlotToken* tokenAt(double x) const;
    void askExport(const QString& ending, const QString& filter);

    const RunSeries& series_;
    XAxis axis_ = XAxis::Tokens;
    quint64 version_ = 0;
    int generation_ = -1, last_number_ = -1, repaints_ = 0;
    bool zoomed_ = false, stale_ = true;
    QPoint pressed_;
    std::vector<MarkItems> marks_;
    std::vector<QCPItemRect*> prefills_;
    QCPItemStraightLine* cursor_ = nullptr;
    QCPItemText* reading_ = nullptr;
    QCPTextElement* note_ = nullptr;
};

} // namespace switchyard
