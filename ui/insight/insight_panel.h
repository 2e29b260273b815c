// The Insight dock: what the dials do to speed and memory, live and for stored answers.
#pragma once

#include "ui/insight/run_series.h"

#include <QTimer>
#include <QWidget>

class QLabel;
class QStackedWidget;
class QTabBar;
class QToolButton;

namespace switchyard {

class MemoryPlot;
class SpeedPlot;

class InsightPanel : public QWidget {
    Q_OBJECT
  public:
    explicit InsightPanel(QWidget* parent = nullptr);

    /// Another chat is shown: its stored answers are plotted.
    void showThread(const Conversation& conversation);
    /// An answer begins to stream.
    void beginAnswer(MessageId message);
    void addEvents(const std::vector<RunEvent>& events);

    /// How the card that computes is; nothing where the CPU does.
    void setCard(const CardReading& card);

    const RunSeries& series() const { return series_; }
    SpeedPlot& speed() { return *speed_; }
    MemoryPlot& memory() { return *memory_; }
    QToolButton& foldButton() const { return *fold_; } ///< for the action that folds the panel
    int currentTab() const;
    void setCurrentTab(int tab);
    void setXAxis(PlotXAxis axis);

  Q_SIGNALS:
    void tokenClicked(switchyard::MessageId message, int index);
    /// Of the thread that is shown: with them showThread() is to be called again.
    void tokensNeeded(const QList<switchyard::MessageId>& messages);
    void tabChosen(int tab);
    void xAxisChosen(int axis);
    void problem(const QString& sentence);

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    static qsizetype firstPlotted(const QList<Message>& thread);
    void refresh();
    void refreshSoon();
    void sampleMemory();

    RunSeries series_;
    ConversationId conversation_ = -1;
    QList<MessageId> plotted_; ///< answers in the series, in order
    QTabBar* tabs_;
    QLabel* health_; ///< of the card
    QToolButton* fold_;
    QStackedWidget* pages_;
    QLabel* empty_;
    SpeedPlot* speed_;
    MemoryPlot* memory_;
    QTimer timer_; ///< at most 30 repaints a second
    double resident_gib_ = 0;
};

} // namespace switchyard
