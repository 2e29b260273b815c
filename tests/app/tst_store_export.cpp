// All chats page by page, as they were when it began; and files of the version before.
#include "store_fixture.h"
#include "version3.h"

#include "app/services/sql_connection.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

using Page = ConversationStore::ExportPage;

Page nextOf(ConversationStore::ExportCursor& cursor) {
    return wait<Page>([&](auto* context, auto answer) { cursor.next(context, answer); });
}

QList<Conversation> restOf(ConversationStore::ExportCursor& cursor, int* pages = nullptr) {
    QList<Conversation> all;
    for (;;) {
        const Page page = nextOf(cursor);
        if (page.broken)
            return {};
        all += page.chats;
        if (pages)
            ++*pages;
        if (page.last)
            return all;
    }
}

RunRecord smallRecord() {
    RunRecord record;
    record.settings.sequence.temperature = 0.25f;
    record.finish = FinishReason::EndOfTurn;
    record.tokens.resize(2);
    record.tokens[0].text = "the ";
    record.tokens[1].text = "answer";
    return record;
}

/// A question with two answers, the first of which is shown.
ConversationId branchedChat(ConversationStore& store, const QString& title) {
    const ConversationId id = chatWith(store, title, u"question of "_s + title);
    const MessageId question = openOf(store, id).thread()[0].id;
    Message first = messageOf(id, question, Author::Assistant, u"the answer"_s);
    first.parts.prepend({PartKind::Thinking, u"hm"_s, {}, 1200});
    first.run = smallRecord();
    first.has_run = true;
    store.append(first);
    store.append(messageOf(id, question, Author::Assistant, u"another answer"_s));
    store.select(first.id);
    return id;
}

} // namespace

class StoreExportTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path() const { return folder_->filePath(u"chats.sqlite"_s); }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void givesAllOfEveryChat() {
        ConversationStore store(folder_->path());
        const FolderId folder = ConversationStore::newId();
        store.createFolder(folder, u"Work"_s);
        const ConversationId id = branchedChat(store, u"One"_s);
        store.moveToFolder(id, folder);
        store.setPinned(id, true);
        store.saveSystemPrompt(id, u"Be brief."_s);
        Tuning tuning;
        tuning.sequence.temperature = 0.5f;
        store.saveTuning(id, tuning);
        store.saveDraft(id, {u"unsent"_s, {}, {}});
        const ConversationId gone = chatWith(store, u"Deleted"_s, u"words"_s);
        store.remove(gone);
        ConversationStore::ExportCursor cursor(store);
        const Page page = nextOf(cursor);
        QVERIFY(page.last && !page.broken);
        QCOMPARE(page.folders, QList{(ChatFolder{folder, u"Work"_s})});
        QCOMPARE(page.chats.size(), 1);
        const Conversation& chat = page.chats[0];
        QCOMPARE(chat.summary.title, u"One"_s);
        QVERIFY(chat.summary.pinned && chat.summary.folder == folder);
        QCOMPARE(chat.system_prompt, u"Be brief."_s);
        QVERIFY(chat.tuning == tuning);
        QCOMPARE(chat.unsent.text, u"unsent"_s);
        QCOMPARE(chat.tree.size(), 3); // with the branch that is not shown
        const Message& answer = chat.tree.thread()[1];
        QCOMPARE(answer.parts.size(), 2);
        QCOMPARE(answer.siblings.size(), 2);
        QVERIFY(answer.has_run && answer.tokenCount() == 2 && answer.run.tokens.empty());
        QCOMPARE(answer.run.settings.sequence.temperature, smallRecord().settings.sequence.temperature);
        QCOMPARE(chat.tree.find(answer.siblings[1])->text(), u"another answer"_s);
        QVERIFY(nextOf(cursor).chats.isEmpty());
    }

    void isAsItWasWhileTheWriterWrites() {
        constexpr int kChats = 150;
        ConversationStore store(folder_->path());
        QList<ConversationId> ids;
        for (int i = 0; i < kChats; ++i)
            ids.append(chatWith(store, u"Chat %1"_s.arg(i), u"words %1"_s.arg(i)));
        ConversationStore::ExportCursor cursor(store);
        Page page = nextOf(cursor); // what is still to be written is there, too
        QVERIFY(!page.last && page.chats.size() < kChats);
        QList<Conversation> all = page.chats;
        for (const ConversationId id : ids) {
            store.rename(id, u"renamed"_s);
            store.append(messageOf(id, openOf(store, id).thread()[0].id, Author::Assistant, u"later"_s));
        }
        store.remove(ids[100]);
        store.purge();
        chatWith(store, u"Later"_s, u"words"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        int pages = 1;
        all += restOf(cursor, &pages);
        QVERIFY(pages > 2);
        QCOMPARE(all.size(), kChats);
        for (int i = 0; i < kChats; ++i) {
            QCOMPARE(all[i].summary.id, ids[i]);
            QCOMPARE(all[i].summary.title, u"Chat %1"_s.arg(i));
            QCOMPARE(all[i].thread().size(), 1);
        }
        // One that begins now sees what is now; both at once do not disturb each other.
        ConversationStore::ExportCursor second(store);
        const QList<Conversation> now = restOf(second);
        QCOMPARE(now.size(), kChats); // one purged, one new
        QCOMPARE(now[0].summary.title, u"renamed"_s);
        QCOMPARE(now[0].thread().size(), 2);
    }

    void recordsAreOfTheSameTime() {
        ConversationStore store(folder_->path());
        const ConversationId id = branchedChat(store, u"One"_s);
        ConversationStore::ExportCursor cursor(store);
        const Message answer = nextOf(cursor).chats.value(0).thread().value(1);
        QVERIFY(answer.has_run);
        Message later = openOf(store, id).thread()[1];
        later.run = smallRecord();
        later.run.tokens.resize(1);
        store.update(later);
        QTRY_COMPARE(store.unsaved(), 0);
        const auto runs = wait<ConversationStore::Runs>([&](auto* context, auto given) {
            cursor.readRuns({answer.id, id}, context, given);
        });
        QVERIFY(runs);
        QCOMPARE(runs->size(), 1u);
        QCOMPARE(runs->at(answer.id).tokens.size(), 2u);
        QCOMPARE(runOf(store, answer.id).tokens.size(), 1u);
    }

    void aFileThatIsReplacedBreaksItOff() {
        ConversationStore store(folder_->path());
        for (int i = 0; i < 100; ++i)
            chatWith(store, u"Chat %1"_s.arg(i), u"words"_s);
        ConversationStore::ExportCursor cursor(store);
        QVERIFY(!nextOf(cursor).last);
        QVERIFY(QFile::remove(path()));
        chatWith(store, u"After"_s, u"words"_s);
        QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 20000);
        QVERIFY(nextOf(cursor).broken);
        QVERIFY(!wait<ConversationStore::Runs>(
            [&](auto* context, auto given) { cursor.readRuns({1}, context, given); }));
        ConversationStore::ExportCursor anew(store);
        QCOMPARE(restOf(anew).size(), 101);
    }

    void aCursorMayOutliveItsQuestion() {
        ConversationStore store(folder_->path());
        chatWith(store, u"Chat"_s, u"words"_s);
        auto context = std::make_unique<QObject>();
        {
            ConversationStore::ExportCursor cursor(store);
            cursor.next(context.get(), [](const Page&) { QFAIL("its context is gone"); });
            context.reset();
        }
        QTest::qWait(100);
        QCOMPARE(listOf(store).size(), 1);
    }

    /// One that is gone before its first page is read leaves no transaction open.
    void aCursorThatNeverReadHoldsNothing() {
        ConversationStore store(folder_->path());
        const ConversationId id = chatWith(store, u"Chat"_s, u"words"_s);
        QCOMPARE(listOf(store).size(), 1);
        {
            ConversationStore::ExportCursor cursor(store);
            cursor.next(this, [](const Page&) { QFAIL("the cursor is gone"); });
        }
        QTest::qWait(100);
        store.rename(id, u"renamed"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        Connection file(path());
        QSqlQuery row = runQuery(*file, u"PRAGMA wal_checkpoint(TRUNCATE)"_s, {});
        QVERIFY(row.next());
        QCOMPARE(row.value(0).toInt(), 0); // 1: somebody still reads what was before
    }

    // ---- Version 3 ----

    void aFileOfVersion3IsBroughtUpToDate() {
        const RunRecord record = smallRecord();
        {
            Version3 old(path());
            old.add(1, record, u"the answer"_s);
        }
        {
            ConversationStore store(folder_->path());
            const Conversation chat = openOf(store, 1);
            QCOMPARE(chat.summary.title, u"Old"_s);
            QVERIFY(chat.summary.pinned && chat.summary.folder == 5);
            QCOMPARE(chat.thread()[0].text(), u"the answer"_s);
            QVERIFY(chat.system_prompt.isEmpty());
            QCOMPARE(foldersOf(store), QList{(ChatFolder{5, u"Old folder"_s})});
            QCOMPARE(runOf(store, 1).tokens.size(), record.tokens.size());
            QCOMPARE(QDir(folder_->path()).entryList({u"chats.v3.*.backup.sqlite"_s}, QDir::Files).size(), 1);
            store.saveSystemPrompt(1, u"Be brief."_s);
            QCOMPARE(openOf(store, 1).system_prompt, u"Be brief."_s);
        }
        ConversationStore store(folder_->path());
        QCOMPARE(openOf(store, 1).system_prompt, u"Be brief."_s);
        QCOMPARE(QDir(folder_->path()).entryList({u"chats.v3.*.backup.sqlite"_s}, QDir::Files).size(), 1);
    }

    void aFileOfVersion3BesideIsJoined() {
        {
            ConversationStore store(folder_->path());
            store.saveSystemPrompt(chatWith(store, u"New"_s, u"q"_s), u"Be brief."_s);
        }
        {
            Version3 old(folder_->filePath(u"chats.2.sqlite"_s));
            old.add(1, smallRecord(), u"the answer"_s);
        }
        ConversationStore store(folder_->path());
        QCOMPARE(titlesIn(store), (QStringList{u"New"_s, u"Old"_s}));
        QCOMPARE(openOf(store, 1).thread()[0].text(), u"the answer"_s);
        QCOMPARE(openOf(store, listOf(store)[0].id).system_prompt, u"Be brief."_s);
    }

    void aReadOnlyFileOfVersion3IsRead() {
        {
            Version3 old(path());
            old.add(1, smallRecord(), u"the answer"_s);
        }
        QFile(path()).setPermissions(QFile::ReadOwner);
        QFile(folder_->path()).setPermissions(QFile::ReadOwner | QFile::ExeOwner);
        {
            ConversationStore store(folder_->path());
            QCOMPARE(openOf(store, 1).thread().value(0).text(), u"the answer"_s);
        }
        QFile(folder_->path()).setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    }
};

QTEST_GUILESS_MAIN(StoreExportTest)
#include "tst_store_export.moc"
