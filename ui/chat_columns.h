// The Chat page's frame: chats at the left, the thread with Insight under it in the middle, Tune at the
// right. Columns can be resized and folded. Where there is little room one side column is shown at a time,
// and with large letters in a small window each of them stands in place of the thread. What the user chose is
// remembered.
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
    static constexpr int kNarrow = 1200; ///< under so many pixels one side column is shown at a time

    /// `header` stands over the thread, between the buttons that fold the columns.
    ChatColumns(Settings& settings, WindowActions& actions, QWidget* header, QWidget* list, QWidget* thread,
                QWidget* insight, QWidget* tune, QWidget* parent = nullptr);

    bool isListShown() const;
    bool isTuneShown() const;
    bool isInsightShown() const;
    void showList(bool on);
    void showTune(bool on);
    void showInsight(bool on);
    /// Another chat is shown: what stands in place of the thread goes.
    void showThread();
    /// Writes the widths.
    void remember();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    enum class Side { None, List, Tune };
    QToolButton* foldButton(const QString& name, QAction& action);
    void arrange();
    /// How much room there is, in letters and lines of the window's font.
    struct Room {
        bool narrow = false; ///< for one side column
        bool tight = false;  ///< for none beside the thread
        bool low = false;    ///< for nothing under it
        bool operator==(const Room&) const = default;
    };
    Room room() const;
    void showSide(Side side, bool& wanted, bool on);
    void follow();

    Settings& settings_;
    WindowActions& actions_;
    QWidget *list_, *thread_, *insight_, *tune_, *centre_;
    QSplitter *columns_, *middle_;
    bool want_list_, want_tune_, want_insight_; ///< the user's choice where there is room
    Side narrow_side_;
    Side tight_side_ = Side::None; ///< in place of the thread
    bool low_insight_ = false;     ///< the same
    Room room_;
};

} // namespace switchyard
