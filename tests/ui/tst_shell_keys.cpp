// The keys of the window: all there, all in the menus, and those of what is being written in first.
#include "tests/ui/desk.h"
#include "ui/insight/insight_panel.h"
#include "ui/keys_window.h"

#include <QClipboard>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QTemporaryDir>
#include <QTreeView>

#include <set>

using namespace switchyard;
using namespace Qt::StringLiterals;

class TestShellKeys : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void everyKeyOfTheWindowExists() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        std::multiset<QString> keys;
        for (const QAction* action : desk.window->findChildren<QAction*>()) {
            if (!action->objectName().startsWith(u"action."_s))
                continue;
            for (const QKeySequence& key : action->shortcuts())
                keys.insert(key.toString(QKeySequence::PortableText));
        }
        for (const char* key : {"Ctrl+N", "Ctrl+Shift+N", "Ctrl+K", "Ctrl+F", "Ctrl+Return", "Esc", "Ctrl+L",
                                "Ctrl+R", "Ctrl+E", "Alt+Left", "Alt+Right", "Ctrl+T", "Ctrl+P", "Ctrl+,",
                                "Ctrl+Shift+C", "F1", "Ctrl++", "Ctrl+-"})
            QCOMPARE(static_cast<int>(keys.count(QLatin1String(key))), 1);
        for (const QString& key : keys)
            QCOMPARE(static_cast<int>(keys.count(key)), 1); // one key, one meaning
    }

    void everyKeyStandsInAMenu() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        std::set<const QAction*> in_menus;
        for (const QAction* menu : desk.window->menuBar()->actions()) {
            for (const QAction* action : menu->menu()->actions())
                in_menus.insert(action);
        }
        for (const QAction* action : desk.window->findChildren<QAction*>()) {
            if (action->objectName().startsWith(u"action."_s))
                QVERIFY2(in_menus.contains(action), qPrintable(action->objectName()));
        }
    }

    void f1ListsTheKeysWithoutBlocking() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.action(u"keys"_s)->trigger();
        auto* keys = desk.find<KeysWindow>(u"keys"_s);
        QVERIFY(keys->isVisible());
        QVERIFY(!keys->isModal());
        bool found = false;
        for (const QLabel* label : keys->findChildren<QLabel*>())
            found = found || label->text() == u"Ctrl+K"_s;
        QVERIFY(found);
    }

    void escapeStopsTheAnswer() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        QVERIFY(desk.controller.send(u"Go on."_s));
        QTRY_VERIFY(desk.find<InsightPanel>(u"insight"_s)->series().tokens().size() > 3);
        desk.action(u"stop"_s)->trigger();
        QTRY_VERIFY(!desk.controller.busy());
        QCOMPARE(desk.controller.conversation().thread().last().state, MessageState::Stopped);
        QVERIFY(!desk.controller.conversation().thread().last().text().isEmpty());
        desk.action(u"copy_answer"_s)->trigger();
        QCOMPARE(QGuiApplication::clipboard()->text(), desk.controller.conversation().thread().last().text());
    }

    /// Keys that the window has too belong first to what is being written in.
    void keysOfSearchAndEditorComeBeforeTheWindows() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        desk.load();
        desk.answers.setScript({});
        QVERIFY(desk.controller.send(u"Hello"_s));
        QTRY_VERIFY(!desk.controller.busy());

        auto* search = desk.find<QLineEdit>(u"chatSearch"_s);
        QTest::keyClick(desk.window.get(), Qt::Key_K, Qt::ControlModifier);
        QVERIFY(search->hasFocus());
        QTest::keyClicks(search, u"hel"_s);
        QTest::keyClick(search, Qt::Key_Escape);
        QVERIFY(search->text().isEmpty());

        QTest::keyClick(desk.window.get(), Qt::Key_E, Qt::ControlModifier);
        auto* editor = desk.find<QPlainTextEdit>(u"messageEditorText"_s);
        QVERIFY(editor->hasFocus());
        editor->setPlainText(u"Good day"_s);
        QTest::keyClick(editor, Qt::Key_Return, Qt::ControlModifier);
        QTRY_COMPARE(desk.controller.conversation().thread().first().text(), u"Good day"_s);
        QCOMPARE(desk.controller.conversation().thread().first().siblings.size(), 2);
    }

    void ctrlZBringsADeletedChatBackButNotFromATextField() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        desk.load();
        desk.answers.setScript({});
        auto* undo = desk.action(u"undo"_s);
        QVERIFY(!undo->isEnabled());
        QVERIFY(desk.controller.send(u"Hello"_s));
        QTRY_VERIFY(!desk.controller.busy());
        const ConversationId id = desk.controller.current();
        auto* tree = desk.find<QTreeView>(u"chatTree"_s);
        auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        QTRY_VERIFY(tree->currentIndex().isValid());
        tree->setFocus();
        QTest::keyClick(tree, Qt::Key_Delete);
        QTRY_COMPARE(desk.controller.list().chats().size(), 0);
        composer->setFocus();
        QTest::keyClicks(composer, u"text"_s);
        QTest::keyClick(composer, Qt::Key_Z, Qt::ControlModifier);
        QTest::keyClick(composer, Qt::Key_Z, Qt::ControlModifier);
        QVERIFY(composer->toPlainText().isEmpty()); // its own
        QCOMPARE(desk.controller.current(), 0);
        tree->setFocus();
        QTest::keyClick(tree, Qt::Key_Z, Qt::ControlModifier);
        QTRY_COMPARE(desk.controller.current(), id);
        QVERIFY(!undo->isEnabled());
    }

    void typingInTheListGoesToTheComposer() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        auto* tree = desk.find<QTreeView>(u"chatTree"_s);
        auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        tree->setFocus();
        QTest::keyClick(tree, Qt::Key_Down); // moves in the list, as ever
        QVERIFY(tree->hasFocus());
        QTest::keyClick(tree, 'H', Qt::ShiftModifier);
        QVERIFY(composer->hasFocus());
        QTest::keyClick(composer, 'i');
        QCOMPARE(composer->toPlainText(), u"Hi"_s);
    }

    void textSizeGoesByKeys() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        const int before = QApplication::font().pointSize();
        desk.action(u"larger"_s)->trigger();
        QCOMPARE(QApplication::font().pointSize(), before + 1);
        desk.action(u"smaller"_s)->trigger();
        desk.action(u"normal_size"_s)->trigger();
        QCOMPARE(QApplication::font().pointSize(), before);
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    TestShellKeys test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_shell_keys.moc"
