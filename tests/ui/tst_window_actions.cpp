// The window's actions over the states of a chat, and the pages that the rail and the menus are made of.
#include "tests/ui/desk.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/find_bar.h"
#include "ui/insight/insight_panel.h"
#include "ui/page.h"
#include "ui/page_stack.h"
#include "ui/window_actions.h"

#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QTemporaryDir>
#include <QToolButton>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

FakeScript quick(const QString& text) {
    FakeScript script;
    script.text = text;
    script.tokens_per_second = 0;
    return script;
}

void askAndWait(Desk& desk, const QString& text) {
    QVERIFY(desk.controller.send(text));
    QTRY_VERIFY(!desk.controller.busy());
}

/// Brings the window into a state by what its user does; the row of the table says what can be done there.
void bringTo(Desk& desk, const QString& state) {
    auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
    if (state == u"no model"_s)
        return composer->setPlainText(u"Hello"_s);
    desk.load();
    if (state == u"empty chat"_s)
        return;
    if (state == u"something typed"_s)
        return composer->setPlainText(u"Hello"_s);
    if (state == u"answering"_s) {
        QVERIFY(desk.controller.send(u"Go on."_s));
        QTRY_VERIFY(!desk.controller.conversation().thread().last().text().isEmpty());
        return composer->setPlainText(u"And then?"_s);
    }
    desk.answers.setScript(quick(u"Good day."_s));
    askAndWait(desk, u"Hello"_s);
    if (state == u"answered"_s)
        return;
    if (state == u"new chat"_s)
        return desk.action(u"new"_s)->trigger();
    if (state == u"deleted"_s) {
        desk.controller.deleteChat(desk.controller.current());
        QTRY_COMPARE(desk.controller.current(), 0);
        return;
    }
    desk.action(u"regenerate"_s)->trigger();
    QTRY_COMPARE(desk.controller.conversation().thread().last().siblings.size(), 2);
    QTRY_VERIFY(!desk.controller.busy());
    if (state == u"first of two"_s) {
        desk.action(u"previous_branch"_s)->trigger();
        QTRY_COMPARE(desk.controller.conversation().thread().last().id,
                     desk.controller.conversation().thread().last().siblings.first());
    }
}

} // namespace

class WindowActionsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void whatCannotActNowIsOff_data() {
        QTest::addColumn<QString>("on"); // of the names below; the others are off
        QTest::newRow("no model") << u""_s;
        QTest::newRow("empty chat") << u""_s;
        QTest::newRow("something typed") << u"send"_s;
        QTest::newRow("answering") << u"stop find copy_answer rename_chat duplicate_chat delete_chat"_s;
        QTest::newRow("answered")
            << u"find copy_answer edit_last regenerate rename_chat duplicate_chat delete_chat"_s;
        QTest::newRow("last of two")
            << u"find copy_answer edit_last regenerate previous_branch rename_chat duplicate_chat delete_chat"_s;
        QTest::newRow("first of two")
            << u"find copy_answer edit_last regenerate next_branch rename_chat duplicate_chat delete_chat"_s;
        QTest::newRow("new chat") << u""_s;
        QTest::newRow("deleted") << u"undo show_deleted"_s;
    }
    void whatCannotActNowIsOff() {
        QFETCH(QString, on);
        QTemporaryDir folder;
        Desk desk(folder.path());
        bringTo(desk, QString::fromLatin1(QTest::currentDataTag()));
        const QStringList wanted = on.split(u' ', Qt::SkipEmptyParts);
        for (const char* name : {"send", "stop", "find", "copy_answer", "edit_last", "regenerate", "undo",
                                 "previous_branch", "next_branch", "rename_chat", "duplicate_chat",
                                 "delete_chat", "show_deleted", "restore_messages"}) {
            QAction* action = desk.action(QLatin1String(name));
            QTRY_VERIFY2(action->isEnabled() == wanted.contains(QLatin1String(name)), name);
        }
        for (const char* always :
             {"new", "temporary_chat", "open_model", "quit", "find_chat", "composer", "list", "tune",
              "insight", "page_chat", "page_models", "page_settings", "keys", "about"})
            QVERIFY2(desk.action(QLatin1String(always))->isEnabled(), always);
    }

    void columnsFoldOnlyWhereTheyAreSeen() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.action(u"page_models"_s)->trigger();
        for (const char* name : {"list", "tune", "insight"})
            QVERIFY2(!desk.action(QLatin1String(name))->isEnabled(), name);
        desk.action(u"page_chat"_s)->trigger();
        for (const char* name : {"list", "tune", "insight"})
            QVERIFY2(desk.action(QLatin1String(name))->isEnabled(), name);
    }

    /// The keyboard is in the message field nearly always: where nothing was typed it has nothing of its own
    /// to take back.
    void undoFromAFieldWithoutWordsBringsAChatBack() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        bringTo(desk, u"answered"_s);
        auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        composer->setFocus();
        const ConversationId chat = desk.controller.current();
        desk.controller.deleteChat(chat);
        QTRY_VERIFY(desk.action(u"undo"_s)->isEnabled());
        QTest::keyClick(composer, Qt::Key_Z, Qt::ControlModifier);
        QTRY_COMPARE(desk.controller.current(), chat);
    }

    /// The plot has the answer of the branch that is shown.
    void theSpeedOfAnotherBranchIsNotShown() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        bringTo(desk, u"last of two"_s);
        FakeScript slow = quick(QString(u"word "_s).repeated(400));
        slow.tokens_per_second = 100;
        desk.answers.setScript(slow);
        QVERIFY(desk.controller.send(u"Go on."_s));
        QTRY_VERIFY(desk.controller.conversation().thread().last().run.tokens.size() > 5);
        desk.action(u"previous_branch"_s)->trigger();
        QVERIFY(desk.controller.busy());
        auto* insight = desk.find<InsightPanel>(u"insight"_s);
        const auto shown = [&] { return insight->series().tokens().size(); };
        const auto before = shown();
        QTest::qWait(200);
        QCOMPARE(shown(), before);
    }

    void chatsActOnlyWhereTheirListIsSeen() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        bringTo(desk, u"answered"_s);
        const auto all = [&](bool on) {
            for (const char* name : {"rename_chat", "duplicate_chat", "delete_chat"})
                QTRY_COMPARE(desk.action(QLatin1String(name))->isEnabled(), on);
        };
        all(true);
        desk.action(u"page_models"_s)->trigger();
        all(false);
        desk.action(u"page_chat"_s)->trigger();
        all(true);
        desk.action(u"list"_s)->trigger(); // folded away
        all(false);
        desk.action(u"list"_s)->trigger();
        all(true);
    }

    void textGetsNoLargerThanItMay() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        QVERIFY(!desk.action(u"normal_size"_s)->isEnabled());
        for (int i = 0; i < kLargestFont; ++i)
            desk.action(u"larger"_s)->trigger();
        QCOMPARE(QApplication::font().pointSize(), kLargestFont);
        QVERIFY(!desk.action(u"larger"_s)->isEnabled());
        for (int i = 0; i < kLargestFont; ++i)
            desk.action(u"smaller"_s)->trigger();
        QVERIFY(!desk.action(u"smaller"_s)->isEnabled());
        desk.action(u"normal_size"_s)->trigger();
        QVERIFY(!desk.action(u"normal_size"_s)->isEnabled());
    }

    /// Buttons say the key that the action has, not one that was written beside them.
    void tooltipsFollowTheKey() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        const std::pair<const char*, const char*> bound[] = {{"newChatButton", "new"},
                                                             {"temporaryChatButton", "temporary_chat"},
                                                             {"fold.list", "list"},
                                                             {"fold.tune", "tune"},
                                                             {"tune.close", "tune"},
                                                             {"fold.insight", "insight"},
                                                             {"insight.close", "insight"},
                                                             {"rail.chat", "page_chat"},
                                                             {"rail.models", "page_models"},
                                                             {"rail.settings", "page_settings"},
                                                             {"models.openFile", "open_model"}};
        for (const auto& [button_name, action_name] : bound) {
            auto* button = desk.find<QAbstractButton>(QLatin1String(button_name));
            QAction* action = desk.action(QLatin1String(action_name));
            QVERIFY2(button->toolTip().contains(action->shortcut().toString(QKeySequence::NativeText)),
                     button_name);
            action->setShortcut(QKeySequence(Qt::CTRL | Qt::ALT | Qt::Key_F7));
            QVERIFY2(button->toolTip().contains(u"Ctrl+Alt+F7"_s), button_name);
            action->setEnabled(false);
            QVERIFY2(!button->isEnabled(), button_name);
            action->setEnabled(true);
            QVERIFY2(button->isEnabled(), button_name);
        }
    }

    void contextMenusShareTheActions() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        desk.answers.setScript(quick(u"Good day."_s));
        askAndWait(desk, u"Hello"_s);
        auto* list = desk.find<ChatList>(u"chatList"_s);
        QTRY_VERIFY(list->view()->currentIndex().isValid());
        const QPoint at = list->view()->visualRect(list->view()->currentIndex()).center();
        Q_EMIT list->view()->customContextMenuRequested(at);
        auto* menu = desk.find<QMenu>(u"chatMenu"_s);
        QVERIFY(menu->actions().contains(desk.action(u"rename_chat"_s)));
        QVERIFY(menu->actions().contains(desk.action(u"delete_chat"_s)));
        menu->close();
        auto* models = desk.find<QMenu>(u"picker.menu"_s);
        QVERIFY(models->actions().contains(desk.action(u"open_model"_s)));
        QVERIFY(models->actions().contains(desk.action(u"page_models"_s)));
    }

    /// Esc ends what was opened last; the answer goes on until it is its turn.
    void escapeEndsTheFindBarBeforeTheAnswer() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        desk.load();
        QVERIFY(desk.controller.send(u"Go on."_s));
        QTRY_VERIFY(!desk.controller.conversation().thread().last().text().isEmpty());
        desk.action(u"find"_s)->trigger();
        auto* bar = desk.window->findChild<FindBar*>();
        QVERIFY(bar->isVisible());
        auto* thread = desk.find<QWidget>(u"fold.tune"_s); // the keyboard is elsewhere
        thread->setFocus();
        QTest::keyClick(thread, Qt::Key_Escape);
        QVERIFY(!bar->isVisible());
        QVERIFY(desk.controller.busy());
        QTest::keyClick(desk.window.get(), Qt::Key_Escape);
        QTRY_VERIFY(!desk.controller.busy());
    }

    void railAndViewMenuAreMadeOfThePages() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        QMenu* view = nullptr;
        for (const QAction* menu : desk.window->menuBar()->actions()) {
            if (menu->text().contains(u"View"_s))
                view = menu->menu();
        }
        QVERIFY(view);
        const QList<Page*> pages = desk.window->findChildren<Page*>();
        QVERIFY(pages.size() >= 3);
        for (Page* page : pages) {
            const PageSign sign = page->sign();
            auto* button = desk.find<QToolButton>(u"rail."_s + sign.name);
            QAction* action = desk.action(u"page_"_s + sign.name);
            QCOMPARE(button->text(), sign.title);
            QVERIFY(view->actions().contains(action));
            QCOMPARE(action->shortcut(), sign.key);
            QTest::mouseClick(button, Qt::LeftButton);
            QVERIFY(page->isVisible());
            QVERIFY(button->isChecked() && action->isChecked());
            for (const Page* other : pages)
                QCOMPARE(other->isVisible(), other == page);
            if (QWidget* part = page->statusPart())
                QVERIFY(part->isVisible());
        }
        desk.action(u"page_models"_s)->trigger();
        QVERIFY(!desk.find<QWidget>(u"status.context"_s)->isVisible()); // of the chat page
    }

    /// A page of somebody else's needs nothing of the window but to be added.
    void aPageIsAdded() {
        struct Lab : Page {
            PageSign sign() const override {
                return {u"lab"_s,      u"info"_s,       u"Lab"_s,
                        u"Lab page"_s, u"Try things"_s, QKeySequence(Qt::CTRL | Qt::Key_3)};
            }
            QWidget* firstFocus() override { return &edit; }
            void setShown(bool on) override { shown = on; }
            QLineEdit edit{this};
            bool shown = true;
        };
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        auto* stack = desk.window->findChild<PageStack*>();
        auto* lab = new Lab;
        stack->add(lab);
        QVERIFY(!lab->shown && !lab->isVisible());
        QTest::keyClick(desk.window.get(), Qt::Key_3, Qt::ControlModifier);
        QVERIFY(lab->shown && lab->isVisible());
        QVERIFY(lab->edit.hasFocus());
        QVERIFY(desk.find<QToolButton>(u"rail.lab"_s)->isChecked());
        desk.action(u"new"_s)->trigger(); // needs its page to be seen
        QVERIFY(!lab->shown && !lab->isVisible());
        QVERIFY(desk.find<QToolButton>(u"rail.chat"_s)->isChecked());
    }

    void theKeyboardComesBackWhereItWas() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        auto* search = desk.find<QLineEdit>(u"chatSearch"_s);
        search->setFocus();
        QTest::keyClick(desk.window.get(), Qt::Key_Comma, Qt::ControlModifier);
        QVERIFY(desk.find<QWidget>(u"settings.theme"_s)->hasFocus());
        QTest::keyClick(desk.window.get(), Qt::Key_1, Qt::ControlModifier);
        QVERIFY(search->hasFocus());
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    WindowActionsTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_window_actions.moc"
