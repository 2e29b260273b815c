// The list of chats: groups by date, renaming, searching, and models that keep Qt's rules.
#include "app/services/search_words.h"
#include "tests/app/store_fixture.h"
#include "tests/ui/chat_rows.h"
#include "tests/ui/desk.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/chat_list_delegate.h"
#include "ui/chat/toast.h"
#include "ui/emoji_font.h"

#include <QAbstractItemModelTester>
#include <QPainter>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

ConversationSummary chat(ConversationId id, const QString& title, int days_ago) {
    ConversationSummary summary;
    summary.id = id;
    summary.title = title;
    summary.changed = QDate::currentDate().addDays(-days_ago).startOfDay().addSecs(3600);
    return summary;
}

QList<ConversationSummary> chats() {
    return {chat(1, u"Notes"_s, 0), chat(2, u"Trip"_s, 0), chat(3, u"Letter"_s, 1), chat(4, u"Poem"_s, 5),
            chat(5, u"Old"_s, 500)};
}

} // namespace

class ChatListTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    /// However narrow the list is, the word that was found is in its line, and whole.
    void aHitsLineHasTheWholeWord_data() {
        QTest::addColumn<QString>("query");
        QTest::addColumn<QString>("line");
        QTest::addColumn<QString>("found");
        const QString words = u"some words that stand before what is looked for and a few more "_s;
        QTest::newRow("at the end") << u"treasure"_s << words + u"treasure"_s << u"treasure"_s;
        QTest::newRow("in the middle") << u"treasure"_s << words + u"Treasure "_s + words << u"Treasure"_s;
        QTest::newRow("at the beginning") << u"treasure"_s << u"treasure "_s + words << u"treasure"_s;
        QTest::newRow("another case and accents") << u"CAFE"_s << words + u"café noir"_s << u"café"_s;
        QTest::newRow("Chinese") << u"专家"_s << u"混合"_s.repeated(60) + u"专家模型"_s << u"专家"_s;
        QTest::newRow("the second of two") << u"nowhere treasure"_s << words + u"treasure"_s << u"treasure"_s;
    }
    void aHitsLineHasTheWholeWord() {
        QFETCH(QString, query);
        QFETCH(QString, line);
        QFETCH(QString, found);
        const QFontMetrics metrics{QFont()};
        const int narrow =
            metrics.horizontalAdvance(found) + 3 * metrics.horizontalAdvance(QChar(0x2026)) + 2;
        for (int width = narrow; width < 600; width += 7) {
            const QString stored = hitLine(line, query);
            const QString shown = shownLine(stored, query, metrics, width);
            QVERIFY2(shown.contains(found), qPrintable(u"%1: %2"_s.arg(width).arg(shown)));
            QVERIFY(metrics.horizontalAdvance(shown) <= width);
        }
    }

    /// As in the thread: drawn as one, not as a digit with a box over it; and never wider than the list.
    void emojiOfSeveralCharactersAreDrawnAsOne_data() {
        QTest::addColumn<QString>("emoji");
        QTest::newRow("a keycap") << u"1️⃣"_s;
        QTest::newRow("a flag") << u"🇩🇪"_s;
        QTest::newRow("a sign") << u"❤️"_s;
    }
    void emojiOfSeveralCharactersAreDrawnAsOne() {
        QFETCH(QString, emoji);
        if (emojiFamily().isEmpty())
            QSKIP("Noto Color Emoji is not installed");
        const QString title = u"Plan "_s + emoji.repeated(3) + u" for the house and the garden"_s;
        const QFont font = withEmoji(QFont());
        for (const QString& query : {QString(), u"plan"_s, u"garden"_s}) {
            for (int width = 120; width < 500; width += 13) {
                QTextLayout layout(QString(), font);
                layOutLine(layout, title, query, Qt::red, width);
                QCOMPARE(layout.lineCount(), 1);
                QVERIFY2(layout.lineAt(0).naturalTextWidth() <= width + 2, qPrintable(layout.text()));
                const qsizetype at = layout.text().indexOf(emoji);
                if (at < 0) { // not in what there is room for
                    QVERIFY(!query.isEmpty() || width < 200);
                    continue;
                }
                qsizetype glyphs = 0;
                for (const QGlyphRun& run :
                     layout.glyphRuns(static_cast<int>(at), static_cast<int>(emoji.size()))) {
                    QCOMPARE(run.rawFont().familyName(), emojiFamily());
                    glyphs += run.glyphIndexes().size();
                }
                QCOMPARE(glyphs, 1);
            }
        }
    }

    /// However many marks are stacked over its letters.
    void aTitleKeepsToItsRow() {
        ChatListModel model;
        const QString marks = u"\u0301\u0302\u0303\u0323\u0324"_s.repeated(40);
        model.setChats({chat(1, u"Z"_s + marks + u"algo"_s, 0)}, {});
        ChatListDelegate delegate;
        QStyleOptionViewItem option;
        option.rect = QRect(0, 100, 260, 36);
        QImage image(260, 300, QImage::Format_RGB32);
        image.fill(Qt::white);
        QPainter painter(&image);
        delegate.paint(&painter, option, model.indexOf(1));
        painter.end();
        const auto blank = [&image](const QRect& part) {
            QImage white(part.size(), image.format());
            white.fill(Qt::white);
            return image.copy(part) == white;
        };
        QVERIFY(!blank(option.rect));
        QVERIFY(blank(QRect(0, 0, 260, 100)));
        QVERIFY(blank(QRect(0, 136, 260, 164)));
    }

    void groupsByDate() {
        const QDate today(2025, 6, 15);
        const auto name = [&](const QDate& date) { return dateGroup(date, today).name; };
        QCOMPARE(name(today), u"Today"_s);
        QCOMPARE(name(today.addDays(1)), u"Today"_s); // a clock that was set back
        QCOMPARE(name(today.addDays(-1)), u"Yesterday"_s);
        QCOMPARE(name(today.addDays(-2)), u"Last 7 days"_s);
        QCOMPARE(name(today.addDays(-7)), u"Last 7 days"_s);
        QCOMPARE(name(today.addDays(-8)), u"Last 30 days"_s);
        QCOMPARE(name(today.addDays(-30)), u"Last 30 days"_s);
        QCOMPARE(name(QDate(2025, 3, 1)), QLocale().toString(QDate(2025, 3, 1), u"MMMM"_s));
        QVERIFY(name(QDate(2024, 3, 1)).contains(u"2024"_s));
    }

    void modelKeepsTheRules() {
        ChatListModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setChats(chats());
        const QStringList lines = described(model);
        QCOMPARE(lines.size(), 4);
        QCOMPARE(lines[0], u"Today: Notes, Trip"_s);
        QCOMPARE(lines[1], u"Yesterday: Letter"_s);
        QCOMPARE(lines[2], u"Last 7 days: Poem"_s);
        model.setHits({{1, 7, u"Notes"_s, u"a line with words"_s}, {4, 0, u"Poem"_s, {}}});
        QCOMPARE(described(model), (QStringList{u"2 found: Notes, Poem"_s}));
        model.clearHits();
        QCOMPARE(described(model), lines);
        model.setToday(QDate::currentDate().addDays(1));
        QCOMPARE(described(model)[0], u"Yesterday: Notes, Trip"_s);
        model.setChats({});
        QCOMPARE(model.rowCount(), 0);
    }

    void sameChatsKeepTheirPlace() {
        ChatListModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setChats(chats());
        QSignalSpy reset(&model, &QAbstractItemModel::modelReset),
            changed(&model, &QAbstractItemModel::dataChanged);
        auto list = chats();
        list[1].generating = true;
        list[1].title = u"Trip to the Alps"_s;
        model.setChats(list);
        QCOMPARE(reset.size(), 0);
        QCOMPARE(changed.size(), 1);
        const QModelIndex index = model.indexOf(2);
        QVERIFY(index.data(ChatListModel::GeneratingRole).toBool());
        QCOMPARE(index.data(Qt::AccessibleTextRole).toString(), u"Trip to the Alps, answering"_s);
    }

    void renamesInPlace() {
        QWidget window;
        WindowActions actions(window);
        ChatList list(actions);
        list.setChats(chats());
        list.resize(260, 500);
        list.show();
        QSignalSpy renamed(&list, &ChatList::renameRequested);
        list.view()->setFocus();
        list.view()->setCurrentIndex(list.model()->indexOf(3));
        QTest::keyClick(list.view(), Qt::Key_F2);
        auto* editor = list.view()->findChild<QLineEdit*>();
        QVERIFY(editor);
        QCOMPARE(editor->text(), u"Letter"_s);
        editor->setText(u"  Letter to\tgrandmother "_s);
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(renamed.size(), 1);
        QCOMPARE(renamed[0][0].toLongLong(), 3);
        QCOMPARE(renamed[0][1].toString(), u"Letter to grandmother"_s);
        // An empty title is none.
        QVERIFY(!list.model()->setData(list.model()->indexOf(3), u"   "_s, Qt::EditRole));
        QVERIFY(!list.model()->setData(list.model()->index(0, 0), u"Group"_s, Qt::EditRole));
    }

    /// F2 offers the whole title to be typed over, and nothing that happens meanwhile changes what is typed.
    void theTitleIsSelectedAndTypingReplacesIt_data() {
        QTest::addColumn<bool>("turns"); // of the event loop between the keys
        QTest::newRow("fast") << false;
        QTest::newRow("slowly") << true;
    }
    void theTitleIsSelectedAndTypingReplacesIt() {
        QFETCH(bool, turns);
        QWidget window;
        WindowActions actions(window);
        ChatList list(actions);
        list.setChats(chats());
        list.resize(260, 500);
        list.show();
        QVERIFY(QTest::qWaitForWindowActive(&list));
        QSignalSpy renamed(&list, &ChatList::renameRequested);
        list.view()->setFocus();
        list.view()->setCurrentIndex(list.model()->indexOf(3));
        QTest::keyClick(list.view(), Qt::Key_F2);
        QTRY_VERIFY(list.view()->findChild<QLineEdit*>());
        const QPointer<QLineEdit> editor = list.view()->findChild<QLineEdit*>();
        QCOMPARE(editor->selectedText(), u"Letter"_s);
        // Titles change elsewhere: of this chat, as an answer or another window gives it one, and of others.
        const auto refresh = [&](int step) {
            auto others = chats();
            others[1].title = u"Trip %1"_s.arg(step);
            others[2].title = u"Letter %1"_s.arg(step);
            others[2].generating = step % 2 == 1;
            list.model()->setChats(others);
            list.setChats(others);
            list.setCurrent(step % 2 ? 2 : 3);
        };
        refresh(0);
        if (turns)
            QTest::qWait(20);
        QVERIFY(editor);
        QCOMPARE(editor->selectedText(), u"Letter"_s);
        int step = 0;
        for (const QChar c : u"New name"_s) {
            QTest::keyClick(editor, c.toLatin1());
            refresh(++step);
            if (turns)
                QTest::qWait(5);
        }
        QCOMPARE(editor->text(), u"New name"_s);
        QTest::keyClick(editor, Qt::Key_Return);
        QTRY_COMPARE(renamed.size(), 1);
        QCOMPARE(renamed[0][0].toLongLong(), 3);
        QCOMPARE(renamed[0][1].toString(), u"New name"_s);
    }

    void aTitleThatWasOnlyLookedAtStaysTheNewerOne() {
        QWidget window;
        WindowActions actions(window);
        ChatList list(actions);
        list.setChats(chats());
        list.show();
        QSignalSpy renamed(&list, &ChatList::renameRequested);
        list.view()->setCurrentIndex(list.model()->indexOf(3));
        QTest::keyClick(list.view(), Qt::Key_F2);
        auto* editor = list.view()->findChild<QLineEdit*>();
        QVERIFY(editor);
        auto others = chats();
        others[2].title = u"Renamed elsewhere"_s;
        list.model()->setChats(others);
        QTest::keyClick(editor, Qt::Key_Return);
        QTest::qWait(20);
        QCOMPARE(renamed.size(), 0);
        QCOMPARE(list.model()->indexOf(3).data().toString(), u"Renamed elsewhere"_s);
    }

    /// The chat is read from the disk while its new title is on the way there.
    void aChatThatIsRenamedWhileItOpensHasItsNewTitle() {
        QTemporaryDir folder;
        ConversationId old = 0;
        {
            ConversationStore store(folder.path());
            old = chatWith(store, u"Old title"_s, u"words"_s);
            chatWith(store, u"Other"_s, u"words"_s);
            QTRY_COMPARE(store.unsaved(), 0);
        }
        Desk desk(folder.path());
        auto* list = desk.window->findChild<ChatList*>();
        QTRY_VERIFY(list->model()->indexOf(old).isValid());
        list->view()->setFocus();
        list->view()->setCurrentIndex(list->model()->indexOf(old));
        QTest::keyClick(list->view(), Qt::Key_Return); // opens it: its answer is on the way
        QTest::keyClick(list->view(), Qt::Key_F2);
        auto* editor = list->view()->findChild<QLineEdit*>();
        QVERIFY(editor);
        editor->setText(u"New title"_s);
        Q_EMIT list->view()->itemDelegate()->commitData(editor); // in the same turn of the event loop
        Q_EMIT list->view()->itemDelegate()->closeEditor(editor);
        QTRY_COMPARE(desk.controller.current(), old);
        QTRY_COMPARE(desk.store.unsaved(), 0);
        QTest::qWait(100);
        QCOMPARE(desk.controller.conversation().summary.title, u"New title"_s);
        QVERIFY2(desk.window->windowTitle().startsWith(u"New title"_s),
                 qPrintable(desk.window->windowTitle()));
        QCOMPARE(list->model()->indexOf(old).data().toString(), u"New title"_s);
    }

    void opensByClickAndByKey() {
        QWidget window;
        WindowActions actions(window);
        ChatList list(actions);
        list.setChats(chats());
        list.resize(260, 500);
        list.show();
        QSignalSpy activated(&list, &ChatList::chatActivated), removed(&list, &ChatList::deleteRequested);
        const QModelIndex poem = list.model()->indexOf(4);
        QTest::mouseClick(list.view()->viewport(), Qt::LeftButton, {},
                          list.view()->visualRect(poem).center());
        QCOMPARE(activated.size(), 1);
        QCOMPARE(activated[0][0].toLongLong(), 4);
        list.view()->setCurrentIndex(list.model()->indexOf(2));
        QTest::keyClick(list.view(), Qt::Key_Return);
        QCOMPARE(activated[1][0].toLongLong(), 2);
        QTest::keyClick(list.view(), Qt::Key_Delete);
        QCOMPARE(removed.size(), 1);
        QCOMPARE(removed[0][0].toLongLong(), 2);
        // A click on a group folds it, and it stays folded.
        const QModelIndex group = list.model()->index(0, 0);
        QVERIFY(list.view()->isExpanded(group));
        QTest::mouseClick(list.view()->viewport(), Qt::LeftButton, {},
                          list.view()->visualRect(group).center());
        QVERIFY(!list.view()->isExpanded(group));
        QCOMPARE(activated.size(), 2);
        auto more = chats();
        more.append(chat(9, u"Older"_s, 900));
        list.setChats(more);
        QVERIFY(!list.view()->isExpanded(list.model()->index(0, 0)));
        QVERIFY(list.view()->isExpanded(list.model()->index(1, 0)));
    }

    void searchesAsOneTypes() {
        QWidget window;
        WindowActions actions(window);
        ChatList list(actions);
        list.setChats(chats());
        list.show();
        QSignalSpy searched(&list, &ChatList::searchRequested), activated(&list, &ChatList::chatActivated);
        auto* field = list.findChild<QLineEdit*>(u"chatSearch"_s);
        QTest::keyClicks(field, u"latent"_s);
        QTRY_COMPARE(searched.size(), 1); // one question, not one a key
        QCOMPARE(searched[0][0].toString(), u"latent"_s);
        list.setHits({{4, 12, u"Poem"_s, u"the latent vector"_s}});
        QVERIFY(list.model()->searching());
        const QModelIndex hit = list.model()->index(0, 0, list.model()->index(0, 0));
        QCOMPARE(hit.data(ChatListModel::LineRole).toString(), u"the latent vector"_s);
        list.grab(); // draws the line
        QTest::keyClick(field, Qt::Key_Return);
        QCOMPARE(activated.size(), 1);
        QCOMPARE(activated[0][1].toLongLong(), 12);
        QTest::keyClick(field, Qt::Key_Escape);
        QTRY_VERIFY(!list.model()->searching());
        list.setHits({{4, 12, u"Poem"_s, u"late"_s}}); // an answer that comes too late
        QVERIFY(!list.model()->searching());
    }

    void toastOffersUndo() {
        QWidget window;
        window.resize(600, 400);
        QLineEdit elsewhere(&window); // has the focus: a toast that has it waits
        window.show();
        elsewhere.setFocus();
        Toast toast(&window);
        QSignalSpy undone(&toast, &Toast::actionTriggered), expired(&toast, &Toast::expired);
        toast.show(u"Deleted."_s, u"Undo"_s, 100);
        QVERIFY(toast.isVisible());
        QVERIFY(window.rect().contains(toast.geometry()));
        window.resize(420, 300);
        QVERIFY(window.rect().contains(toast.geometry()));
        toast.findChild<QPushButton*>(u"toastAction"_s)->click();
        QCOMPARE(undone.size(), 1);
        QVERIFY(!toast.isVisible());
        toast.show(u"Again."_s, u"Undo"_s, 50);
        QTRY_COMPARE(expired.size(), 1);
        QVERIFY(!toast.isVisible());
        QCOMPARE(undone.size(), 1);
    }
};

QTEST_MAIN(ChatListTest)
#include "tst_chat_list.moc"
