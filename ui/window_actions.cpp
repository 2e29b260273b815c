#include "ui/window_actions.h"

#include "ui/page.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QAbstractButton>
#include <QKeyEvent>
#include <QMenu>
#include <QMenuBar>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

enum class Bar { File, Edit, Chat, View, Help };

struct ActionRow {
    Act act;
    const char* name; ///< "action.NAME" is the object's
    Bar menu;
    const char* text;
    const char* tip = ""; ///< empty: the text says it
    QKeyCombination key = kNoKey, other_key = kNoKey;
    const char* icon = "";
    bool begins_group = false, checkable = false;
    bool of_list = false; ///< the key acts on an entry of a list that has the focus
    static constexpr QKeyCombination kNoKey{Qt::Key_unknown};
};

// clang-format off
constexpr std::array kRows{
    ActionRow{.act = Act::NewChat, .name = "new", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "New chat"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Start a new chat"), .key = Qt::CTRL | Qt::Key_N, .icon = "compose"},
    ActionRow{.act = Act::TemporaryChat, .name = "temporary_chat", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Temporary chat"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "A chat of which nothing is written"),
              .key = Qt::CTRL | Qt::SHIFT | Qt::Key_N, .icon = "temporary", .checkable = true},
    ActionRow{.act = Act::OpenModel, .name = "open_model", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Open a model file…"),
              .key = Qt::CTRL | Qt::Key_O, .icon = "folder"},
    ActionRow{.act = Act::ExportChat, .name = "export_chat", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Export chat…"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Write this chat to a file: Markdown, HTML or JSON"), .icon = "save", .begins_group = true},
    ActionRow{.act = Act::ExportChats, .name = "export_chats", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Export all chats…"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Write all chats to one file: Markdown, HTML or JSON")},
    ActionRow{.act = Act::ImportChats, .name = "import_chats", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Import chats…"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Read chats from a file of this program, ChatGPT, Open WebUI or LM Studio")},
    ActionRow{.act = Act::Quit, .name = "quit", .menu = Bar::File, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Quit"),
              .key = Qt::CTRL | Qt::Key_Q, .begins_group = true},

    ActionRow{.act = Act::Undo, .name = "undo", .menu = Bar::Edit, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Undo the last deletion"),
              .key = Qt::CTRL | Qt::Key_Z, .icon = "reset"},
    ActionRow{.act = Act::FindChat, .name = "find_chat", .menu = Bar::Edit, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Find a chat"),
              .key = Qt::CTRL | Qt::Key_K, .icon = "search", .begins_group = true},
    ActionRow{.act = Act::Find, .name = "find", .menu = Bar::Edit, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Find in this chat"),
              .key = Qt::CTRL | Qt::Key_F, .icon = "search"},
    ActionRow{.act = Act::CopyAnswer, .name = "copy_answer", .menu = Bar::Edit, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Copy the last answer"),
              .key = Qt::CTRL | Qt::SHIFT | Qt::Key_C, .icon = "copy", .begins_group = true},
    ActionRow{.act = Act::EditLast, .name = "edit_last", .menu = Bar::Edit, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Edit the last question"),
              .key = Qt::CTRL | Qt::Key_E, .icon = "edit"},

    ActionRow{.act = Act::Send, .name = "send", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Send"),
              .key = Qt::CTRL | Qt::Key_Return, .other_key = Qt::CTRL | Qt::Key_Enter, .icon = "send"},
    ActionRow{.act = Act::Stop, .name = "stop", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Stop"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Stop; what is there is kept"),
              .key = QKeyCombination(Qt::Key_Escape), .icon = "stop"},
    ActionRow{.act = Act::Regenerate, .name = "regenerate", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Regenerate"),
              .key = Qt::CTRL | Qt::Key_R, .icon = "regenerate"},
    ActionRow{.act = Act::PreviousBranch, .name = "previous_branch", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Previous branch"),
              .key = Qt::ALT | Qt::Key_Left, .icon = "chevron-left", .begins_group = true},
    ActionRow{.act = Act::NextBranch, .name = "next_branch", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Next branch"),
              .key = Qt::ALT | Qt::Key_Right, .icon = "chevron-right"},
    ActionRow{.act = Act::RenameChat, .name = "rename_chat", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Rename"),
              .key = QKeyCombination(Qt::Key_F2), .icon = "edit", .begins_group = true, .of_list = true},
    ActionRow{.act = Act::PinChat, .name = "pin_chat", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Pin to the top"), .checkable = true},
    ActionRow{.act = Act::MoveChat, .name = "move_chat", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Move to a folder"), .icon = "folder"},
    ActionRow{.act = Act::DuplicateChat, .name = "duplicate_chat", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Duplicate"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "A copy of the chat with all its versions"), .icon = "copy"},
    ActionRow{.act = Act::DeleteChat, .name = "delete_chat", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Delete"),
              .key = QKeyCombination(Qt::Key_Delete), .icon = "trash", .of_list = true},
    ActionRow{.act = Act::NewFolder, .name = "new_folder", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "New folder")},
    ActionRow{.act = Act::ShowDeleted, .name = "show_deleted", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Recently deleted"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Deleted chats can be restored for 30 days"), .icon = "trash", .checkable = true},
    ActionRow{.act = Act::RestoreMessages, .name = "restore_messages", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Bring deleted messages back"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Messages of this chat that were deleted in the last 30 days"), .icon = "reset"},
    ActionRow{.act = Act::Write, .name = "composer", .menu = Bar::Chat, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Write a message"),
              .key = Qt::CTRL | Qt::Key_L, .begins_group = true},

    ActionRow{.act = Act::ShowList, .name = "list", .menu = Bar::View, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "List of chats"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Show or fold the list of chats"),
              .key = Qt::CTRL | Qt::Key_B, .icon = "sidebar", .begins_group = true, .checkable = true},
    ActionRow{.act = Act::ShowTune, .name = "tune", .menu = Bar::View, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Tune column"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Show or fold the Tune column"),
              .key = Qt::CTRL | Qt::Key_T, .icon = "tune", .checkable = true},
    ActionRow{.act = Act::ShowInsight, .name = "insight", .menu = Bar::View, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Insight"),
              .tip = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Show or fold the plots"),
              .key = Qt::CTRL | Qt::Key_P, .icon = "insight", .checkable = true},
    ActionRow{.act = Act::Larger, .name = "larger", .menu = Bar::View, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Larger text"),
              .key = Qt::CTRL | Qt::Key_Plus, .other_key = Qt::CTRL | Qt::Key_Equal, .begins_group = true},
    ActionRow{.act = Act::Smaller, .name = "smaller", .menu = Bar::View, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Smaller text"),
              .key = Qt::CTRL | Qt::Key_Minus},
    ActionRow{.act = Act::NormalSize, .name = "normal_size", .menu = Bar::View, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Normal text size"),
              .key = Qt::CTRL | Qt::Key_0},

    ActionRow{.act = Act::Keys, .name = "keys", .menu = Bar::Help, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "Keys"),
              .key = QKeyCombination(Qt::Key_F1), .icon = "info"},
    ActionRow{.act = Act::About, .name = "about", .menu = Bar::Help, .text = QT_TRANSLATE_NOOP("switchyard::WindowActions", "About Switchyard")},
};
// clang-format on

static_assert(kRows.size() == static_cast<std::size_t>(Act::Count));

} // namespace

WindowActions::WindowActions(QWidget& window) : QObject(&window), window_(window) {
    for (const ActionRow& row : kRows) {
        auto* action = new QAction(tr(row.text), this);
        action->setObjectName(u"action."_s + QLatin1String(row.name));
        action->setToolTip(row.tip[0] ? tr(row.tip) : QString(action->text()).remove(u'…'));
        QList<QKeySequence> keys;
        for (const QKeyCombination key : {row.key, row.other_key}) {
            if (key != ActionRow::kNoKey)
                keys << QKeySequence(key);
        }
        action->setShortcuts(keys);
        if (row.icon[0])
            action->setIcon(themedIcon(QLatin1String(row.icon)));
        action->setCheckable(row.checkable);
        if (row.of_list)
            action->setShortcutContext(Qt::WidgetShortcut);
        else
            window_.addAction(action); // keys work while the menu bar is hidden
        actions_[static_cast<std::size_t>(row.act)] = action;
    }
}

QAction& WindowActions::addPage(const PageSign& sign) {
    auto* action = new QAction(sign.text, this);
    action->setObjectName(u"action.page_"_s + sign.name);
    action->setIconText(sign.title);
    action->setToolTip(plainTip(sign.tip));
    action->setShortcut(sign.key);
    action->setIcon(themedIcon(sign.icon));
    action->setCheckable(true);
    window_.addAction(action);
    pages_.push_back({action, sign.about_program});
    return *action;
}

bool WindowActions::takeListKey(const QKeyEvent& key) {
    for (const ActionRow& row : kRows) {
        QAction& action = (*this)[row.act];
        if (row.of_list && action.isEnabled() && action.shortcut() == QKeySequence(key.keyCombination())) {
            action.trigger();
            return true;
        }
    }
    return false;
}

void WindowActions::fill(QMenuBar& bar) {
    const auto add = [this](QMenu* menu, QAction* action) {
        menu->addAction(action);
        if (!action->shortcuts().isEmpty() && !with_keys_.contains(action))
            with_keys_ << action;
    };
    for (const auto& [menu_id, title] : {std::pair{Bar::File, tr("&File")}, std::pair{Bar::Edit, tr("&Edit")},
                                         std::pair{Bar::Chat, tr("&Chat")}, std::pair{Bar::View, tr("&View")},
                                         std::pair{Bar::Help, tr("&Help")}}) {
        QMenu* menu = bar.addMenu(title);
        for (const PageAction& page : pages_) {
            if (menu_id == Bar::View)
                add(menu, page.action);
        }
        for (const ActionRow& row : kRows) {
            if (row.menu != menu_id)
                continue;
            if (row.begins_group)
                menu->addSeparator();
            if (row.act == Act::Quit) { // before it what is about the program
                for (const PageAction& page : pages_) {
                    if (page.about_program)
                        add(menu, page.action);
                }
                menu->addSeparator();
            }
            add(menu, &(*this)[row.act]);
        }
    }
}

QString tipWithKey(const QString& tip, const QKeySequence& key) {
    return key.isEmpty() ? tip
                         : WindowActions::tr("%1 (%2)").arg(tip, key.toString(QKeySequence::NativeText));
}

QString tipWithKey(const QAction& action) { return tipWithKey(action.toolTip(), action.shortcut()); }

void bindButton(QAbstractButton& button, QAction& action) {
    if (button.icon().isNull())
        button.setIcon(action.icon());
    if (button.accessibleName().isEmpty())
        button.setAccessibleName(action.iconText());
    const auto follow = [&button, &action] {
        button.setEnabled(action.isEnabled());
        button.setToolTip(plainTip(tipWithKey(action)));
        button.setAccessibleDescription(action.toolTip());
        if (button.isCheckable())
            button.setChecked(action.isChecked());
    };
    QObject::connect(&action, &QAction::changed, &button, follow);
    QObject::connect(&button, &QAbstractButton::clicked, &action, [&action, follow] {
        action.trigger();
        follow(); // the click has changed the button's own mark
    });
    follow();
}

} // namespace switchyard
