// Open chats by themselves: several at once, of one chat too, and chats of which nothing is written.
#include "store_fixture.h"

#include "app/services/chat_controller.h"
#include "tests/support/scripted_services.h"
#include "tests/support/written_words.h"

#include <QSignalSpy>
#include <QTemporaryDir>

#include <map>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// Runs whose events the test gives, as many at once as there are.
class HandRuns : public RunService {
  public:
    struct Run {
        GenerationRequest request;
        RunSink sink;
        bool cancelled = false;
        SequenceTuning tuning;
    };
    RunId submit(GenerationRequest request, QObject*, RunSink sink) override {
        runs[++last] = {std::move(request), std::move(sink), false, {}};
        return last;
    }
    void cancel(RunId run) override { runs[run].cancelled = true; }
    void setTuning(RunId run, const SequenceTuning& tuning) override { runs[run].tuning = tuning; }

    void say(RunId run, const QString& text) {
        RunEvent event;
        event.run = run;
        event.token.text = text.toStdString();
        runs[run].sink(run, {event});
    }
    void end(RunId run, FinishReason reason = FinishReason::EndOfTurn) {
        RunEvent event;
        event.kind = RunEvent::Kind::Finished;
        event.run = run;
        event.finish = reason;
        runs[run].sink(run, {event});
    }

    std::map<RunId, Run> runs;
    RunId last = 0;
};

} // namespace

class OpenChatTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<ConversationStore> store_;
    ScriptedModels models_{FakeScript()};
    HandRuns runs_;
    std::unique_ptr<CurrentModel> model_;

    OpenChat::Services services() { return {store_.get(), *model_, runs_}; }
    OpenChat::Services withoutStore() { return {nullptr, *model_, runs_}; }
    static Conversation named(ConversationId id) {
        Conversation chat;
        chat.summary.id = id;
        return chat;
    }

  private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        store_ = std::make_unique<ConversationStore>(folder_->path());
        model_ = std::make_unique<CurrentModel>(models_);
    }
    void cleanup() { store_.reset(); }

    void oneChatAnswersTwiceAtOnce() {
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        OpenChat first(services(), openOf(*store_, id));
        OpenChat second(services(), openOf(*store_, id), OpenChat::Cache::None);
        const MessageId question = first.conversation().thread()[0].id;
        QSignalSpy first_events(&first, &OpenChat::runEvents), second_events(&second, &OpenChat::runEvents);
        QVERIFY(first.answer(question));
        const RunId a = runs_.last;
        QVERIFY(second.answer(question));
        const RunId b = runs_.last;
        QVERIFY(a != b && first.busy() && second.busy());
        QCOMPARE(runs_.runs[a].request.conversation, id);
        QCOMPARE(runs_.runs[b].request.conversation, ConversationId(0)); // a cache has one run at a time
        Tuning tuning;
        tuning.sequence.temperature = 0.125f;
        second.setTuning(tuning);
        QCOMPARE(runs_.runs[b].tuning.temperature, 0.125);
        QVERIFY(first.conversation().tuning != tuning);
        for (int i = 0; i < 30; ++i) { // one token here, two there
            runs_.say(a, u"one "_s);
            runs_.say(b, u"two "_s);
            runs_.say(b, u"three "_s);
        }
        runs_.end(a);
        QVERIFY(!first.busy() && second.busy());
        runs_.say(b, u"end"_s);
        second.stop();
        QVERIFY(runs_.runs[b].cancelled);
        runs_.end(b, FinishReason::Stopped);
        QCOMPARE(first.conversation().thread()[1].text(), u"one "_s.repeated(30));
        QCOMPARE(second.conversation().thread()[1].text(), u"two three "_s.repeated(30) + u"end"_s);
        QCOMPARE(first_events.count(), 31);
        QCOMPARE(second_events.count(), 62);
        // Both are kept, as versions beside each other.
        const Conversation stored = openOf(*store_, id);
        QCOMPARE(stored.thread()[1].siblings.size(), 2);
        const Message* kept = stored.tree.find(first.conversation().thread()[1].id);
        QVERIFY(kept && kept->state == MessageState::Complete);
        QCOMPARE(kept->text(), u"one "_s.repeated(30));
        QCOMPARE(stored.thread()[1].text(), second.conversation().thread()[1].text());
        QCOMPARE(stored.thread()[1].tokenCount(), 61);
    }

    void differentChatsAnswerAtOnce() {
        std::vector<std::unique_ptr<OpenChat>> chats;
        for (int i = 0; i < 5; ++i) {
            const ConversationId id = chatWith(*store_, u"Chat %1"_s.arg(i), u"question"_s);
            chats.push_back(std::make_unique<OpenChat>(services(), openOf(*store_, id)));
            QVERIFY(chats.back()->send(u"and %1?"_s.arg(i)));
        }
        for (int word = 0; word < 10; ++word) {
            for (RunId run = runs_.last - 4; run <= runs_.last; ++run)
                runs_.say(run, u"%1 "_s.arg(run));
        }
        for (RunId run = runs_.last; run > runs_.last - 5; --run)
            runs_.end(run);
        for (int i = 0; i < 5; ++i) {
            const QString expected = u"%1 "_s.arg(runs_.last - 4 + RunId(i)).repeated(10);
            QCOMPARE(chats[size_t(i)]->conversation().thread().last().text(), expected);
            QCOMPARE(openOf(*store_, chats[size_t(i)]->id()).thread().last().text(), expected);
        }
    }

    void anAnswerThatIsCutByTheEndIsKept() {
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        {
            OpenChat chat(services(), openOf(*store_, id));
            QVERIFY(chat.answer(chat.conversation().thread()[0].id));
            runs_.say(runs_.last, u"as far as it came"_s);
        }
        QVERIFY(runs_.runs[runs_.last].cancelled);
        const Conversation stored = openOf(*store_, id);
        QCOMPARE(stored.thread()[1].text(), u"as far as it came"_s);
        QVERIFY(stored.thread()[1].state == MessageState::Stopped);
    }

    /// An answer that waited for its model is that model's, and can be run again.
    void anAnswerKnowsAModelThatLoadsLater() {
        FakeScript slow;
        slow.load_seconds = 0.1;
        models_.setScript(slow);
        model_->use(u"late.gguf"_s);
        QVERIFY(model_->state() == ModelState::Loading);
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        OpenChat chat(services(), openOf(*store_, id));
        QVERIFY(chat.answer(chat.conversation().thread()[0].id));
        QVERIFY(chat.conversation().thread()[1].model.isEmpty());
        QTRY_VERIFY(model_->state() == ModelState::Ready);
        runs_.say(runs_.last, u"some "_s);
        QCOMPARE(chat.conversation().thread()[1].model, u"late.gguf"_s);
        models_.unload(u"late.gguf"_s);
        runs_.say(runs_.last, u"more"_s);
        runs_.end(runs_.last);
        models_.load(u"late.gguf"_s);
        QTRY_VERIFY(model_->state() == ModelState::Ready);
        const Message stored = openOf(*store_, id).thread()[1];
        QCOMPARE(stored.model, u"late.gguf"_s);
        QVERIFY(!stored.model_fingerprint.isEmpty());
        QVERIFY(chat.runAgain(chat.conversation().thread()[1].id));
        runs_.end(runs_.last);
    }

    /// What is deleted while it grows is kept on as it ends, and is there when it is brought back.
    void deletedWhileItGrows() {
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        OpenChat chat(services(), openOf(*store_, id));
        QVERIFY(chat.answer(chat.conversation().thread()[0].id));
        const RunId run = runs_.last;
        const MessageId answer = chat.conversation().thread()[1].id;
        runs_.say(run, u"some "_s);
        QVERIFY(chat.removeMessage(answer));
        QVERIFY(runs_.runs[run].cancelled);
        runs_.say(run, u"more"_s); // before the cancel was heard of
        runs_.end(run, FinishReason::Stopped);
        QCOMPARE(chat.conversation().thread().size(), 1);
        chat.restoreMessage(answer);
        QCOMPARE(chat.conversation().thread()[1].text(), u"some more"_s);
        QCOMPARE(openOf(*store_, id).thread()[1].text(), u"some more"_s);
    }

    /// A message that was deleted before the chat was read comes back into the open chat, also while that
    /// answers.
    void whatWasDeletedBeforeComesBack() {
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        const MessageId question = openOf(*store_, id).thread()[0].id;
        const Message old = messageOf(id, question, Author::Assistant, u"old answer"_s);
        store_->append(old);
        store_->removeMessage(old.id);
        OpenChat chat(services(), openOf(*store_, id));
        QCOMPARE(chat.conversation().thread().size(), 1);
        QVERIFY(chat.answer(question));
        const RunId run = runs_.last;
        runs_.say(run, u"new "_s);
        chat.restoreMessage(old.id);
        QTRY_COMPARE(chat.conversation().thread().value(1).text(), u"old answer"_s);
        QCOMPARE(chat.conversation().thread()[1].siblings.size(), 2);
        runs_.say(run, u"answer"_s);
        runs_.end(run);
        chat.selectBranch(chat.conversation().thread()[1].siblings[1]);
        QCOMPARE(chat.conversation().thread()[1].text(), u"new answer"_s);
    }

    /// What happens between the question to the store and its answer stays.
    void whatComesWhileAChatIsReadAgainStays() {
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        const MessageId question = openOf(*store_, id).thread()[0].id;
        const Message first = messageOf(id, question, Author::Assistant, u"first"_s);
        const Message second = messageOf(id, question, Author::Assistant, u"second"_s);
        store_->append(first);
        store_->append(second);
        store_->removeMessage(first.id);
        OpenChat chat(services(), openOf(*store_, id));
        chat.restoreMessage(first.id);
        QThread::msleep(100); // it is read, and the answer waits for the event loop
        const MessageId edited = chat.editAnswer(second.id, u"edited"_s);
        QVERIFY(edited != 0);
        QTRY_COMPARE(chat.conversation().tree.siblings(edited), (QList{first.id, second.id, edited}));
        QCOMPARE(chat.conversation().thread()[1].text(), u"edited"_s);
        // The same with a run that begins meanwhile, and with one that ends.
        store_->removeMessage(first.id);
        OpenChat other(services(), openOf(*store_, id));
        other.restoreMessage(first.id);
        QThread::msleep(100);
        QVERIFY(other.regenerate(edited));
        const MessageId made = other.run()->message;
        QTRY_COMPARE(other.conversation().tree.siblings(made), (QList{first.id, second.id, edited, made}));
        store_->removeMessage(second.id);
        OpenChat third(services(), openOf(*store_, id), OpenChat::Cache::None);
        QVERIFY(third.regenerate(third.conversation().thread()[1].id));
        const MessageId ending = third.run()->message;
        third.restoreMessage(second.id);
        QThread::msleep(100);
        runs_.say(runs_.last, u"to its end"_s);
        runs_.end(runs_.last);
        QTRY_VERIFY(third.conversation().tree.has(second.id));
        QCOMPARE(third.conversation().tree.find(ending)->text(), u"to its end"_s);
        QVERIFY(third.conversation().tree.find(ending)->state == MessageState::Complete);
    }

    void whatIsBroughtBackWaitsForARemovedAnswer() {
        const ConversationId id = chatWith(*store_, u"Chat"_s, u"question"_s);
        const MessageId question = openOf(*store_, id).thread()[0].id;
        const Message old = messageOf(id, question, Author::Assistant, u"old answer"_s);
        store_->append(old);
        store_->removeMessage(old.id);
        OpenChat chat(services(), openOf(*store_, id));
        QVERIFY(chat.answer(question));
        QVERIFY(chat.removeMessage(chat.run()->message));
        chat.restoreMessage(old.id);
        listOf(*store_);
        QTest::qWait(50);
        runs_.end(runs_.last, FinishReason::Stopped);
        QTRY_COMPARE(chat.conversation().thread().value(1).text(), u"old answer"_s);
    }

    void nothingOfATemporaryChatIsWritten() {
        const QString secret = u"Wombat7391"_s;
        FakeScript script;
        script.tokens_per_second = 0;
        script.reply = [secret](const GenerationRequest& request) {
            return request.turns[0].text.contains(u"ordinary"_s) ? u"ordinary, too"_s
                                                                 : secret + u" answers"_s;
        };
        ScriptedServices answers(script);
        CurrentModel model(answers.models);
        model.use(u"fake.gguf"_s);
        QTRY_VERIFY(model.state() == ModelState::Ready);
        {
            ChatController controller(*store_, model, answers.runs);
            const auto idle = [&] { return QTest::qWaitFor([&] { return !controller.busy(); }, 10000); };
            QVERIFY(controller.send(u"an ordinary question"_s) && idle());
            const ConversationId ordinary = controller.current();
            controller.newTemporaryChat();
            const ConversationId id = controller.current();
            QVERIFY(id != 0 && controller.chat().isTemporary());
            controller.saveDraft(id, {secret + u" draft"_s, {}, {}});
            controller.addDraftFile(id, {PartKind::File, secret, secret + u".txt"_s, 0});
            QVERIFY(controller.send(secret + u" question"_s, {{PartKind::File, secret, u"a.txt"_s, 0}}));
            controller.saveRuns();
            QVERIFY(idle());
            QCOMPARE(controller.conversation().thread().last().text(), secret + u" answers"_s);
            const MessageId answer = controller.conversation().thread().last().id;
            QVERIFY(controller.chat().editAnswer(answer, secret + u" edited"_s) != 0);
            controller.chat().selectBranch(answer);
            QVERIFY(controller.chat().regenerate(answer) && idle());
            controller.deleteMessage(answer);
            controller.undo().undo();
            Tuning tuning = controller.tuning();
            tuning.sequence.temperature = 0.125f;
            controller.setTuning(tuning);
            QVERIFY(controller.send(u"more"_s) && idle());
            QTRY_COMPARE(store_->unsaved(), 0);
            QVERIFY(!isWritten(folder_->path(), secret + u" question"_s));
            QVERIFY(!isWritten(folder_->path(), u"Wombat"_s));
            QCOMPARE(listOf(*store_).size(), 1);
            QVERIFY(searchOf(*store_, secret).isEmpty());
            // It is gone once another is shown, also while it answers.
            QVERIFY(controller.send(u"once more"_s));
            controller.openChat(ordinary);
            QTRY_COMPARE(controller.current(), ordinary);
            QTRY_VERIFY(!controller.run(id));
            controller.openChat(id);
            QTest::qWait(50);
            QCOMPARE(controller.current(), ordinary);
            QCOMPARE(controller.list().chats().size(), 1);
        }
        store_.reset();
        QVERIFY(isWritten(folder_->path(), u"ordinary question"_s)); // the search itself finds what is there
        QVERIFY(!isWritten(folder_->path(), u"Wombat"_s));
    }

    void theSystemPromptIsTheFirstTurn() {
        ConversationId id = 0;
        {
            OpenChat chat(services(), {});
            chat.setSystemPrompt(u"Be brief."_s); // before the chat has begun
            ConversationSummary summary;
            summary.id = id = ConversationStore::newId();
            store_->create(id, u"Chat"_s, {});
            chat.begin(summary);
            QVERIFY(chat.send(u"question"_s));
            const std::vector<ChatTurn>& turns = runs_.runs[runs_.last].request.turns;
            QCOMPARE(turns.size(), 2u);
            QVERIFY(turns[0].author == Author::System && turns[1].author == Author::User);
            QCOMPARE(turns[0].text, u"Be brief."_s);
            QCOMPARE(chat.conversation().thread().size(), 2); // it is no message
            runs_.say(runs_.last, u"ok"_s);
            runs_.end(runs_.last);
        }
        OpenChat chat(services(), openOf(*store_, id));
        QCOMPARE(chat.conversation().system_prompt, u"Be brief."_s);
        QVERIFY(chat.continueAnswer(chat.conversation().thread()[1].id));
        QTRY_COMPARE(runs_.runs[runs_.last].request.turns.size(), 3u);
        QVERIFY(runs_.runs[runs_.last].request.turns[0].author == Author::System);
        runs_.end(runs_.last);
        chat.setSystemPrompt({});
        QVERIFY(chat.send(u"and now?"_s));
        QVERIFY(runs_.runs[runs_.last].request.turns[0].author == Author::User);
        QVERIFY(openOf(*store_, id).system_prompt.isEmpty());
    }

    void deletionsAreTakenBackInOrder() {
        UndoStack undo;
        QSignalSpy offered(&undo, &UndoStack::offered), changed(&undo, &UndoStack::changed);
        QStringList done;
        undo.chatDeleted(7, u"Notes"_s, [&] { done << u"chat"_s; });
        undo.messageDeleted(8, 0, true, [&] {
            done << u"message"_s;
            QVERIFY(undo.canUndo()); // the chat
        });
        QVERIFY(offered[0][0].toString().contains(u"Notes"_s));
        undo.undo();
        undo.undo();
        undo.undo();
        QCOMPARE(done, (QStringList{u"message"_s, u"chat"_s}));
        QVERIFY(!undo.canUndo());
        QCOMPARE(offered.count(), 2);
        QCOMPARE(changed.count(), 4);
    }

    void whatCannotComeBackIsNotOffered() {
        UndoStack undo;
        QStringList done;
        for (const ConversationId chat : {7, 8}) {
            undo.messageDeleted(chat, 0, true, [&done, chat] { done << u"message of %1"_s.arg(chat); });
            undo.chatDeleted(chat, u"Chat"_s, [&done, chat] { done << u"chat %1"_s.arg(chat); });
        }
        undo.chatRestored(8); // its message is deleted as before
        undo.chatGone(7);
        undo.undo();
        QCOMPARE(done, (QStringList{u"message of 8"_s}));
        QVERIFY(!undo.canUndo());
    }
};

QTEST_GUILESS_MAIN(OpenChatTest)
#include "tst_open_chat.moc"
