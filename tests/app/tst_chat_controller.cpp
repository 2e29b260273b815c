// What the window relies on: sending, stopping, branches, dials, and runs that stay with their chat.
#include "store_fixture.h"

#include "app/services/chat_controller.h"
#include "app/services/context_used.h"
#include "app/services/sql_connection.h"
#include "tests/support/scripted_services.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QSqlQuery>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

using namespace switchyard;

class ChatControllerTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<ConversationStore> store_;
    std::unique_ptr<ScriptedServices> answers_;
    std::unique_ptr<CurrentModel> model_;
    std::unique_ptr<ChatController> controller_;

    static FakeScript quick(const QString& text) {
        FakeScript script;
        script.text = text;
        script.tokens_per_second = 0;
        return script;
    }
    static FakeScript slow(const QString& text, double rate = 50) {
        FakeScript script = quick(text);
        script.tokens_per_second = rate;
        return script;
    }
    void begin(const FakeScript& script) {
        controller_.reset();
        model_.reset();
        answers_ = std::make_unique<ScriptedServices>(script);
        model_ = std::make_unique<CurrentModel>(answers_->models);
        if (!store_)
            store_ = std::make_unique<ConversationStore>(folder_->path());
        controller_ = std::make_unique<ChatController>(*store_, *model_, answers_->runs);
    }
    const QList<Message>& thread() const { return controller_->conversation().thread(); }
    const Message& last() const { return thread().last(); }
    void restart(const FakeScript& script) {
        controller_.reset();
        model_.reset();
        answers_.reset();
        store_.reset();
        begin(script);
    }
    bool sendAndWait(const QString& text) {
        return controller_->send(text) && QTest::qWaitFor([this] { return !controller_->busy(); }, 10000);
    }

  private Q_SLOTS:
    void initTestCase() { QStandardPaths::setTestModeEnabled(true); }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void cleanup() {
        controller_.reset();
        model_.reset();
        answers_.reset();
        store_.reset();
    }

    void asksAndAnswers() {
        begin(quick(QStringLiteral("Four.")));
        QSignalSpy threads(controller_.get(), &ChatController::threadChanged);
        QVERIFY(!controller_->send(QStringLiteral("  ")));
        QVERIFY(controller_->send(QStringLiteral("What is two plus two?")));
        QCOMPARE(thread().size(), 2); // shown at once, before anything is stored
        QCOMPARE(threads.count(), 1);
        QVERIFY(controller_->busy());
        QVERIFY(!controller_->send(QStringLiteral("impatient")));
        QTRY_VERIFY(!controller_->busy());
        QCOMPARE(last().text(), QStringLiteral("Four."));
        QVERIFY(last().state == MessageState::Complete);
        QVERIFY(last().run.settings.sequence.seed != 0);
        QTRY_COMPARE(controller_->list().chats().size(), 1);
        QCOMPARE(controller_->list().chats()[0].title, QStringLiteral("What is two plus two?"));
        QVERIFY(sendAndWait(QStringLiteral("And three?")));
        QCOMPARE(thread().size(), 4);
        const auto requests = answers_->requests();
        QCOMPARE(requests.back().turns.size(), 3u);
        QCOMPARE(requests.back().turns[1].text, QStringLiteral("Four."));

        const ConversationId id = controller_->current();
        restart({});
        QTRY_COMPARE(controller_->list().chats().size(), 1);
        controller_->openChat(id);
        QTRY_COMPARE(thread().size(), 4);
        QCOMPARE(thread()[1].text(), QStringLiteral("Four."));
        QCOMPARE(thread()[1].tokenCount(), 1);
        QVERIFY(thread()[1].run.tokens.empty());
        controller_->chat().needTokens({thread()[1].id});
        QTRY_COMPARE(thread()[1].run.tokens.size(), 1u);
    }

    void longTitlesAreCut() {
        begin(quick(QStringLiteral("a")));
        QVERIFY(sendAndWait(
            QStringLiteral("\n# Please explain in a few words how multi-head latent attention saves "
                           "memory beside grouped queries\nsecond line")));
        const QString title = controller_->conversation().summary.title;
        QVERIFY(title.startsWith(QStringLiteral("How multi-head latent attention")));
        QVERIFY(title.size() <= 50);
        QVERIFY(title.endsWith(QChar(0x2026)));
    }

    void stopKeepsWhatIsThere() {
        begin(slow(QStringLiteral("word ").repeated(2000), 200));
        controller_->send(QStringLiteral("go"));
        QTRY_VERIFY(last().text().size() > 50);
        controller_->chat().stop();
        QTRY_VERIFY(!controller_->busy());
        QVERIFY(last().state == MessageState::Stopped);
        QVERIFY(last().text().size() > 50);
        QVERIFY(last().run.finish == FinishReason::Stopped);
        QVERIFY(openOf(*store_, controller_->current()).thread().last().state == MessageState::Stopped);
    }

    void failureStandsUnderTheMessage() {
        FakeScript script = quick(QStringLiteral("one two three four"));
        script.fail_at = 2;
        begin(script);
        QVERIFY(sendAndWait(QStringLiteral("go")));
        QVERIFY(last().state == MessageState::Failed);
        QCOMPARE(last().error, script.error);
        QCOMPARE(last().text(), QStringLiteral("one two"));
        QVERIFY(sendAndWait(QStringLiteral("again")));
        const Conversation stored = openOf(*store_, controller_->current());
        QCOMPARE(stored.thread()[1].error, script.error);
    }

    void runStaysWithItsChat() {
        FakeScript script = slow({}, 100);
        script.reply = [](const GenerationRequest& request) {
            return (request.turns[0].text + QLatin1Char(' ')).repeated(60);
        };
        begin(script);
        controller_->send(QStringLiteral("first"));
        const ConversationId first = controller_->current();
        QTRY_VERIFY(last().text().size() > 20);
        controller_->newChat();
        QCOMPARE(thread().size(), 0);
        controller_->send(QStringLiteral("second"));
        const ConversationId second = controller_->current();
        QVERIFY(controller_->run(first) != nullptr);
        // One answer at a time: the second waits its turn, visibly.
        QVERIFY(controller_->run(second)->phase == RunStatus::Phase::Queued);
        QTRY_VERIFY(controller_->run(second) &&
                    controller_->run(second)->phase == RunStatus::Phase::Decoding);
        QVERIFY(controller_->run(first) == nullptr);
        controller_->openChat(first);
        QTRY_COMPARE(controller_->current(), first);
        QCOMPARE(last().text().trimmed(), QStringLiteral("first ").repeated(60).trimmed());
        QTRY_VERIFY(controller_->run(second) == nullptr);
        const Conversation other = openOf(*store_, second);
        QCOMPARE(other.thread().last().text().trimmed(), QStringLiteral("second ").repeated(60).trimmed());
        QVERIFY(other.thread().last().state == MessageState::Complete);
    }

    void comingBackShowsWhatStreamed() {
        begin(slow(QStringLiteral("word ").repeated(400), 300));
        controller_->send(QStringLiteral("q"));
        const ConversationId id = controller_->current();
        QTest::qWait(150);
        controller_->newChat();
        QTest::qWait(150);
        QSignalSpy shown(controller_.get(), &ChatController::threadChanged);
        controller_->openChat(id);
        QTRY_COMPARE(shown.count(), 1);
        // Nothing of the last 300 ms is missing although the last autosave may be older.
        QVERIFY2(last().run.tokens.size() > 50, qPrintable(QString::number(last().run.tokens.size())));
        QVERIFY(last().state == MessageState::Streaming);
        QTRY_VERIFY(!controller_->busy());
        QCOMPARE(last().run.tokens.size(), splitText(QStringLiteral("word ").repeated(400)).size());
        QCOMPARE(last().text(), QStringLiteral("word ").repeated(400));
    }

    void regeneratesAsABranch() {
        int count = 0;
        FakeScript script = quick({});
        script.reply = [&](const GenerationRequest&) { return QStringLiteral("answer %1").arg(++count); };
        begin(script);
        QVERIFY(sendAndWait(QStringLiteral("q")));
        const MessageId first = last().id;
        const std::uint64_t seed = last().run.settings.sequence.seed;
        controller_->chat().regenerate(first);
        QTRY_VERIFY(!controller_->busy());
        QCOMPARE(thread().size(), 2);
        QCOMPARE(last().text(), QStringLiteral("answer 2"));
        QCOMPARE(last().siblings, (QList<MessageId>{first, last().id}));
        QVERIFY(last().run.settings.sequence.seed != seed);
        controller_->chat().selectBranch(first);
        QTRY_COMPARE(last().text(), QStringLiteral("answer 1"));
        QCOMPARE(last().siblings.size(), 2);
    }

    void runsAgainExactly() {
        begin(slow(QStringLiteral("word ").repeated(100), 400));
        controller_->send(QStringLiteral("q"));
        QTRY_VERIFY(last().run.tokens.size() > 10);
        Tuning tuning = controller_->tuning();
        tuning.sequence.temperature = 1.25;
        controller_->setTuning(tuning);
        QTRY_VERIFY(!controller_->busy());
        const RunRecord record = last().run;
        QCOMPARE(record.moves.size(), 1u);
        QCOMPARE(record.moves[0].name, std::string("temperature"));
        controller_->chat().runAgain(last().id);
        QTRY_VERIFY(!controller_->busy());
        QCOMPARE(last().run.settings.sequence.seed, record.settings.sequence.seed);
        QCOMPARE(last().run.settings.sequence.temperature, record.settings.sequence.temperature);
        QCOMPARE(last().run.moves.size(), 1u);
        QCOMPARE(last().run.moves[0].token, record.moves[0].token);
        QCOMPARE(last().siblings.size(), 2);
        QSignalSpy refused(controller_.get(), &ChatController::refused);
        model_->use(QStringLiteral("another.gguf"));
        QTRY_VERIFY(model_->state() == ModelState::Ready);
        controller_->chat().runAgain(last().id);
        QVERIFY(!controller_->busy());
        QCOMPARE(refused.count(), 1);
    }

    void editsAQuestionAsABranch() {
        FakeScript script = quick({});
        script.reply = [](const GenerationRequest& request) { return request.turns.back().text; };
        begin(script);
        QVERIFY(sendAndWait(QStringLiteral("one")));
        QVERIFY(sendAndWait(QStringLiteral("two")));
        const MessageId second = thread()[2].id;
        controller_->chat().editQuestion(second, QStringLiteral("zwei"));
        QTRY_VERIFY(!controller_->busy());
        QCOMPARE(thread().size(), 4);
        QCOMPARE(last().text(), QStringLiteral("zwei"));
        QCOMPARE(thread()[2].siblings.size(), 2);
        controller_->chat().editQuestion(thread()[0].id, QStringLiteral("eins"));
        QTRY_VERIFY(!controller_->busy());
        QCOMPARE(thread().size(), 2);
        controller_->chat().selectBranch(second);
        QTRY_COMPARE(thread().size(), 4);
        QCOMPARE(last().text(), QStringLiteral("two"));
    }

    void contextIsKnownWhileTheAnswerComes() {
        FakeScript script = slow(QStringLiteral("a b c d e f g h i j k l m n o p q r s t u v w x y z"), 100);
        script.prompt_tokens = 40;
        begin(script);
        QCOMPARE(contextUsed(controller_->conversation()), 0);
        controller_->send(QStringLiteral("alphabet"));
        QTRY_VERIFY(last().run.tokens.size() >= 3);
        QVERIFY(controller_->busy());
        QCOMPARE(contextUsed(controller_->conversation()), 40 + static_cast<int>(last().run.tokens.size()));
    }

    void anEditedAnswerCountsByItsLength() {
        FakeScript script = quick(QStringLiteral("one two three four"));
        script.prompt_tokens = 40;
        begin(script);
        controller_->send(QStringLiteral("count"));
        QTRY_VERIFY(!controller_->busy());
        const int before = contextUsed(controller_->conversation());
        QCOMPARE(before, 44);
        controller_->chat().editAnswer(last().id, QStringLiteral("one two"));
        QVERIFY(!last().has_run);
        const int after = contextUsed(controller_->conversation());
        QVERIFY2(after > 40 && after < before, qPrintable(QString::number(after)));
    }

    void continuesAnAnswer() {
        FakeScript script = slow(QStringLiteral("a b c d e f g h i j k l m n o p q r s t u v w x y z"), 100);
        begin(script);
        controller_->send(QStringLiteral("alphabet"));
        QTRY_VERIFY(last().run.tokens.size() >= 5);
        controller_->chat().stop();
        QTRY_VERIFY(!controller_->busy());
        const std::size_t before = last().run.tokens.size();
        QVERIFY(before < 26);
        const int prompt = last().run.timings.prompt_tokens;
        QVERIFY(prompt > 0);
        controller_->chat().continueAnswer(last().id);
        QTRY_VERIFY(!controller_->busy());
        // The second run read the first one's tokens as its prompt: they count once.
        QCOMPARE(last().run.timings.prompt_tokens, prompt);
        QCOMPARE(contextUsed(controller_->conversation()), prompt + 26);
        QCOMPARE(last().text(), script.text);
        QCOMPARE(last().run.tokens.size(), 26u);
        QCOMPARE(last().run.timings.generated_tokens, 26);
        QVERIFY(answers_->requests().back().continue_last);
        QVERIFY(last().state == MessageState::Complete);
    }

    void deletesWithUndo() {
        begin(quick(QStringLiteral("answer")));
        QVERIFY(sendAndWait(QStringLiteral("one")));
        QVERIFY(sendAndWait(QStringLiteral("two")));
        QSignalSpy undo(&controller_->undo(), &UndoStack::offered);
        controller_->deleteMessage(thread()[2].id);
        QCOMPARE(thread().size(), 2);
        controller_->undo().undo();
        QTRY_COMPARE(thread().size(), 4);
        const ConversationId id = controller_->current();
        controller_->deleteChat(id);
        QCOMPARE(controller_->current(), 0);
        QTRY_COMPARE(controller_->list().chats().size(), 0);
        controller_->undo().undo();
        QTRY_COMPARE(controller_->current(), id);
        QTRY_COMPARE(controller_->list().chats().size(), 1);
        QCOMPARE(undo.count(), 2);
    }

    void aDeletedFolderComesBackInItsPlace() {
        begin(quick(QStringLiteral("answer")));
        QVERIFY(sendAndWait(QStringLiteral("one")));
        const ConversationId stays = controller_->current();
        controller_->newChat();
        QVERIFY(sendAndWait(QStringLiteral("two")));
        const ConversationId moves = controller_->current();
        ChatListService& list = controller_->list();
        const FolderId first = list.createFolder(QStringLiteral("First"));
        const FolderId second = list.createFolder(QStringLiteral("Second"));
        list.moveToFolder(stays, first);
        list.moveToFolder(moves, first);
        controller_->deleteFolder(first);
        list.moveToFolder(moves, second);
        QSignalSpy changed(&list, &ChatListService::changed);
        controller_->undo().undo();
        QCOMPARE(changed.count(), 1);
        QCOMPARE(list.folders().value(0).id, first);
        QCOMPARE(list.find(stays)->folder, first);
        QCOMPARE(list.find(moves)->folder, second);
    }

    /// It is on its way to be shown when it is deleted.
    void whatIsDeletedWhileItOpensIsNotShown() {
        begin(quick(QStringLiteral("answer")));
        QVERIFY(sendAndWait(QStringLiteral("one")));
        const ConversationId id = controller_->current();
        controller_->newChat();
        QTRY_COMPARE(store_->unsaved(), 0);
        controller_->openChat(id);
        QThread::msleep(100); // it is read, and the answer waits for the event loop
        controller_->deleteChat(id);
        listOf(*store_);
        QTest::qWait(50);
        QCOMPARE(controller_->current(), 0);
        controller_->undo().undo();
        QTRY_COMPARE(controller_->current(), id);
    }

    /// At any moment a question's words are on the disk as the draft or as the question.
    void aSentDraftIsNeverNowhere() {
        begin(quick(QStringLiteral("answer")));
        QVERIFY(listOf(*store_).isEmpty()); // the file is there
        {
            Connection file(folder_->filePath(QStringLiteral("chats.sqlite")));
            runQuery(*file, QStringLiteral("CREATE TABLE emptied(words INTEGER)"), {});
            runQuery(*file,
                     QStringLiteral("CREATE TRIGGER emptying AFTER UPDATE OF draft ON conversations"
                                    " WHEN old.draft <> '' AND new.draft = '' BEGIN INSERT INTO emptied"
                                    " SELECT (SELECT count(*) FROM parts WHERE text = 'my words')"
                                    " + (SELECT count(*) FROM conversations WHERE draft LIKE '%my words%');"
                                    " END"),
                     {});
        }
        for (int i = 0; i < 2; ++i) { // as a chat's first question, and in a chat that is there
            controller_->saveDraft(controller_->current(), {QStringLiteral("my words"), {}, {}});
            QTRY_COMPARE(store_->unsaved(), 0);
            QVERIFY(sendAndWait(QStringLiteral("my words")));
        }
        controller_->newChat();
        controller_->saveDraft(0, {QStringLiteral("my words"), {}, {}});
        controller_->sendWhenReady();
        QTRY_COMPARE(store_->unsaved(), 0);
        controller_->newChat(); // the one that waits gets a place in the list
        QTRY_COMPARE(store_->unsaved(), 0);
        Connection file(folder_->filePath(QStringLiteral("chats.sqlite")));
        QSqlQuery rows = runQuery(*file, QStringLiteral("SELECT words FROM emptied ORDER BY rowid"), {});
        QList<int> found;
        while (rows.next())
            found.append(rows.value(0).toInt());
        QCOMPARE(found, (QList{1, 2, 3}));
    }

    void foldsThinkingAway_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("thinking");
        QTest::addColumn<QString>("said");
        QTest::newRow("plain") << QStringLiteral("just text <b>") << QString()
                               << QStringLiteral("just text <b>");
        QTest::newRow("thinks") << QStringLiteral("<think>\nhm < 3\n</think>\n\nYes.")
                                << QStringLiteral("\nhm < 3\n") << QStringLiteral("\n\nYes.");
        QTest::newRow("speaks of it")
            << QStringLiteral("The <think> tag") << QString() << QStringLiteral("The <think> tag");
        QTest::newRow("never ends") << QStringLiteral("<think>and so </thin")
                                    << QStringLiteral("and so </thin") << QString();
        QTest::newRow("nearly a tag") << QStringLiteral("<thing") << QString() << QStringLiteral("<thing");
        QTest::newRow("cut in the tag") << QStringLiteral("<thi") << QString() << QStringLiteral("<thi");
    }
    void foldsThinkingAway() {
        QFETCH(QString, text);
        QFETCH(QString, thinking);
        QFETCH(QString, said);
        begin(quick(text));
        QVERIFY(sendAndWait(QStringLiteral("q")));
        QString thought;
        for (const MessagePart& part : last().parts) {
            if (part.kind == PartKind::Thinking)
                thought += part.text;
        }
        QCOMPARE(thought, thinking);
        QCOMPARE(last().text(), said);
    }

    void dialsBelongToTheChatAndTheModel() {
        begin(quick(QStringLiteral("a")));
        model_->use(QStringLiteral("m.gguf"));
        QTRY_VERIFY(model_->state() == ModelState::Ready);
        QCOMPARE(controller_->tuning().sequence.experts, 6); // the model's own
        Tuning tuning = controller_->tuning();
        tuning.sequence.temperature = 0.1;
        tuning.model.weights = BlockType::Q4_K;
        QSignalSpy recode(model_.get(), &CurrentModel::recodeProgress);
        controller_->setTuning(tuning);
        QVERIFY(recode.count() > 0);
        QVERIFY(sendAndWait(QStringLiteral("q")));
        const ConversationId id = controller_->current();
        controller_->newChat();
        QCOMPARE(controller_->tuning().sequence.temperature, 0.7);
        QVERIFY(controller_->tuning().model.weights == BlockType::Q4_K); // the model's, for all chats
        controller_->openChat(id);
        QTRY_COMPARE(controller_->tuning().sequence.temperature, 0.1);
    }

    void aModelThatAnotherTunedKeepsItsPrecision() {
        begin(slow(QStringLiteral("word ").repeated(5000), 100));
        model_->use(QStringLiteral("a.gguf"));
        QTRY_VERIFY(model_->state() == ModelState::Ready);
        controller_->send(QStringLiteral("q"));
        const ConversationId answering = controller_->current();
        controller_->newChat();
        const QString shared = QStringLiteral("shared.gguf");
        answers_->models.load(shared);
        QTRY_VERIFY(answers_->models.state(shared) == ModelState::Ready);
        answers_->models.setModelTuning(shared, {BlockType::Q4_K});
        model_->use(shared);
        QVERIFY(controller_->tuning().model.weights == BlockType::Q4_K);
        controller_->newChat();
        QVERIFY(controller_->tuning().model.weights == BlockType::Q4_K);
        QVERIFY(controller_->run(answering) != nullptr); // by the model that it asked
        controller_->openChat(answering);
        QCOMPARE(controller_->current(), answering);
        QVERIFY(controller_->tuning().model.weights == BlockType::Q4_K);
        QVERIFY(model_->tuning().weights == BlockType::Q4_K);
    }

    void aChatBegunBeforeItsModelTakesTheModelsDials() {
        FakeScript script = quick(QStringLiteral("an answer of some words"));
        script.capabilities.defaults.sequence.temperature = 0.2;
        begin(script);
        QCOMPARE(controller_->tuning().sequence.temperature, 0.7); // nothing is known yet
        QVERIFY(sendAndWait(QStringLiteral("q")));
        const ConversationId id = controller_->current();
        model_->use(QStringLiteral("m.gguf"));
        QTRY_COMPARE(controller_->tuning().sequence.temperature, 0.2);
        controller_->newChat();
        controller_->openChat(id);
        QTRY_COMPARE(controller_->current(), id);
        QCOMPARE(controller_->tuning().sequence.temperature, 0.2); // stored with the chat
    }

    void aDialMovedBeforeTheModelIsThereStays() {
        FakeScript script = quick(QStringLiteral("a"));
        script.capabilities.defaults.sequence.temperature = 0.2;
        begin(script);
        Tuning tuning = controller_->tuning();
        tuning.sequence.temperature = 1.3;
        controller_->setTuning(tuning);
        model_->use(QStringLiteral("m.gguf"));
        QTRY_VERIFY(model_->state() == ModelState::Ready);
        QCOMPARE(controller_->tuning().sequence.temperature, 1.3);
    }

    void filesGoInFrontOfTheQuestion() {
        begin(quick(QStringLiteral("a")));
        controller_->send(QStringLiteral("What is this?"),
                          {{PartKind::File, QStringLiteral("int x;"), QStringLiteral("x.cpp"), 0}});
        QTRY_VERIFY(!controller_->busy());
        const QString sent = answers_->requests().back().turns[0].text;
        QVERIFY(sent.startsWith(QStringLiteral("x.cpp:\n```\nint x;")));
        QVERIFY(sent.endsWith(QStringLiteral("What is this?")));
        QCOMPARE(thread()[0].text(), QStringLiteral("What is this?"));
    }

    void closingWhileItStreamsKeepsTheAnswer() {
        begin(slow(QStringLiteral("word ").repeated(5000), 300));
        controller_->send(QStringLiteral("q"));
        QTRY_VERIFY(last().text().size() > 100);
        const ConversationId id = controller_->current();
        restart({});
        const Conversation chat = openOf(*store_, id);
        QVERIFY(chat.thread().last().state == MessageState::Stopped);
        QVERIFY(chat.thread().last().text().size() > 100);
    }

    /// No turn of the event loop may take over 16 ms at 300 tokens/s: what the window has left to draw in.
    void neverHoldsUpTheWindow() {
        begin(slow(QStringLiteral("word ").repeated(900), 300));
        controller_->send(QStringLiteral("q"));
        QElapsedTimer turn;
        qint64 longest = 0;
        while (controller_->busy()) {
            turn.start();
            QCoreApplication::processEvents();
            longest = std::max(longest, turn.nsecsElapsed());
            QThread::msleep(1);
        }
        qInfo("longest turn of the event loop at 300 tokens/s: %.2f ms", static_cast<double>(longest) / 1e6);
        QCOMPARE(last().run.tokens.size(), splitText(QStringLiteral("word ").repeated(900)).size());
        QVERIFY(longest < 100000000); // a busy machine may take the processor away; the figure is printed
    }
};

QTEST_GUILESS_MAIN(ChatControllerTest)
#include "tst_chat_controller.moc"
