// Copies of whole chats, and what became of chats that were deleted.
#include "store_fixture.h"
#include "stranger.h"

#include "app/services/chat_controller.h"
#include "tests/support/scripted_services.h"
#include "tests/support/time_limit.h"

#include <QSignalSpy>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

RunRecord recordOf(const QStringList& words) {
    RunRecord record;
    record.settings.sequence.temperature = 0.25;
    record.settings.sequence.seed = 77;
    record.finish = FinishReason::EndOfTurn;
    for (const QString& word : words) {
        TokenRecord token;
        token.id = static_cast<int>(record.tokens.size()) + 5;
        token.text = word.toStdString();
        record.tokens.push_back(token);
    }
    return record;
}

Message answerTo(const Message& question, const QStringList& words, const QString& model = u"m.gguf"_s) {
    Message answer = messageOf(question.conversation, question.id, Author::Assistant, words.join(QString()));
    answer.run = recordOf(words);
    answer.has_run = true;
    answer.model = model;
    answer.model_fingerprint = u"abc"_s;
    return answer;
}

QList<ConversationSummary> removedOf(ConversationStore& store) {
    return wait<QList<ConversationSummary>>(
        [&](auto* context, auto answer) { store.listRemoved(context, answer); });
}

/// Copies it, and waits until the copy can be opened.
ConversationId copyOf(ConversationStore& store, ConversationId id, const QString& title = u"Copy"_s) {
    const ConversationId copy = ConversationStore::newId();
    QObject context;
    bool done = false;
    store.duplicate(id, copy, title, &context, [&] { done = true; });
    if (!QTest::qWaitFor([&] { return done; }, 10000))
        qFatal("it was not copied");
    return copy;
}

/// All that is said in the shown branch, with how many versions there are.
QStringList saidIn(const Conversation& chat) {
    QStringList said;
    for (const Message& message : chat.thread())
        said << u"%1/%2 %3"_s.arg(message.siblings.indexOf(message.id) + 1)
                    .arg(message.siblings.size())
                    .arg(message.text());
    return said;
}

} // namespace

class ChatCopiesTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path() const { return folder_->filePath(u"chats.sqlite"_s); }

    /// Two questions, the first with two answers, of which the first is shown; a deleted branch beside.
    static ConversationId branched(ConversationStore& store) {
        const ConversationId id = ConversationStore::newId();
        Tuning tuning;
        tuning.sequence.temperature = 0.5;
        store.create(id, u"Original"_s, tuning);
        store.saveSystemPrompt(id, u"Be brief."_s);
        store.saveModel(id, {u"/models/m.gguf"_s, u"abc"_s});
        const FolderId folder = ConversationStore::newId();
        store.createFolder(folder, u"Work"_s);
        store.moveToFolder(id, folder);
        const Message question = messageOf(id, 0, Author::User, u"How wide is a zebrastripe?"_s);
        store.append(question);
        const Message first = answerTo(question, {u"As "_s, u"wide "_s, u"as it is."_s});
        store.append(first);
        store.append(answerTo(question, {u"Otherwise."_s}));
        const Message gone = answerTo(question, {u"A deleted one."_s});
        store.append(gone);
        store.append(messageOf(id, gone.id, Author::User, u"Under the deleted one."_s));
        store.removeMessage(gone.id);
        store.append(messageOf(id, first.id, Author::User, u"And then?"_s));
        return id;
    }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void aCopyHasAllOfIt() {
        ConversationId id = 0, copy = 0;
        {
            ConversationStore store(folder_->path());
            id = branched(store);
            copy = copyOf(store, id, u"Original (copy)"_s);
            QVERIFY(copy != id);
        }
        ConversationStore store(folder_->path());
        const Conversation original = openOf(store, id), made = openOf(store, copy);
        QCOMPARE(made.summary.title, u"Original (copy)"_s);
        QCOMPARE(saidIn(made), saidIn(original));
        QCOMPARE(saidIn(made), (QStringList{u"1/1 How wide is a zebrastripe?"_s, u"1/2 As wide as it is."_s,
                                            u"1/1 And then?"_s}));
        QCOMPARE(made.tree.size(), 4); // what was deleted is left out
        QCOMPARE(made.tuning, original.tuning);
        QCOMPARE(made.system_prompt, u"Be brief."_s);
        QCOMPARE(made.model, original.model);
        QCOMPARE(made.summary.folder, original.summary.folder);
        QVERIFY(made.summary.folder != 0);
        const Message& answer = made.thread()[1];
        QVERIFY(answer.has_run);
        QCOMPARE(answer.model, u"m.gguf"_s);
        QCOMPARE(answer.model_fingerprint, u"abc"_s);
        const RunRecord record = runOf(store, answer.id), before = runOf(store, original.thread()[1].id);
        QCOMPARE(record.tokens.size(), std::size_t{3});
        for (std::size_t i = 0; i < 3; ++i)
            QCOMPARE(record.tokens[i].id, before.tokens[i].id);
        QCOMPARE(record.settings, before.settings);
        // They have nothing in common any more.
        store.removeMessage(answer.id);
        QCOMPARE(openOf(store, id).thread().size(), 3);
        QCOMPARE(searchOf(store, u"zebrastripe"_s).size(), 2);
    }

    void whatIsNotThereIsNotCopied() {
        ConversationStore store(folder_->path());
        const ConversationId id = chatWith(store, u"Gone"_s, u"words"_s);
        store.remove(id);
        const ConversationId copy = copyOf(store, id);
        QCOMPARE(openOf(store, copy).summary.id, ConversationId(0));
        QVERIFY(listOf(store).isEmpty());
    }

    /// What runs goes on in the chat itself; the copy has what was stored of it.
    void anAnswerThatStreamsIsStoppedInTheCopy() {
        ConversationId copy = 0;
        {
            ConversationStore store(folder_->path());
            ScriptedServices answers;
            FakeScript script;
            script.text = QString(u"word "_s).repeated(400);
            script.tokens_per_second = 100;
            answers.setScript(script);
            CurrentModel model(answers.models);
            ChatController controller(store, model, answers.runs);
            model.use(u"/models/a.gguf"_s);
            QTRY_COMPARE(model.state(), ModelState::Ready);
            QVERIFY(controller.send(u"Go on"_s));
            const ConversationId id = controller.current();
            QTRY_VERIFY(controller.conversation().thread().last().run.tokens.size() > 5);
            QTRY_VERIFY(controller.list().find(id));
            QVERIFY(controller.duplicateChat(id));
            QTRY_VERIFY(controller.current() != id);
            copy = controller.current();
            QVERIFY(!controller.busy() && controller.run(id));
            const Message& last = controller.conversation().thread().last();
            QCOMPARE(last.state, MessageState::Stopped);
            QVERIFY(last.text().startsWith(u"word word word"_s));
            QCOMPARE(last.tokenCount(), static_cast<int>(last.text().count(u"word"_s)));
            QVERIFY(controller.list().find(copy)->title.endsWith(u"(copy)"_s));
            controller.stop(id);
            QTRY_VERIFY(!controller.run(id));
        }
        ConversationStore store(folder_->path());
        QCOMPARE(openOf(store, copy).thread().last().state, MessageState::Stopped); // and not interrupted
    }

    /// The second copy is told from the first, and both are shown before anything is stored.
    void copiesAreListedAtOnce() {
        ConversationStore store(folder_->path());
        const ConversationId id = chatWith(store, u"Notes"_s, u"words"_s);
        ChatListService list(store);
        QTRY_COMPARE(list.chats().size(), 1);
        for (int i = 0; i < 2; ++i)
            list.duplicate(id, this, [](ConversationId) {});
        QCOMPARE(list.chats().size(), 3);
        QCOMPARE(list.chats()[0].title, u"Notes (copy 2)"_s);
        QCOMPARE(list.chats()[1].title, u"Notes (copy)"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        QCOMPARE(titlesIn(store), (QStringList{u"Notes"_s, u"Notes (copy 2)"_s, u"Notes (copy)"_s}));
        QVERIFY(list.duplicate(12345, this, [](ConversationId) {}) == 0);
    }

    /// In SQL: nothing of it goes through the program's memory.
    void aBigChatIsCopied() {
        ConversationStore store(folder_->path());
        const ConversationId id = ConversationStore::newId();
        store.create(id, u"Big"_s, {});
        MessageId parent = 0;
        for (int i = 0; i < 300; ++i) {
            Message message = messageOf(id, parent, Author::User, u"message %1 "_s.arg(i).repeated(20));
            parent = message.id;
            store.append(message);
        }
        QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 30000);
        const ConversationId copy = copyOf(store, id);
        QCOMPARE(openOf(store, copy).thread().size(), 300);
        QCOMPARE(openOf(store, copy).thread().last().text(), openOf(store, id).thread().last().text());
    }

    /// While the file is held by another program it is done in memory, and once more on the disk.
    void aCopyThatCouldNotBeWrittenIsTheSameLater() {
        ConversationId copy = 0;
        QList<MessageId> ids;
        {
            ConversationStore store(folder_->path());
            const ConversationId id = branched(store);
            QTRY_COMPARE(store.unsaved(), 0);
            Stranger stranger(path());
            stranger.run(u"BEGIN IMMEDIATE"_s);
            copy = copyOf(store, id);
            QVERIFY(store.unsaved() > 0);
            for (const Message& message : openOf(store, copy).thread())
                ids << message.id;
            QCOMPARE(ids.size(), 3);
            store.append(messageOf(copy, ids.last(), Author::Assistant, u"Said in the copy."_s));
            stranger.run(u"COMMIT"_s);
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 10000);
        }
        ConversationStore store(folder_->path());
        const Conversation made = openOf(store, copy);
        QCOMPARE(made.thread().size(), 4);
        for (qsizetype i = 0; i < 3; ++i)
            QCOMPARE(made.thread()[i].id, ids[i]);
        QCOMPARE(made.thread().last().text(), u"Said in the copy."_s);
    }

    // ---- Deleted ones ----

    void deletedChatsAreListedAndComeBack() {
        ConversationStore store(folder_->path());
        const ConversationId first = chatWith(store, u"First"_s, u"some zebrastripe"_s);
        chatWith(store, u"Second"_s, u"words"_s);
        const qint64 before = QDateTime::currentMSecsSinceEpoch();
        store.remove(first);
        const QList<ConversationSummary> removed = removedOf(store);
        QCOMPARE(removed.size(), 1);
        QCOMPARE(removed[0].title, u"First"_s);
        QVERIFY(removed[0].removed.toMSecsSinceEpoch() >= before - 1);
        QVERIFY(searchOf(store, u"zebrastripe"_s).isEmpty());
        store.restore(first);
        QVERIFY(removedOf(store).isEmpty());
        QCOMPARE(openOf(store, first).thread().size(), 1);
        QCOMPARE(searchOf(store, u"zebrastripe"_s).size(), 1);
    }

    void whatIsPurgedIsGoneAndNothingElse() {
        ConversationId kept = 0;
        {
            ConversationStore store(folder_->path());
            kept = branched(store); // with a deleted branch that can still be taken back
            const ConversationId one = copyOf(store, kept), other = copyOf(store, kept);
            for (const ConversationId id : {one, other})
                store.remove(id);
            store.purge(QList<ConversationId>{one, kept}); // that one was not removed
            QCOMPARE(removedOf(store).size(), 1);
            store.purge(QList<ConversationId>{other});
            QVERIFY(removedOf(store).isEmpty());
            QCOMPARE(listOf(store).size(), 1);
            QCOMPARE(searchOf(store, u"zebrastripe"_s).size(), 1);
        }
        QCOMPARE(countIn(path(), u"conversations"_s), 1);
        QCOMPARE(countIn(path(), u"messages"_s), 6);
        QCOMPARE(countIn(path(), u"runs"_s), 3);
        QCOMPARE(countIn(path(), u"parts WHERE message NOT IN (SELECT id FROM messages)"_s), 0);
        QCOMPARE(countIn(path(), u"run_tokens WHERE run NOT IN (SELECT id FROM runs)"_s), 0);
        QCOMPARE(countIn(path(), u"search WHERE rowid > 0 AND rowid NOT IN (SELECT id FROM messages)"_s), 0);
    }

    /// At the next start what was deleted more than 30 days ago is deleted for good.
    void thirtyDaysLaterTheyAreGone() {
        ConversationId old = 0, young = 0;
        {
            ConversationStore store(folder_->path());
            old = chatWith(store, u"Old"_s, u"words"_s);
            young = chatWith(store, u"Young"_s, u"words"_s);
            store.remove(old);
            store.remove(young);
        }
        {
            Stranger file(path());
            const qint64 now = QDateTime::currentMSecsSinceEpoch(), day = qint64{24} * 3600 * 1000;
            const auto shift = [&](ConversationId id, qint64 days) {
                file.run(u"UPDATE conversations SET deleted = ? WHERE id = ?"_s, {now - days * day, id});
            };
            shift(old, kDaysDeletedIsKept + 1);
            shift(young, kDaysDeletedIsKept - 1);
        }
        ConversationStore store(folder_->path());
        const QList<ConversationSummary> removed = removedOf(store);
        QCOMPARE(removed.size(), 1);
        QCOMPARE(removed[0].id, young);
        store.restore(old); // too late
        QVERIFY(listOf(store).isEmpty());
        store.restore(young);
        QCOMPARE(listOf(store).size(), 1);
    }
};

QTEST_GUILESS_MAIN(ChatCopiesTest)
#include "tst_chat_copies.moc"
