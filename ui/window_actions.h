// Everything the menus and the keyboard can do, in one table. Menu bar, context menus, buttons and keys share
// the actions made of it: text, key, icon and tooltip are the action's, and so is whether it can act now,
// which whoever does it keeps up to date.
#pragma once

#include <QAction>
#include <QObject>

#include <array>
#include <vector>

class QAbstractButton;
class QKeyEvent;
class QMenuBar;

namespace switchyard {

struct PageSign;

enum class Act {
    NewChat,
    TemporaryChat,
    OpenModel,
    ExportChat,
    ExportChats,
    ImportChats,
    Quit,
    Undo,
    FindChat,
    Find,
    CopyAnswer,
    EditLast,
    Send,
    Stop,
    Regenerate,
    PreviousBranch,
    NextBranch,
    RenameChat,
    PinChat,
    MoveChat,
    DuplicateChat,
    DeleteChat,
    NewFolder,
    ShowDeleted,
    RestoreMessages,
    Write,
    ShowList,
    ShowTune,
    ShowInsight,
    Larger,
    Smaller,
    NormalSize,
    Keys,
    About,
    Count
};

class WindowActions : public QObject {
    Q_OBJECT
  public:
    /// Makes the actions; their keys act in the whole of `window`, but for those of a list (see
    /// takeListKey()).
    explicit WindowActions(QWidget& window);

    QAction& operator[](Act act) const { return *actions_[static_cast<std::size_t>(act)]; }
    /// What shows a page: "action.page_NAME", checked while the page is shown.
    QAction& addPage(const PageSign& sign);
    /// Does what the key does to an entry of a list, which has the focus. False: nothing.
    bool takeListKey(const QKeyEvent& key);
    /// All of them, in the order of the table; the pages' own, too.
    void fill(QMenuBar& bar);
    /// Those with a key, in the order of the menus.
    QList<QAction*> withKeys() const { return with_keys_; }

  private:
    QWidget& window_;
    std::array<QAction*, static_cast<std::size_t>(Act::Count)> actions_{};
    struct PageAction {
        QAction* action;
        bool about_program;
    };
    std::vector<PageAction> pages_;
    QList<QAction*> with_keys_;
};

/// "Show or fold the plots (Ctrl+P)".
QString tipWithKey(const QString& tip, const QKeySequence& key);
QString tipWithKey(const QAction& action);

/// The button does what the action does, and is enabled, checked and explained as that is. Icon, text and
/// names that it has already stay.
void bindButton(QAbstractButton& button, QAction& action);

} // namespace switchyard
