#include "ui/window_actions.h"

#include "ui/theme.h"

#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>

using namespace Qt::StringLiterals;

namespace switchyard {

QAction* WindowActions::add(QMenu* menu, const QString& name, const QString& text,
                            const QList<QKeySequence>& keys, const QString& icon) {
    auto* action = new QAction(text, &window_);
    action->setObjectName(u"action."_s + name);
    if (!keys.isEmpty()) {
        action->setShortcuts(keys);
        with_keys_ << action;
    }
    if (!icon.isEmpty())
        action->setIcon(themedIcon(icon));
    menu->addAction(action);
    window_.addAction(action); // keys work while the menu bar is hidden
    actions_[name] = action;
    return action;
}

WindowActions::WindowActions(QMainWindow& window) : QObject(&window), window_(window) {
    QMenuBar* bar = window.menuBar();
    const auto key = [](QKeyCombination keys) { return QKeySequence(keys); };

    QMenu* file = bar->addMenu(tr("&File"));
    add(file, u"new"_s, tr("New chat"), {key(Qt::CTRL | Qt::Key_N)}, u"compose"_s);
    add(file, u"open_model"_s, tr("Open a model file…"), {key(Qt::CTRL | Qt::Key_O)}, u"folder"_s);
    file->addSeparator();
    add(file, u"settings"_s, tr("Settings"), {key(Qt::CTRL | Qt::Key_Comma)}, u"settings"_s);
    file->addSeparator();
    add(file, u"quit"_s, tr("Quit"), {key(Qt::CTRL | Qt::Key_Q)});

    QMenu* edit = bar->addMenu(tr("&Edit"));
    add(edit, u"undo"_s, tr("Undo the last deletion"), {key(Qt::CTRL | Qt::Key_Z)}, u"reset"_s);
    edit->addSeparator();
    add(edit, u"find_chat"_s, tr("Find a chat"), {key(Qt::CTRL | Qt::Key_K)}, u"search"_s);
    add(edit, u"find"_s, tr("Find in this chat"), {key(Qt::CTRL | Qt::Key_F)}, u"search"_s);
    edit->addSeparator();
    add(edit, u"copy_answer"_s, tr("Copy the last answer"), {key(Qt::CTRL | Qt::SHIFT | Qt::Key_C)},
        u"copy"_s);
    add(edit, u"edit_last"_s, tr("Edit the last question"), {key(Qt::CTRL | Qt::Key_E)}, u"edit"_s);

    QMenu* chat = bar->addMenu(tr("&Chat"));
    add(chat, u"send"_s, tr("Send"), {key(Qt::CTRL | Qt::Key_Return), key(Qt::CTRL | Qt::Key_Enter)},
        u"send"_s);
    add(chat, u"stop"_s, tr("Stop"), {key(Qt::Key_Escape)}, u"stop"_s);
    add(chat, u"regenerate"_s, tr("Regenerate"), {key(Qt::CTRL | Qt::Key_R)}, u"regenerate"_s);
    chat->addSeparator();
    add(chat, u"previous_branch"_s, tr("Previous branch"), {key(Qt::ALT | Qt::Key_Left)}, u"chevron-left"_s);
    add(chat, u"next_branch"_s, tr("Next branch"), {key(Qt::ALT | Qt::Key_Right)}, u"chevron-right"_s);
    chat->addSeparator();
    add(chat, u"composer"_s, tr("Write a message"), {key(Qt::CTRL | Qt::Key_L)});

    QMenu* view = bar->addMenu(tr("&View"));
    add(view, u"page_chat"_s, tr("Chat page"), {key(Qt::CTRL | Qt::Key_1)}, u"chat"_s);
    add(view, u"page_models"_s, tr("Models page"), {key(Qt::CTRL | Qt::Key_2)}, u"models"_s);
    view->addSeparator();
    for (const auto& [name, text, keys] :
         {std::tuple{u"list"_s, tr("List of chats"), QKeyCombination(Qt::CTRL | Qt::Key_B)},
          std::tuple{u"tune"_s, tr("Tune column"), QKeyCombination(Qt::CTRL | Qt::Key_T)},
          std::tuple{u"insight"_s, tr("Insight"), QKeyCombination(Qt::CTRL | Qt::Key_P)}})
        add(view, name, text, {key(keys)})->setCheckable(true);
    view->addSeparator();
    add(view, u"larger"_s, tr("Larger text"), {key(Qt::CTRL | Qt::Key_Plus), key(Qt::CTRL | Qt::Key_Equal)});
    add(view, u"smaller"_s, tr("Smaller text"), {key(Qt::CTRL | Qt::Key_Minus)});
    add(view, u"normal_size"_s, tr("Normal text size"), {key(Qt::CTRL | Qt::Key_0)});

    QMenu* help = bar->addMenu(tr("&Help"));
    add(help, u"keys"_s, tr("Keys"), {key(Qt::Key_F1)}, u"info"_s);
    add(help, u"about"_s, tr("About Switchyard"));
}

} // namespace switchyard
