// What can be brought back and found again: deletions, questions without an answer, branches, hits of a
// search, and the place in the list.
#include "tests/ui/chat_desk.h"

#include <QAction>
#include <QLabel>
#include <QLineEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QThread>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

QLineEdit* searchField(const ChatDesk& desk) {
    return desk.page->list()->findChild<QLineEdit*>(u"chatSearch"_s);
}

/// The editor of a title in the list.
QLineEdit* titleEditor(const ChatDesk& desk) { return desk.tree()->viewport()->findChild<QLineEdit*>(); }

QString branchLabel(const ChatDesk& desk, int message) {
    const MessageTools* tools = desk.page->thread()->tools(desk.page->thread()->messageAt(message));
    return tools ? tools->findChild<QLabel*>(u"branchLabel"_s)->text() : QString();
}

} // namespace

class ChatUndoTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void everyDeletionCanBeTakenBack() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId first = desk.chat(u"first"_s);
        desk.page->newChat();
        const ConversationId second = desk.chat(u"second"_s);
        desk.page->newChat();
        const ConversationId third = desk.chat(u"third"_s);
        QTRY_VERIFY(desk.lastTools());
        desk.click(u"deleteButton"_s);
        QTRY_COMPARE(desk.page->thread()->messageCount(), 1);
        for (const ConversationId id : {first, second, third}) {
            desk.tree()->setCurrentIndex(desk.page->list()->model()->indexOf(id));
            QTest::keyClick(desk.tree(), Qt::Key_Delete);
            QTRY_VERIFY(!desk.page->list()->model()->indexOf(id).isValid());
        }
        desk.page->toast()->findChild<QPushButton*>(u"toastAction"_s)->click();
        QTRY_COMPARE(desk.controller.current(), third);
        desk.page->undoDelete();
        QTRY_COMPARE(desk.controller.current(), second);
        desk.page->undoDelete();
        QTRY_COMPARE(desk.controller.current(), first);
        desk.page->undoDelete(); // the message, in another chat
        QTRY_COMPARE(desk.controller.current(), third);
        QTRY_COMPARE(desk.page->thread()->messageCount(), 2);
        QVERIFY(!desk.controller.undo().canUndo());
        for (const ConversationId id : {first, second, third})
            QTRY_VERIFY(desk.page->list()->model()->indexOf(id).isValid());
    }

    /// The first of two questions, with a version more of its answer: what goes with it is counted, and the
    /// menu brings it back in another session, too.
    void whatGoesWithAMessageIsSaidAndComesBackAfterARestart() {
        QTemporaryDir folder;
        ConversationId chat = 0;
        {
            ChatDesk desk(quickAnswer(u"ok"_s), folder.path());
            chat = desk.chat(u"first"_s);
            desk.page->regenerateLast();
            QVERIFY(desk.waitIdle());
            desk.chat(u"second"_s);
            QAction& bring_back = (*desk.actions)[Act::RestoreMessages];
            QVERIFY(!bring_back.isEnabled());
            const auto remove = [&](int message) {
                MessageTools* tools = nullptr;
                QTRY_VERIFY((tools = desk.page->thread()->tools(desk.thread()[message].id)) != nullptr);
                QTest::mouseClick(tools->findChild<QToolButton*>(u"deleteButton"_s), Qt::LeftButton);
            };
            remove(3);
            QCOMPARE(desk.page->toast()->sentence(), u"The message was deleted."_s);
            QTRY_COMPARE(desk.page->thread()->messageCount(), 3);
            remove(0);
            QVERIFY2(desk.page->toast()->sentence().contains(u"3 more messages"_s),
                     qPrintable(desk.page->toast()->sentence()));
            QTRY_COMPARE(desk.page->thread()->messageCount(), 0);
            QVERIFY(bring_back.isEnabled());
            QTest::mouseClick(desk.page->toast()->findChild<QPushButton*>(u"toastAction"_s), Qt::LeftButton);
            QTRY_COMPARE(desk.page->thread()->messageCount(), 3);
            remove(0);
            QTRY_COMPARE(desk.page->thread()->messageCount(), 0);
        }
        ChatDesk desk(quickAnswer(u"ok"_s), folder.path());
        QVERIFY(desk.open(chat));
        QTRY_COMPARE(desk.page->thread()->messageCount(), 0);
        QAction& bring_back = (*desk.actions)[Act::RestoreMessages];
        QVERIFY(bring_back.isEnabled());
        bring_back.trigger();
        QTRY_COMPARE(desk.page->thread()->messageCount(), 4);
        QCOMPARE(desk.thread()[2].text(), u"second"_s);
        QCOMPARE(desk.thread()[1].siblings.size(), 2);
        QVERIFY(!bring_back.isEnabled());
    }

    void aToastCoversNoButtons() {
        ChatDesk desk(quickAnswer(u"line\n\n"_s.repeated(60)));
        desk.chat(u"long"_s);
        desk.chat(u"again"_s);
        desk.controller.undo().messageDeleted(desk.controller.current(), 0, true, [] {});
        Toast* toast = desk.page->toast();
        QTRY_VERIFY(toast->isVisible());
        const auto inWindow = [&](const QWidget* widget) {
            return QRect(widget->mapTo(&desk.window, QPoint()), widget->size());
        };
        QTRY_VERIFY(desk.lastTools() && desk.lastTools()->isVisible());
        QTRY_VERIFY(inWindow(desk.page->thread()->viewport()).contains(inWindow(desk.lastTools())));
        QVERIFY(!inWindow(toast).intersects(inWindow(desk.lastTools())));
        QVERIFY(!inWindow(toast).intersects(inWindow(desk.page->composer())));
    }

    void aToastDoesNotOfferWhatTheKeyTookBack() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        desk.chat(u"first"_s);
        desk.page->newChat();
        const ConversationId second = desk.chat(u"second"_s);
        desk.controller.deleteChat(second);
        QVERIFY(desk.page->toast()->isVisible());
        desk.page->undoDelete();
        QVERIFY(!desk.page->toast()->isVisible());
    }

    void aQuestionWithoutAnAnswerCanBeAnswered() {
        ChatDesk desk(quickAnswer(u"one"_s));
        desk.chat(u"first question"_s);
        desk.chat(u"second question"_s);
        QTRY_VERIFY(desk.lastTools());
        QVERIFY(!desk.page->thread()
                     ->tools(desk.thread()[2].id)
                     ->findChild<QToolButton*>(u"answerButton"_s)
                     ->isVisibleTo(desk.page));
        desk.click(u"deleteButton"_s);
        QTRY_COMPARE(desk.page->thread()->messageCount(), 3);
        QTRY_VERIFY(desk.lastTools());
        auto* answer = desk.lastTools()->findChild<QToolButton*>(u"answerButton"_s);
        QTRY_VERIFY(answer->isVisible());
        QTest::mouseClick(answer, Qt::LeftButton);
        QVERIFY(desk.waitIdle());
        QTRY_COMPARE(desk.page->thread()->messageCount(), 4);
        QCOMPARE(desk.answers.requests().back().turns.back().text, u"second question"_s);
        // Ctrl+R is for that question too, not for the answer before it.
        QTRY_VERIFY(desk.lastTools());
        desk.click(u"deleteButton"_s);
        QTRY_COMPARE(desk.page->thread()->messageCount(), 3);
        desk.page->regenerateLast();
        QVERIFY(desk.waitIdle());
        QTRY_COMPARE(desk.page->thread()->messageCount(), 4);
        QCOMPARE(desk.answers.requests().back().turns.back().text, u"second question"_s);
        QCOMPARE(desk.thread()[1].siblings.size(), 1);
    }

    /// The first question has two versions; the second version's answer has two as well.
    void theKeysReturnToWhereItWas() {
        ChatDesk desk(quickAnswer(u"answer"_s));
        desk.chat(u"version one"_s);
        desk.page->regenerateLast();
        QVERIFY(desk.waitIdle());
        const MessageId under_one = desk.lastId();
        QVERIFY(desk.controller.chat().editQuestion(desk.thread().first().id, u"version two"_s));
        QVERIFY(desk.waitIdle());
        const MessageId under_two = desk.lastId();
        QTRY_COMPARE(branchLabel(desk, 0), u"2/2"_s);
        desk.page->switchBranch(-1);
        QTRY_COMPARE(desk.lastId(), under_one);
        QTRY_COMPARE(branchLabel(desk, 1), u"2/2"_s);
        desk.page->switchBranch(+1);
        QTRY_COMPARE(desk.lastId(), under_two);
        // As quickly as keys repeat.
        desk.page->switchBranch(-1);
        desk.page->switchBranch(+1);
        QTest::qWait(100);
        QTRY_COMPARE(desk.lastId(), under_two);
    }

    void aReaderFindsThePlaceAgain() {
        ChatDesk desk(quickAnswer(u"line\n\n"_s.repeated(200)));
        const ConversationId chat = desk.chat(u"long"_s);
        desk.page->regenerateLast();
        QVERIFY(desk.waitIdle());
        QScrollBar* bar = desk.page->thread()->verticalScrollBar();
        QTRY_VERIFY(bar->maximum() > 2000);
        bar->setValue(1234);
        const auto top = [&] { return desk.page->thread()->messageRect(1).top(); };
        const int place = top();
        QVERIFY(place < -1000);
        desk.page->switchBranch(-1);
        QTRY_COMPARE(branchLabel(desk, 1), u"1/2"_s);
        bar->setValue(77);
        desk.page->switchBranch(+1);
        QTRY_COMPARE(branchLabel(desk, 1), u"2/2"_s);
        QTRY_COMPARE(top(), place);
        desk.page->newChat();
        QVERIFY(desk.open(chat));
        QTRY_COMPARE(top(), place);
    }

    // ---- The search ----

    void aHitInAHiddenBranchOpensIt_data() {
        QTest::addColumn<bool>("shown");
        QTest::newRow("from the chat itself") << true;
        QTest::newRow("from another chat") << false;
    }
    void aHitInAHiddenBranchOpensIt() {
        QFETCH(bool, shown);
        ChatDesk desk(quickAnswer(u"the hidden treasure"_s));
        desk.chat(u"where?"_s);
        const MessageId hidden = desk.lastId();
        desk.answers.setScript(quickAnswer(u"nothing here"_s));
        desk.page->regenerateLast();
        QVERIFY(desk.waitIdle());
        QTRY_COMPARE(desk.lastText(), u"nothing here"_s);
        if (!shown)
            desk.page->newChat();
        QTest::keyClicks(searchField(desk), u"treasure"_s);
        QTRY_VERIFY(desk.page->list()->model()->searching());
        const QModelIndex hits = desk.page->list()->model()->index(0, 0);
        QCOMPARE(desk.page->list()->model()->rowCount(hits), 1);
        desk.clickRow(desk.page->list()->model()->index(0, 0, hits));
        QTRY_COMPARE(desk.page->thread()->messageAt(1), hidden);
        QCOMPARE(desk.lastText(), u"the hidden treasure"_s);
    }

    void aTitleFromItsQuestionIsNoSecondHit() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId id = desk.chat(u"How do walruses sleep?"_s);
        const auto hits = [&](const QString& text) {
            searchField(desk)->clear();
            QTest::keyClicks(searchField(desk), text);
            QTest::keyClick(searchField(desk), Qt::Key_Return);
            QTest::qWait(300);
            return desk.page->list()->model()->rowCount(desk.page->list()->model()->index(0, 0));
        };
        QCOMPARE(hits(u"walruses"_s), 1);
        desk.controller.list().rename(id, u"Notes on walruses"_s);
        QCOMPARE(hits(u"walruses"_s), 2);
    }

    void enterOpensAHitOfWhatIsTyped() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId apple = desk.chat(u"apple"_s);
        desk.page->newChat();
        desk.chat(u"banana"_s);
        desk.page->newChat();
        QTest::keyClicks(searchField(desk), u"banana"_s);
        QTRY_VERIFY(desk.page->list()->model()->searching());
        searchField(desk)->selectAll();
        QTest::keyClicks(searchField(desk), u"apple"_s);
        QTest::keyClick(searchField(desk), Qt::Key_Return); // sooner than the search
        QTRY_COMPARE(desk.controller.current(), apple);
    }

    void deletedChatsAreNoHits() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId id = desk.chat(u"apple"_s);
        QTest::keyClicks(searchField(desk), u"apple"_s);
        QTRY_VERIFY(desk.page->list()->model()->searching());
        desk.controller.deleteChat(id);
        QTRY_COMPARE(desk.page->list()->model()->rowCount(desk.page->list()->model()->index(0, 0)), 0);
        desk.page->undoDelete();
        QTRY_COMPARE(desk.page->list()->model()->rowCount(desk.page->list()->model()->index(0, 0)), 1);
    }

    // ---- The list ----

    void renamingGoesOnWhileAnAnswerEnds() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId first = desk.chat(u"first"_s);
        desk.page->newChat();
        const ConversationId second = desk.chat(u"second"_s);
        QVERIFY(desk.open(first));
        desk.answers.setScript(slowAnswer(400));
        desk.ask(u"long"_s);
        QVERIFY(desk.open(second));
        desk.tree()->setCurrentIndex(desk.page->list()->model()->indexOf(second));
        desk.tree()->setFocus();
        QTest::keyClick(desk.tree(), Qt::Key_F2);
        QTRY_VERIFY(titleEditor(desk));
        titleEditor(desk)->selectAll();
        QTest::keyClicks(titleEditor(desk), u"half a ti"_s);
        QTRY_VERIFY(!desk.controller.run(first)); // the other answer ends
        QTest::qWait(300);
        QVERIFY(titleEditor(desk));
        QCOMPARE(desk.page->list()->model()->indexOf(second).data().toString(), u"second"_s);
        QTest::keyClicks(titleEditor(desk), u"tle"_s);
        QTest::keyClick(titleEditor(desk), Qt::Key_Return);
        QTRY_COMPARE(desk.page->list()->model()->indexOf(second).data().toString(), u"half a title"_s);
        QTRY_COMPARE(desk.page->list()->model()->indexOf(first).row(), 0); // what waited for it
    }

    /// Enter in the list opens the row, and ends the renaming of it.
    void aNameGivenWhileTheChatIsReadStays() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId id = desk.chat(u"first"_s);
        QSignalSpy shown(&desk.controller, &ChatController::threadChanged);
        desk.controller.openChat(id);
        QThread::msleep(100); // it is read, and the answer waits for this thread
        desk.controller.list().rename(id, u"renamed"_s);
        QTRY_VERIFY(!shown.isEmpty());
        QCOMPARE(desk.controller.conversation().summary.title, u"renamed"_s);
    }

    void aTitleBeingTypedBelongsToItsChatWhenAnotherIsBegun() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId id = desk.chat(u"first"_s);
        QTRY_VERIFY(desk.tree()->currentIndex().isValid());
        desk.tree()->setFocus();
        QTest::keyClick(desk.tree(), Qt::Key_F2);
        QTRY_VERIFY(titleEditor(desk));
        titleEditor(desk)->setText(u"renamed"_s);
        desk.page->newChat();
        QTRY_COMPARE(desk.page->list()->model()->indexOf(id).data().toString(), u"renamed"_s);
        QCOMPARE(desk.controller.current(), 0);
        QTRY_VERIFY(!desk.tree()->currentIndex().isValid());
    }

    void anAnswerThatEndsMovesNeitherTheListNorTheKeyboard() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        QList<ConversationId> chats;
        for (int i = 0; i < 30; ++i) {
            desk.page->newChat();
            chats.append(desk.chat(u"chat %1"_s.arg(i)));
        }
        QVERIFY(desk.open(chats[0]));
        desk.answers.setScript(slowAnswer(400));
        desk.ask(u"long"_s);
        QVERIFY(desk.open(chats[29]));
        const QModelIndex read = desk.page->list()->model()->indexOf(chats[5]);
        desk.tree()->setCurrentIndex(read);
        desk.tree()->scrollTo(read, QAbstractItemView::PositionAtTop);
        const int place = desk.tree()->verticalScrollBar()->value();
        QVERIFY(place > 100);
        QTRY_VERIFY(!desk.controller.run(chats[0]));
        QTRY_COMPARE(desk.page->list()->model()->indexOf(chats[0]).row(), 0);
        QCOMPARE(desk.tree()->verticalScrollBar()->value(), place);
        QCOMPARE(desk.tree()->currentIndex().data(ChatListModel::IdRole).toLongLong(), chats[5]);
    }
};

QTEST_MAIN(ChatUndoTest)
#include "tst_chat_undo.moc"
