// The Chat page's frame: chats at the left, the thread with Insight under it in the middle, Tune at the
// right. Columns can be resized and folded; under kNarrow pixels one side column is shown at a time. What the
// user chose is remembered.
#pragma once

#include "app/services/settings.h"

#include <QWidget>

class QSplitter;
class QToolButton;
class QVBoxLayout;
class QAction;

namespace switchyard {

class WindowActions;

class ChatColumns : public QWidget {
    Q_OBJECT
  public:
    static constexpr int kNarrow = 1200;

    /// `header` stands over the thread, between the buttons that fold the columns.
    ChatColumns(Settings& settings, WindowActions& actions, QWidget* header, QWidget* list, QWidget* thread,
                QWidget* insight, QWidget* tune, QWidget* parent = nullptr);

    bool isListShown() const;
    bool isTuneShown() const;
    bool isInsightShown() const;
    void showList(bool on);
    void showTune(bool on);
    void showInsight(bool on);
    /// Writes the widths.
    void remember();

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    QToolButton* foldButton(const QString& name, QAction& action);
    void arrange();
    bool isNarrow() const { return width() < kNarrow; }

    Settings& settings_;
    WindowActions& actions_;
    QWidget *list_, *insight_, *tune_;
    QSplitter *columns_, *middle_;
    bool want_list_, want_tune_, want_insight_; ///< the user's choice where there is room
    enum class Side { None, List, Tune } narrow_side_;
};

} // namespace switchyard
