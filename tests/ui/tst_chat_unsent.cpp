// What is written and not sent yet: files, drafts, open edits and messages that wait for the model stay with
// their chat, and arrive at the model whole.
#include "tests/app/stranger.h"
#include "tests/ui/chat_desk.h"

#include <QClipboard>
#include <QDropEvent>
#include <QFile>
#include <QFileDialog>
#include <QMimeData>
#include <QUrl>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

QString written(const QTemporaryDir& folder, const QString& name, const QByteArray& bytes) {
    QFile file(folder.filePath(name));
    if (file.open(QIODevice::WriteOnly))
        file.write(bytes);
    return file.fileName();
}

std::unique_ptr<QMimeData> urls(const QStringList& paths) {
    auto data = std::make_unique<QMimeData>();
    QList<QUrl> all;
    for (const QString& path : paths)
        all.append(QUrl::fromLocalFile(path));
    data->setUrls(all);
    return data;
}

void pasteFile(ChatDesk& desk, const QString& path) {
    QGuiApplication::clipboard()->setMimeData(urls({path}).release());
    QTest::keyClick(desk.page->composer()->edit(), Qt::Key_V, Qt::ControlModifier);
}

bool hasFiles(ChatDesk& desk, const QStringList& names) {
    QStringList found;
    return QTest::qWaitFor(
        [&] {
            found.clear();
            for (const MessagePart& file : desk.page->composer()->files())
                found.append(file.name);
            return found == names;
        },
        5000);
}

/// What the model was asked last, as the service had it.
QString lastPrompt(const ChatDesk& desk) { return desk.answers.requests().back().turns.back().text; }

QPlainTextEdit* editor(const ChatDesk& desk) {
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    return desk.page->findChild<QPlainTextEdit*>(u"messageEditorText"_s);
}

} // namespace

class ChatUnsentTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void filesReachTheModel_data() {
        QTest::addColumn<QString>("by");
        for (const char* by : {"enter", "button", "menu"})
            QTest::newRow(by) << QString::fromLatin1(by);
    }
    void filesReachTheModel() {
        QFETCH(QString, by);
        ChatDesk desk(quickAnswer(u"Read."_s));
        const auto send = [&] {
            if (by == u"enter")
                desk.enter();
            else if (by == u"button")
                QTest::mouseClick(desk.find<QToolButton>(u"sendButton"_s), Qt::LeftButton);
            else
                desk.page->composer()->send();
        };
        pasteFile(desk, written(desk.folder, u"notes.md"_s, "the secret is 4711\n"));
        desk.type(u"What is in it?"_s);
        QVERIFY(hasFiles(desk, {u"notes.md"_s}));
        send();
        QVERIFY(desk.waitIdle());
        QVERIFY2(lastPrompt(desk).contains(u"the secret is 4711"_s), qPrintable(lastPrompt(desk)));
        QVERIFY(lastPrompt(desk).contains(u"What is in it?"_s));
        QCOMPARE(desk.thread().first().parts.first().name, u"notes.md"_s);
        QVERIFY(desk.page->composer()->files().isEmpty() && desk.page->composer()->text().isEmpty());
        // A file alone is a message too.
        pasteFile(desk, written(desk.folder, u"alone.txt"_s, "alone and whole"));
        QVERIFY(hasFiles(desk, {u"alone.txt"_s}));
        send();
        QVERIFY(desk.waitIdle());
        QCOMPARE(desk.thread().size(), 4);
        QVERIFY(lastPrompt(desk).contains(u"alone and whole"_s));
    }

    void enterRightAfterAPasteTakesTheFileAlong() {
        ChatDesk desk(quickAnswer(u"Read."_s));
        desk.type(u"And this?"_s);
        pasteFile(desk, written(desk.folder, u"late.txt"_s, "read too late"));
        desk.enter(); // the file is still being read
        desk.enter();
        QTRY_COMPARE(desk.thread().size(), 2);
        QVERIFY(lastPrompt(desk).contains(u"read too late"_s));
        QVERIFY(desk.waitIdle());
        QCOMPARE(desk.answers.requests().size(), 1u);
    }

    void refusedAlikeWhileAnAnswerRuns() {
        ChatDesk desk(slowAnswer());
        desk.ask(u"Long one"_s);
        QTRY_VERIFY(desk.lastText().size() > 10);
        pasteFile(desk, written(desk.folder, u"next.txt"_s, "for the next"));
        desk.type(u"then this"_s);
        QVERIFY(hasFiles(desk, {u"next.txt"_s}));
        desk.enter();
        desk.page->composer()->send();
        QCOMPARE(desk.page->composer()->text(), u"then this"_s);
        QVERIFY(hasFiles(desk, {u"next.txt"_s}));
        QVERIFY(desk.find<QLabel>(u"composerNotice"_s)->isVisible());
        desk.controller.chat().stop();
        QVERIFY(desk.waitIdle());
        desk.enter();
        QVERIFY(lastPrompt(desk).contains(u"for the next"_s));
    }

    void refusedAlikeWithoutAModel() {
        ChatDesk desk({}, {}, false);
        pasteFile(desk, written(desk.folder, u"a.txt"_s, "text"));
        desk.type(u"q"_s);
        QVERIFY(hasFiles(desk, {u"a.txt"_s}));
        desk.enter();
        desk.page->composer()->send();
        QCOMPARE(desk.page->composer()->text(), u"q"_s);
        QCOMPARE(desk.page->composer()->files().size(), 1);
        QVERIFY(desk.thread().isEmpty());
    }

    void filesStayWithTheirChat() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId first = desk.chat(u"first"_s);
        pasteFile(desk, written(desk.folder, u"of-first.txt"_s, "1"));
        desk.type(u"about it"_s);
        QVERIFY(hasFiles(desk, {u"of-first.txt"_s}));
        desk.page->newChat();
        QVERIFY(desk.page->composer()->files().isEmpty() && desk.page->composer()->text().isEmpty());
        pasteFile(desk, written(desk.folder, u"of-new.txt"_s, "2"));
        QVERIFY(hasFiles(desk, {u"of-new.txt"_s}));
        QVERIFY(desk.open(first));
        QVERIFY(hasFiles(desk, {u"of-first.txt"_s}));
        QCOMPARE(desk.page->composer()->text(), u"about it"_s);
        desk.page->newChat();
        QVERIFY(hasFiles(desk, {u"of-new.txt"_s}));
        QTest::mouseClick(desk.find<QToolButton>(u"removeFileButton-0"_s), Qt::LeftButton);
        QVERIFY(desk.open(first));
        desk.page->newChat();
        QVERIFY(hasFiles(desk, {}));
    }

    void aFileChosenAfterASwitchGoesWhereItWasWanted() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId first = desk.chat(u"first"_s);
        QTest::mouseClick(desk.find<QToolButton>(u"attachButton"_s), Qt::LeftButton);
        auto* dialog = desk.find<QFileDialog>(u"dialog.addFiles"_s);
        desk.controller.newChat();
        Q_EMIT dialog->filesSelected({written(desk.folder, u"chosen.txt"_s, "x")});
        dialog->close();
        QTest::qWait(200);
        QVERIFY(desk.page->composer()->files().isEmpty());
        QVERIFY(desk.open(first));
        QVERIFY(hasFiles(desk, {u"chosen.txt"_s}));
    }

    void unsentFilesAndTextSurviveARestart() {
        QTemporaryDir data;
        ConversationId first = 0;
        {
            ChatDesk desk(quickAnswer(u"ok"_s), data.path());
            first = desk.chat(u"first"_s);
            pasteFile(desk, written(data, u"kept.txt"_s, "kept over night"));
            QVERIFY(hasFiles(desk, {u"kept.txt"_s}));
            desk.type(u"unsent"_s);
            desk.page->newChat();
            desk.type(u"new and unsent"_s); // and quits at once
        }
        ChatDesk desk(quickAnswer(u"ok"_s), data.path());
        QTRY_COMPARE(desk.page->composer()->text(), u"new and unsent"_s);
        QVERIFY(desk.open(first));
        QCOMPARE(desk.page->composer()->text(), u"unsent"_s);
        QVERIFY(hasFiles(desk, {u"kept.txt"_s}));
        desk.enter();
        QVERIFY(desk.waitIdle());
        QVERIFY(lastPrompt(desk).contains(u"kept over night"_s));
        desk.page->newChat();
        QCOMPARE(desk.page->composer()->text(), u"new and unsent"_s);
    }

    void typedWhileTheFileIsHeldAtTheStart_data() {
        QTest::addColumn<bool>("readable");
        QTest::addColumn<bool>("sent");
        for (const bool readable : {true, false}) {
            for (const bool sent : {false, true})
                QTest::addRow("%s, %s", readable ? "writing is held" : "reading too",
                              sent ? "sent" : "not sent")
                    << readable << sent;
        }
    }
    void typedWhileTheFileIsHeldAtTheStart() {
        QFETCH(bool, readable);
        QFETCH(bool, sent);
        QTemporaryDir folder;
        {
            ChatDesk desk({}, folder.path());
            desk.type(u"Earlier. "_s);
        }
        {
            const auto desk = [&] {
                Stranger holder(folder.filePath(u"chats.sqlite"_s));
                if (!readable)
                    holder.run(u"PRAGMA journal_mode = DELETE"_s);
                holder.run(u"BEGIN EXCLUSIVE"_s);
                auto held = std::make_unique<ChatDesk>(quickAnswer(u"Yes."_s), folder.path());
                QSignalSpy problems(&held->store, &ConversationStore::problem);
                held->type(u"Later."_s);
                [&] { QTRY_VERIFY_WITH_TIMEOUT(!problems.isEmpty(), 5000); }();
                QTest::qWait(1500); // the draft is on its way to the store
                if (sent) {
                    held->enter();
                    held->waitIdle();
                }
                holder.run(u"ROLLBACK"_s);
                return held;
            }();
            QTRY_COMPARE_WITH_TIMEOUT(desk->store.unsaved(), 0, 8000);
            QTest::qWait(300);
            const QString written = desk->page->composer()->text();
            if (!sent)
                QCOMPARE(written, u"Earlier. Later."_s);
            else if (readable) // it stood before what was typed, and went with it
                QCOMPARE(desk->thread().first().text(), u"Earlier. Later."_s);
            else
                QCOMPARE(desk->thread().first().text(), u"Later."_s);
        }
        ChatDesk desk({}, folder.path());
        QTest::qWait(300);
        QCOMPARE(desk.page->composer()->text(), !sent      ? u"Earlier. Later."_s
                                                : readable ? QString()
                                                           : u"Earlier. "_s);
    }

    void theDraftOfANewChatDoesNotFollowIntoOneThatStreams() {
        ChatDesk desk(slowAnswer());
        desk.ask(u"long"_s);
        QTRY_VERIFY(desk.lastText().size() > 10);
        const ConversationId first = desk.controller.current();
        desk.page->newChat();
        desk.type(u"mine"_s);
        QVERIFY(desk.open(first));
        QCOMPARE(desk.page->composer()->text(), QString());
        desk.page->newChat();
        QCOMPARE(desk.page->composer()->text(), u"mine"_s);
        desk.controller.stop(first);
    }

    void aDeletedChatComesBackWithWhatWasJustTyped() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        const ConversationId first = desk.chat(u"first"_s);
        desk.type(u"half a sen"_s);
        desk.controller.deleteChat(first);
        QCOMPARE(desk.page->composer()->text(), QString());
        desk.page->undoDelete();
        QTRY_COMPARE(desk.controller.current(), first);
        QCOMPARE(desk.page->composer()->text(), u"half a sen"_s);
    }

    void aSamplePromptDoesNotCostWhatWasTyped() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        desk.type(u"my own words"_s);
        auto* sample = desk.find<QPushButton>(u"samplePrompt-1"_s);
        QTest::mouseClick(sample, Qt::LeftButton);
        QCOMPARE(desk.page->composer()->text(), sample->text());
        QTest::keyClick(desk.page->composer()->edit(), Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(desk.page->composer()->text(), u"my own words"_s);
    }

    // ---- Sends that wait for the model ----

    void aWaitingSendStaysWithItsChat() {
        FakeScript script = quickAnswer(u"ok"_s);
        ChatDesk desk(script);
        const ConversationId first = desk.chat(u"first"_s);
        desk.page->newChat();
        const ConversationId second = desk.chat(u"second"_s);
        desk.type(u"draft of the second"_s);
        script.load_seconds = 0.6;
        desk.answers.setScript(script);
        desk.model.use(u"other.gguf"_s);
        QVERIFY(desk.open(first));
        pasteFile(desk, written(desk.folder, u"w.txt"_s, "waits too"));
        QVERIFY(hasFiles(desk, {u"w.txt"_s}));
        desk.ask(u"for the first"_s);
        QVERIFY(desk.open(second));
        QCOMPARE(desk.page->composer()->text(), u"draft of the second"_s);
        QTRY_COMPARE(desk.answers.requests().size(), 3u);
        QVERIFY2(lastPrompt(desk).contains(u"for the first"_s), qPrintable(lastPrompt(desk)));
        QVERIFY(lastPrompt(desk).contains(u"waits too"_s));
        QCOMPARE(desk.answers.requests().back().conversation, first);
        QCOMPARE(desk.answers.requests().back().turns.size(), 3u);
        QCOMPARE(desk.page->composer()->text(), u"draft of the second"_s);
        QCOMPARE(desk.thread().size(), 2);
        QVERIFY(desk.open(first));
        QTRY_COMPARE(desk.page->thread()->messageCount(), 4);
        QCOMPARE(desk.page->composer()->text(), QString());
        QVERIFY(desk.page->composer()->files().isEmpty());
    }

    void aNewChatThatWaitsIsListedWhenItIsLeft() {
        FakeScript script = quickAnswer(u"ok"_s);
        script.load_seconds = 0.6;
        ChatDesk desk(script, {}, false);
        desk.model.use(u"m.gguf"_s);
        desk.ask(u"waiting question"_s);
        desk.page->newChat();
        QCOMPARE(desk.page->composer()->text(), QString());
        desk.type(u"another"_s);
        QTRY_COMPARE(desk.answers.requests().size(), 1u);
        QCOMPARE(lastPrompt(desk), u"waiting question"_s);
        QCOMPARE(desk.page->composer()->text(), u"another"_s);
        QVERIFY(desk.thread().isEmpty());
        QVERIFY(desk.open(desk.answers.requests().back().conversation));
        QTRY_COMPARE(desk.page->thread()->messageCount(), 2);
    }

    void escTakesAWaitingSendBack() {
        FakeScript script = quickAnswer(u"ok"_s);
        script.load_seconds = 0.3;
        ChatDesk desk(script, {}, false);
        desk.model.use(u"m.gguf"_s);
        desk.ask(u"not yet"_s);
        QTest::keyClick(desk.page->composer()->edit(), Qt::Key_Escape);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QTest::qWait(100);
        QVERIFY(desk.answers.requests().empty());
        QCOMPARE(desk.page->composer()->text(), u"not yet"_s);
    }

    void aModelThatFailsKeepsWhatWaits() {
        FakeScript script = quickAnswer(u"ok"_s);
        script.load_seconds = 0.3;
        script.load_error = u"The file is too short: fetch it again."_s;
        ChatDesk desk(script, {}, false);
        desk.model.use(u"broken.gguf"_s);
        pasteFile(desk, written(desk.folder, u"f.txt"_s, "file"));
        desk.type(u"waits"_s);
        QVERIFY(hasFiles(desk, {u"f.txt"_s}));
        desk.enter();
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        QCOMPARE(desk.page->composer()->text(), u"waits"_s);
        QCOMPARE(desk.page->composer()->files().size(), 1);
        QVERIFY(desk.page->toast()->sentence().contains(u"kept"_s));
        desk.answers.setScript(quickAnswer(u"ok"_s));
        desk.model.use(u"good.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QTest::qWait(50);
        QVERIFY(desk.answers.requests().empty()); // until it is sent again
        desk.enter();
        QTRY_COMPARE(desk.answers.requests().size(), 1u);
        QVERIFY(lastPrompt(desk).contains(u"waits"_s));
    }

    void aDeletedChatDoesNotSend() {
        FakeScript script = quickAnswer(u"ok"_s);
        ChatDesk desk(script);
        const ConversationId first = desk.chat(u"first"_s);
        script.load_seconds = 0.3;
        desk.answers.setScript(script);
        desk.model.use(u"other.gguf"_s);
        desk.ask(u"second"_s);
        desk.controller.deleteChat(first);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QTest::qWait(100);
        QCOMPARE(desk.answers.requests().size(), 1u);
        desk.page->undoDelete();
        QTRY_COMPARE(desk.controller.current(), first);
        QCOMPARE(desk.page->composer()->text(), u"second"_s);
    }

    // ---- Open edits ----

    void anOpenEditIsKept_data() {
        QTest::addColumn<QString>("by");
        for (const char* by : {"escape", "other chat", "new chat", "restart", "another edit"})
            QTest::newRow(by) << QString::fromLatin1(by);
    }
    void anOpenEditIsKept() {
        QFETCH(QString, by);
        QTemporaryDir data;
        auto desk = std::make_unique<ChatDesk>(quickAnswer(u"ok"_s), data.path());
        const ConversationId other = desk->chat(u"other"_s);
        desk->page->newChat();
        const ConversationId chat = desk->chat(u"question"_s);
        desk->page->editLastQuestion();
        QTest::keyClicks(editor(*desk), u" and much more"_s);
        if (by == u"escape") {
            QTest::keyClick(editor(*desk), Qt::Key_Escape);
        } else if (by == u"other chat") {
            QVERIFY(desk->open(other));
        } else if (by == u"new chat") {
            desk->page->newChat();
        } else if (by == u"restart") {
            desk.reset();
            desk = std::make_unique<ChatDesk>(quickAnswer(u"ok"_s), data.path());
        } else {
            desk->page->thread()->beginEdit(desk->lastId());
            QTest::keyClick(editor(*desk), Qt::Key_Escape);
        }
        QVERIFY(desk->open(chat));
        QTRY_COMPARE(desk->page->thread()->messageCount(), 2);
        QCOMPARE(desk->thread().first().text(), u"question"_s);
        // Who comes back to the chat finds the edit open, and the focus where it is in any chat.
        const bool came_back = by == u"other chat" || by == u"new chat" || by == u"restart";
        QCOMPARE(desk->page->thread()->editing(), came_back);
        if (came_back) {
            QCOMPARE(editor(*desk)->toPlainText(), u"question and much more"_s);
            QVERIFY(!editor(*desk)->hasFocus());
        }
        desk->page->editLastQuestion();
        QCOMPARE(editor(*desk)->toPlainText(), u"question and much more"_s);
        QTest::mouseClick(desk->page->findChild<QPushButton*>(u"messageEditorSave"_s), Qt::LeftButton);
        QVERIFY(desk->waitIdle());
        QCOMPARE(lastPrompt(*desk), u"question and much more"_s);
        desk->page->editLastQuestion(); // and that was it
        QCOMPARE(editor(*desk)->toPlainText(), u"question and much more"_s);
        QVERIFY(desk->page->thread()->edits().isEmpty());
    }

    void cancelThrowsTheEditAwayWithUndo() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        desk.chat(u"question"_s);
        desk.page->editLastQuestion();
        QTest::keyClicks(editor(desk), u" changed"_s);
        QTest::mouseClick(desk.page->findChild<QPushButton*>(u"messageEditorCancel"_s), Qt::LeftButton);
        QVERIFY(desk.page->thread()->edits().isEmpty());
        desk.page->toast()->findChild<QPushButton*>(u"toastAction"_s)->click();
        QVERIFY(editor(desk));
        QCOMPARE(editor(desk)->toPlainText(), u"question changed"_s);
    }

    void anEditThatCannotBeAskedStaysOpen() {
        ChatDesk desk(quickAnswer(u"ok"_s));
        desk.chat(u"question"_s);
        desk.page->editLastQuestion();
        QTest::keyClicks(editor(desk), u" changed"_s);
        desk.answers.setScript(slowAnswer());
        desk.page->regenerateLast();
        QTRY_VERIFY(desk.controller.busy() && desk.lastText().size() > 5);
        QVERIFY(editor(desk));
        QTest::keyClick(editor(desk), Qt::Key_Return, Qt::ControlModifier);
        QVERIFY(desk.page->thread()->editing());
        QCOMPARE(editor(desk)->toPlainText(), u"question changed"_s);
        QCOMPARE(desk.answers.requests().size(), 2u);
        desk.controller.chat().stop();
        QVERIFY(desk.waitIdle());
        QTest::keyClick(editor(desk), Qt::Key_Return, Qt::ControlModifier);
        QTRY_COMPARE(desk.answers.requests().size(), 3u);
        QCOMPARE(lastPrompt(desk), u"question changed"_s);
        desk.controller.chat().stop();
    }
};

QTEST_MAIN(ChatUnsentTest)
#include "tst_chat_unsent.moc"
