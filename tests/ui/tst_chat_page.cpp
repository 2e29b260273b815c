// The whole page over a real store and scripted services: what a user does, and what then is on the page.
#include "tests/support/time_limit.h"
#include "tests/ui/chat_desk.h"
#include "tests/ui/chat_fixtures.h"
#include "tests/ui/stall_meter.h"

#include <QScrollBar>
#include <QSignalSpy>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

using Setup = ChatDesk;

FakeScript quick(const QString& text) { return quickAnswer(text); }

} // namespace

class ChatPageTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void typesSendsAndReads() {
        Setup s(quick(u"The answer is **42**.\n\n```cpp\nint x;\n```"_s));
        QVERIFY(s.page->findChild<QWidget*>(u"emptyState"_s)->isVisible());
        s.type(u"What is it?"_s);
        s.enter();
        QVERIFY(s.page->composer()->text().isEmpty());
        QVERIFY(s.waitIdle());
        QCOMPARE(s.page->thread()->messageCount(), 2);
        QTRY_COMPARE(s.lastText(), u"The answer is **42**.\n\n```cpp\nint x;\n```"_s);
        QVERIFY(s.page->thread()->isVisible());
        QTRY_VERIFY(s.lastTools() && s.lastTools()->line().contains(u"6 experts"_s));
        QTRY_COMPARE(s.page->list()->model()->rowCount(), 1);
    }

    void samplePromptsFillTheField() {
        Setup s;
        auto* prompt = s.page->findChild<QPushButton*>(u"samplePrompt-1"_s);
        prompt->click();
        QCOMPARE(s.page->composer()->text(), prompt->text());
    }

    void stopsAndContinues() {
        FakeScript script = quick(u"word "_s.repeated(400));
        script.tokens_per_second = 200;
        Setup s(script);
        s.type(u"go"_s);
        s.enter();
        QTRY_VERIFY(s.lastText().size() > 20);
        QCOMPARE(s.page->findChild<QToolButton*>(u"sendButton"_s)->accessibleName(), u"Stop"_s);
        QVERIFY(s.page->handleEscape());
        QVERIFY(s.waitIdle());
        QCOMPARE(s.controller.conversation().thread().last().state, MessageState::Stopped);
        QVERIFY(!s.page->handleEscape()); // nothing left to end
        const qsizetype kept = s.lastText().size();
        s.answers.setScript(quick(u" and the rest"_s));
        s.click(u"continueButton"_s);
        QVERIFY(s.waitIdle());
        QTRY_VERIFY(s.lastText().size() > kept);
    }

    void channelsAreFoldedAndNotToldAgain() {
        Setup s(quick(u"<|channel|>analysis<|message|>The user asks for a city.<|end|><|start|>assistant"
                      "<|channel|>final<|message|>Paris."_s));
        s.type(u"Which city?"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        QTRY_COMPARE(s.lastText(), u"Paris."_s);
        QToolButton* fold = nullptr;
        QTRY_VERIFY((fold = s.page->findChild<QToolButton*>(u"foldButton-%1-0"_s.arg(s.lastId()))) !=
                    nullptr);
        QVERIFY2(fold->text().startsWith(u"Thought for"_s), qPrintable(fold->text()));
        s.type(u"Why?"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        const auto turns = s.answers.requests().back().turns;
        QCOMPARE(turns.size(), 3u);
        QCOMPARE(turns[1].text, u"Paris."_s);
    }

    void goesOnWhereTheLimitCut() {
        const QString whole = u"one two three four five six seven eight nine ten"_s;
        Setup s(quick(whole));
        Tuning tuning = s.controller.tuning();
        tuning.sequence.max_tokens = 4;
        s.controller.setTuning(tuning);
        s.type(u"count"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        QTRY_VERIFY(s.lastTools() &&
                    !s.lastTools()->findChild<QToolButton*>(u"continueButton"_s)->isHidden());
        tuning.sequence.max_tokens = 100;
        tuning.sequence.temperature = 0.2;
        s.controller.setTuning(tuning);
        s.click(u"continueButton"_s);
        QVERIFY(s.waitIdle());
        QTRY_COMPARE(s.lastText(), whole);
        const GenerationRequest request = s.answers.requests().back();
        QCOMPARE(request.turns.back().ids.size(), 4u);
        const RunRecord& run = s.controller.conversation().thread().last().run;
        QCOMPARE(run.tokens[4].latency_ms, 0.0); // reading the prompt again is no token's time
        QCOMPARE(run.timings.continued, 1);
        QTRY_VERIFY2(s.lastTools()->line().contains(u"0.7 \u2192 0.2"_s), qPrintable(s.lastTools()->line()));
    }

    /// Changes the answer that is shown last, by its button, and presses this one of the editor's.
    static void editAnswer(Setup& s, const QString& text, const QString& button) {
        QTRY_VERIFY(s.lastTools());
        s.click(u"editButton"_s);
        auto* edit = s.page->findChild<QPlainTextEdit*>(u"messageEditorText"_s);
        QVERIFY(edit);
        edit->setPlainText(text);
        QTest::mouseClick(s.page->findChild<QPushButton*>(button), Qt::LeftButton);
    }

    void editedAnswersGoOnFromTheirText() {
        Setup s(quick(u"one two three"_s));
        s.chat(u"count"_s);
        const MessageId original = s.lastId();
        s.answers.setScript(quick(u" and three"_s));
        editAnswer(s, u"one 2"_s, u"messageEditorContinue"_s);
        QVERIFY(s.waitIdle());
        const GenerationRequest request = s.answers.requests().back();
        QVERIFY(request.turns.back().ids.empty());
        QCOMPARE(request.turns.back().text, u"one 2"_s);
        QTRY_COMPARE(s.lastText(), u"one 2 and three"_s);
        QVERIFY(s.lastId() != original);
        const Message& edited = s.thread().last();
        QVERIFY(edited.has_run);
        QCOMPARE(edited.run.tokens.size(), 2u); // those that were made now
        s.click(u"previousBranchButton"_s);
        QCOMPARE(s.lastText(), u"one two three"_s);
    }

    void anEditedAnswerIsAVersionOfItsOwn() {
        Setup s(quick(u"one two three"_s));
        s.chat(u"count"_s);
        const ConversationId chat = s.chat(u"and on"_s);
        const MessageId first = s.thread()[1].id;
        s.page->thread()->scrollToMessage(first);
        QTRY_VERIFY(s.page->thread()->tools(first));
        s.page->thread()->tools(first)->findChild<QToolButton*>(u"editButton"_s)->click();
        s.page->findChild<QPlainTextEdit*>(u"messageEditorText"_s)->setPlainText(u"one 2 three"_s);
        QTest::mouseClick(s.page->findChild<QPushButton*>(u"messageEditorSave"_s), Qt::LeftButton);
        // The edited one has nothing under it; what followed the original is there with it.
        QCOMPARE(s.page->thread()->messageCount(), 2);
        QCOMPARE(s.lastText(), u"one 2 three"_s);
        QVERIFY(!s.thread().last().has_run && s.thread().last().model.isEmpty());
        QVERIFY(s.page->toast()->isVisible() && s.page->toast()->sentence().contains(u"stays"_s));
        QTRY_VERIFY(s.lastTools());
        QCOMPARE(s.lastTools()->findChild<QLabel*>(u"branchLabel"_s)->text(), u"2/2"_s);
        QVERIFY(s.page->thread()->edits().isEmpty());
        s.page->switchBranch(-1);
        QCOMPARE(s.page->thread()->messageCount(), 4);
        QCOMPARE(s.thread()[1].text(), u"one two three"_s);
        QCOMPARE(s.thread()[1].run.tokens.size(), 3u);
        s.page->switchBranch(1);
        QCOMPARE(s.lastText(), u"one 2 three"_s);
        // The same after the chat was read again, and when the edited one is deleted and brought back.
        s.page->newChat();
        QVERIFY(s.open(chat));
        QTRY_VERIFY(s.lastTools());
        QCOMPARE(s.lastText(), u"one 2 three"_s);
        s.click(u"deleteButton"_s);
        QCOMPARE(s.page->thread()->messageCount(), 4);
        s.page->undoDelete();
        QCOMPARE(s.lastText(), u"one 2 three"_s);
        // A text that was not changed makes no version.
        editAnswer(s, u"one 2 three"_s, u"messageEditorSave"_s);
        QCOMPARE(s.thread().last().siblings.size(), 2);
        QVERIFY(!s.page->thread()->editing());
    }

    /// An earlier answer with its own text: nothing goes on, and why is said.
    void anEarlierAnswerAsItWasIsNotContinued() {
        Setup s(quick(u"one two three"_s));
        s.chat(u"count"_s);
        s.chat(u"and on"_s);
        const MessageId first = s.thread()[1].id;
        const std::size_t asked = s.answers.requests().size();
        s.page->thread()->scrollToMessage(first);
        QTRY_VERIFY(s.page->thread()->tools(first));
        s.page->thread()->tools(first)->findChild<QToolButton*>(u"editButton"_s)->click();
        QTest::mouseClick(s.page->findChild<QPushButton*>(u"messageEditorContinue"_s), Qt::LeftButton);
        QVERIFY(s.page->toast()->isVisible() && s.page->toast()->sentence().contains(u"as it was"_s));
        QVERIFY(s.page->thread()->editing());
        QCOMPARE(s.page->findChild<QPlainTextEdit*>(u"messageEditorText"_s)->toPlainText(),
                 u"one two three"_s);
        QCOMPARE(s.page->thread()->messageCount(), 4);
        QCOMPARE(s.answers.requests().size(), asked);
    }

    /// Another version can be read while one is written, which goes on.
    void branchesAreSwitchedWhileItAnswers() {
        Setup s(quick(u"first"_s));
        s.chat(u"q"_s);
        const MessageId first = s.lastId();
        s.answers.setScript(slowAnswer(200));
        QTRY_VERIFY(s.lastTools());
        s.click(u"regenerateButton"_s);
        QTRY_VERIFY(s.lastText().size() > 20 && s.lastTools());
        const MessageId second = s.lastId();
        s.click(u"previousBranchButton"_s);
        QCOMPARE(s.lastId(), first); // at once
        QCOMPARE(s.lastText(), u"first"_s);
        QVERIFY(s.controller.busy());
        QTest::qWait(300);
        QCOMPARE(s.lastText(), u"first"_s);
        s.page->switchBranch(1);
        QCOMPARE(s.lastId(), second);
        QVERIFY(s.lastText().size() > 200);
        s.page->switchBranch(-1);
        QVERIFY(s.page->handleEscape());
        QVERIFY(s.waitIdle());
        s.page->switchBranch(1);
        QCOMPARE(s.thread().last().state, MessageState::Stopped);
        // Nothing of it is lost.
        const QString said = s.lastText();
        const ConversationId chat = s.controller.current();
        s.page->newChat();
        QVERIFY(s.open(chat));
        QCOMPARE(s.lastId(), second);
        QCOMPARE(s.lastText(), said);
    }

    void regeneratesAndSwitchesBranches() {
        Setup s(quick(u"first"_s));
        s.type(u"q"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        QTRY_VERIFY(s.lastTools());
        s.answers.setScript(quick(u"second"_s));
        s.click(u"regenerateButton"_s);
        QVERIFY(s.waitIdle());
        QTRY_COMPARE(s.lastText(), u"second"_s);
        QTRY_COMPARE(s.lastTools()->findChild<QLabel*>(u"branchLabel"_s)->text(), u"2/2"_s);
        s.click(u"previousBranchButton"_s);
        QTRY_COMPARE(s.lastText(), u"first"_s);
        QTRY_COMPARE(s.lastTools()->findChild<QLabel*>(u"branchLabel"_s)->text(), u"1/2"_s);
        s.page->switchBranch(1);
        QTRY_COMPARE(s.lastText(), u"second"_s);
    }

    void editsAQuestionAsABranch() {
        Setup s(quick(u"ok"_s));
        s.type(u"one"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        s.page->editLastQuestion();
        auto* edit = s.page->findChild<QPlainTextEdit*>(u"messageEditorText"_s);
        QVERIFY(edit);
        edit->setPlainText(u"two"_s);
        s.page->findChild<QPushButton*>(u"messageEditorSave"_s)->click();
        QVERIFY(s.waitIdle());
        QTRY_COMPARE(s.controller.conversation().thread().first().text(), u"two"_s);
        QCOMPARE(s.controller.conversation().thread().first().siblings.size(), 2);
    }

    void failuresStandUnderTheAnswer() {
        FakeScript script = quick(u"a b c d e f g h"_s);
        script.fail_at = 3;
        Setup s(script);
        s.type(u"q"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        const MessageContent* content = s.page->thread()->content(s.lastId());
        QTRY_COMPARE(content->state, MessageState::Failed);
        QCOMPARE(content->error, script.error);
    }

    void dialMovesLeaveAMark() {
        FakeScript script = quick(u"word "_s.repeated(200));
        script.tokens_per_second = 200;
        Setup s(script);
        s.type(u"q"_s);
        s.enter();
        QTRY_VERIFY(s.lastText().size() > 50);
        Tuning tuning = s.controller.tuning();
        tuning.sequence.experts = 3;
        s.controller.setTuning(tuning);
        const auto marks = [&] { return s.page->thread()->content(s.lastId())->marks.size(); };
        QTRY_COMPARE(marks(), 1u);
        s.controller.chat().stop();
        QVERIFY(s.waitIdle());
        QCOMPARE(marks(), 1u);
        QTRY_VERIFY(s.lastTools()->line().contains(u"\u2192 3 experts"_s));
    }

    void deletesWithUndo() {
        Setup s(quick(u"ok"_s));
        s.type(u"keep me"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        const ConversationId id = s.controller.current();
        Q_EMIT s.page->list()->deleteRequested(id);
        QTRY_COMPARE(s.page->list()->model()->rowCount(), 0);
        QVERIFY(s.page->toast()->isVisible());
        s.page->toast()->findChild<QPushButton*>(u"toastAction"_s)->click();
        QTRY_COMPARE(s.page->list()->model()->indexOf(id).isValid(), true);
        QTRY_COMPARE(s.page->thread()->messageCount(), 2);
        // A message too.
        s.click(u"deleteButton"_s);
        QTRY_COMPARE(s.page->thread()->messageCount(), 1);
        s.page->toast()->findChild<QPushButton*>(u"toastAction"_s)->click();
        QTRY_COMPARE(s.page->thread()->messageCount(), 2);
    }

    void draftsBelongToTheirChat() {
        Setup s(quick(u"ok"_s));
        s.type(u"first chat"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        const ConversationId first = s.controller.current();
        QSignalSpy saved(s.page->composer(), &Composer::draftChanged);
        s.type(u"unsent"_s);
        QTRY_COMPARE(saved.size(), 1);
        s.page->newChat();
        QTRY_VERIFY(s.page->composer()->text().isEmpty());
        s.controller.openChat(first);
        QTRY_COMPARE(s.page->composer()->text(), u"unsent"_s);
    }

    void whatWasJustTypedStaysWithItsChat() {
        Setup s(quick(u"ok"_s));
        s.type(u"first chat"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        const ConversationId first = s.controller.current();
        s.type(u"half a sen"_s);
        s.page->newChat(); // sooner than the draft is saved by itself
        QVERIFY(s.page->composer()->text().isEmpty());
        s.type(u"other"_s);
        Q_EMIT s.page->list()->chatActivated(first, 0);
        QTRY_COMPARE(s.page->composer()->text(), u"half a sen"_s);
        s.page->newChat();
        QCOMPARE(s.page->composer()->text(), u"other"_s);
    }

    void aRunStaysWithItsChat() {
        FakeScript script = quick(u"word "_s.repeated(300));
        script.tokens_per_second = 300;
        Setup s(script);
        s.type(u"long one"_s);
        s.enter();
        QTRY_VERIFY(s.lastText().size() > 10);
        const ConversationId first = s.controller.current();
        s.page->newChat();
        QCOMPARE(s.page->thread()->messageCount(), 0);
        QTRY_VERIFY(s.page->list()->model()->indexOf(first).data(ChatListModel::GeneratingRole).toBool());
        QCOMPARE(s.page->findChild<QToolButton*>(u"sendButton"_s)->accessibleName(), u"Send"_s);
        s.controller.openChat(first);
        QTRY_COMPARE(s.page->thread()->messageCount(), 2);
        QTRY_VERIFY(s.controller.run(first) == nullptr);
        QVERIFY(!s.page->list()->model()->indexOf(first).data(ChatListModel::GeneratingRole).toBool());
    }

    void waitsForTheModel() {
        FakeScript script = quick(u"ok"_s);
        script.load_seconds = 0.3;
        Setup s(script);
        s.model.use(u"other.gguf"_s);
        QCOMPARE(s.model.state(), ModelState::Loading);
        s.type(u"early"_s); // typing is never blocked
        s.enter();
        QCOMPARE(s.page->thread()->messageCount(), 0);
        QCOMPARE(s.page->composer()->text(), u"early"_s);
        QTRY_COMPARE(s.page->thread()->messageCount(), 2);
        QVERIFY(s.page->composer()->text().isEmpty());
        QVERIFY(s.waitIdle());
    }

    void searchesOpenAtTheHit() {
        Setup s(quick(u"The latent vector is small."_s));
        s.type(u"Tell me"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        s.page->newChat();
        s.page->focusSearch();
        QTest::keyClicks(s.page->list()->findChild<QLineEdit*>(u"chatSearch"_s), u"latent"_s);
        QTRY_VERIFY(s.page->list()->model()->searching());
        const ChatListModel* model = s.page->list()->model();
        const QModelIndex hit = model->index(0, 0, model->index(0, 0));
        QVERIFY(hit.data(ChatListModel::LineRole).toString().contains(u"latent"_s));
        Q_EMIT s.page->list()->chatActivated(hit.data(ChatListModel::IdRole).toLongLong(),
                                             hit.data(ChatListModel::MessageRole).toLongLong());
        QTRY_COMPARE(s.page->thread()->messageCount(), 2);
    }

    void findBarFinds() {
        Setup s(quick(u"alpha beta alpha"_s));
        s.type(u"q"_s);
        s.enter();
        QVERIFY(s.waitIdle());
        s.page->openFind();
        auto* edit = s.page->findChild<QLineEdit*>(u"findEdit"_s);
        QTest::keyClicks(edit, u"alpha"_s);
        auto* count = s.page->findChild<QLabel*>(u"findCount"_s);
        QTRY_COMPARE(count->text(), u"1 of 2"_s);
        QTest::keyClick(edit, Qt::Key_Return);
        QCOMPARE(count->text(), u"2 of 2"_s);
        QVERIFY(s.page->handleEscape());
        QVERIFY(!edit->isVisible());
    }

    /// 300 tokens a second into a long answer, in a thread with history: how long is the window not free?
    void uiStaysFreeAt300TokensASecond() {
        QString text;
        for (int i = 0; i < 12; ++i)
            text += sampleThread()[1].text() + u"\n\n"_s;
        FakeScript script = quick(text);
        script.tokens_per_second = 300;
        Setup s(script);
        Tuning tuning = s.controller.tuning();
        tuning.sequence.max_tokens = 8192;
        s.controller.setTuning(tuning);
        s.type(u"go"_s);
        s.enter();
        QTRY_VERIFY(s.lastText().size() > 100);
        StallMeter meter;
        meter.start();
        QTest::qWait(6000);
        meter.stop();
        const std::size_t tokens = s.controller.conversation().thread().last().run.tokens.size();
        qInfo("%zu tokens: longest work in one turn %.1f ms, longest gap by the clock %.1f ms, load %.0f %%",
              tokens, meter.longestBusy(), meter.longestGap(), 100 * meter.load());
        QVERIFY(tokens > 1000);
        QVERIFY(meter.ticks() > 10);
        QVERIFY2(meter.longestBusy() < 16 * test::kSanitizerSlowdown,
                 qPrintable(QString::number(meter.longestBusy())));
        s.controller.chat().stop();
        QVERIFY(s.waitIdle());
    }
};

QTEST_MAIN(ChatPageTest)
#include "tst_chat_page.moc"
