// Chats survive: restarts, kills, full disks, old and future databases.
#include "store_fixture.h"

#include "app/services/conversation_schema.h"
#include "tests/support/file_size_limit.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QSignalSpy>
#include <QSqlError>
#include <QSqlQuery>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace switchyard;

namespace {

QByteArray hashOf(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    return QCryptographicHash::hash(file.readAll(), QCryptographicHash::Sha256);
}

/// Runs statements on a database file that no store has open.
void alter(const QString& path, const QStringList& statements) {
    {
        QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("alter"));
        db.setDatabaseName(path);
        QVERIFY(db.open());
        for (const QString& statement : statements) {
            QSqlQuery query(db);
            QVERIFY2(query.exec(statement), qPrintable(query.lastError().text()));
        }
    }
    QSqlDatabase::removeDatabase(QStringLiteral("alter"));
}

RunRecord sampleRecord() {
    RunRecord record;
    record.settings.sequence.temperature = 0.3;
    record.settings.sequence.seed = 42;
    record.settings.model.weights = BlockType::Q4_K;
    record.moves = {{3, "temperature", 1.5}, {5, "quant", std::string("Q8_0")}};
    for (int i = 0; i < 200; ++i) {
        TokenRecord token;
        token.id = i;
        token.text = " 词" + std::to_string(i);
        token.latency_ms = 12.5;
        token.quant = "Q4_K";
        record.tokens.push_back(token);
    }
    record.timings.prompt_tokens = 30;
    record.timings.generated_tokens = 200;
    record.finish = FinishReason::MaxTokens;
    return record;
}

} // namespace

class ConversationStoreTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path() const { return folder_->filePath(QStringLiteral("chats.sqlite")); }

  private Q_SLOTS:
    void initTestCase() { QStandardPaths::setTestModeEnabled(true); }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void keepsEverythingOverARestart() {
        ConversationId id = ConversationStore::newId();
        MessageId answer_id = 0;
        {
            ConversationStore store(folder_->path());
            Tuning tuning;
            tuning.sequence.temperature = 0.25;
            tuning.sequence.experts = 3;
            store.create(id, QStringLiteral("Title 标题"), tuning);
            Message question = messageOf(id, 0, Author::User, QStringLiteral("Why?"));
            question.parts.append(
                {PartKind::File, QStringLiteral("int main() {}"), QStringLiteral("a.cpp"), 0});
            store.append(question);
            Message answer = messageOf(id, question.id, Author::Assistant, QStringLiteral("Because."));
            answer.parts.prepend({PartKind::Thinking, QStringLiteral("hm"), {}, 3200});
            answer.model = QStringLiteral("m.gguf");
            answer.model_fingerprint = QStringLiteral("abc");
            answer.run = sampleRecord();
            answer.has_run = true;
            answer_id = answer.id;
            store.append(answer);
            store.saveDraft(id, {QStringLiteral("half"), {}, {}});
        }
        ConversationStore store(folder_->path());
        const Conversation chat = openOf(store, id);
        QCOMPARE(chat.summary.title, QStringLiteral("Title 标题"));
        QCOMPARE(chat.tuning.sequence.temperature, 0.25);
        QCOMPARE(chat.tuning.sequence.experts, 3);
        QCOMPARE(chat.unsent.text, QStringLiteral("half"));
        QCOMPARE(chat.thread().size(), 2);
        QCOMPARE(chat.thread()[0].parts[1].name, QStringLiteral("a.cpp"));
        const Message& answer = chat.thread()[1];
        QCOMPARE(answer.id, answer_id);
        QCOMPARE(answer.parts[0].milliseconds, 3200);
        QVERIFY(answer.parts[0].kind == PartKind::Thinking);
        QCOMPARE(answer.text(), QStringLiteral("Because."));
        QVERIFY(answer.has_run);
        QCOMPARE(answer.model_fingerprint, QStringLiteral("abc"));
        QCOMPARE(answer.tokenCount(), 200);
        const RunRecord run = runOf(store, answer_id);
        QCOMPARE(run.tokens.size(), 200u);
        QCOMPARE(run.tokens[7].text, std::string(" 词7"));
        QCOMPARE(answer.run.moves.size(), 2u);
        QVERIFY(answer.run.settings == sampleRecord().settings);
        QVERIFY(answer.run.finish == FinishReason::MaxTokens);
    }

    void showsTheSelectedBranch() {
        ConversationStore store(folder_->path());
        const ConversationId id = ConversationStore::newId();
        store.create(id, QStringLiteral("t"), {});
        const Message question = messageOf(id, 0, Author::User, QStringLiteral("q"));
        const Message first = messageOf(id, question.id, Author::Assistant, QStringLiteral("first"));
        const Message second = messageOf(id, question.id, Author::Assistant, QStringLiteral("second"));
        const Message under = messageOf(id, first.id, Author::User, QStringLiteral("under first"));
        const Message other = messageOf(id, 0, Author::User, QStringLiteral("another beginning"));
        for (const Message& message : {question, first, under, second})
            store.append(message);
        QCOMPARE(openOf(store, id).thread().last().text(), QStringLiteral("second"));
        QCOMPARE(openOf(store, id).thread().last().siblings, (QList<MessageId>{first.id, second.id}));
        store.select(first.id);
        QCOMPARE(openOf(store, id).thread().last().text(), QStringLiteral("under first"));
        store.append(other);
        QCOMPARE(openOf(store, id).thread().size(), 1);
        store.select(second.id);
        QCOMPARE(openOf(store, id).thread().last().text(), QStringLiteral("second"));
        store.removeMessage(second.id);
        QCOMPARE(openOf(store, id).thread().last().text(), QStringLiteral("under first"));
        store.restoreMessage(second.id);
        QCOMPARE(openOf(store, id).thread().last().text(), QStringLiteral("second"));
        store.removeMessage(question.id);
        QCOMPARE(openOf(store, id).thread().last().text(), QStringLiteral("another beginning"));
        store.restoreMessage(question.id);
        store.select(under.id);
        QCOMPARE(openOf(store, id).thread().size(), 3);
    }

    void deletesWithUndoUntilPurge() {
        ConversationStore store(folder_->path());
        const ConversationId one = chatWith(store, QStringLiteral("One"), QStringLiteral("apple"));
        const ConversationId two = chatWith(store, QStringLiteral("Two"), QStringLiteral("apple"));
        store.remove(one);
        QCOMPARE(listOf(store).size(), 1);
        QCOMPARE(searchOf(store, QStringLiteral("apple")).size(), 1);
        store.restore(one);
        QCOMPARE(listOf(store).size(), 2);
        QCOMPARE(searchOf(store, QStringLiteral("apple")).size(), 2);
        store.remove(two);
        store.purge();
        store.restore(two);
        QCOMPARE(listOf(store).size(), 1);
        QCOMPARE(searchOf(store, QStringLiteral("apple")).first().conversation, one);
    }

    /// Neither in the file nor in the log beside it, while the store is still open.
    void whatIsPurgedCanBeReadNowhere_data() {
        QTest::addColumn<bool>("all");
        QTest::newRow("one chat") << false;
        QTest::newRow("all") << true;
    }
    void whatIsPurgedCanBeReadNowhere() {
        QFETCH(bool, all);
        const QByteArray secret = "xyzzyplugh";
        const auto holds = [&] {
            for (const char* name : {"/chats.sqlite", "/chats.sqlite-wal"}) {
                QFile file(folder_->path() + QLatin1String(name));
                if (file.open(QIODevice::ReadOnly) && file.readAll().contains(secret))
                    return true;
            }
            return false;
        };
        ConversationStore store(folder_->path());
        const ConversationId kept = chatWith(store, QStringLiteral("One"), QStringLiteral("apple"));
        const ConversationId gone = chatWith(store, QStringLiteral("Two"),
                                             (QString::fromLatin1(secret) + QLatin1Char(' ')).repeated(3000));
        QTRY_COMPARE(store.unsaved(), 0);
        QVERIFY(holds());
        store.remove(gone);
        if (all)
            store.purge();
        else
            store.purge({gone});
        QCOMPARE(listOf(store).size(), 1);
        QTRY_COMPARE(store.unsaved(), 0);
        QVERIFY(!holds());
        QCOMPARE(openOf(store, kept).summary.id, kept);
    }

    void findsWordsAndChinese_data() {
        QTest::addColumn<QString>("typed");
        QTest::addColumn<int>("hits");
        QTest::newRow("two characters inside a sentence") << QStringLiteral("模型") << 1;
        QTest::newRow("four characters") << QStringLiteral("混合专家") << 1;
        QTest::newRow("one character, middle") << QStringLiteral("合") << 1;
        QTest::newRow("one character, at the end") << QStringLiteral("层") << 1;
        QTest::newRow("not in that order") << QStringLiteral("型模") << 0;
        QTest::newRow("mixed scripts") << QStringLiteral("用MoE") << 1;
        QTest::newRow("latin then chinese") << QStringLiteral("MoE架构") << 1;
        QTest::newRow("beginning of a word") << QStringLiteral("laten") << 1;
        QTest::newRow("two words apart") << QStringLiteral("vector stores") << 1;
        QTest::newRow("case and accents") << QStringLiteral("CAFE") << 1;
        QTest::newRow("rare character") << QStringLiteral("𠮷野") << 1;
        QTest::newRow("title") << QStringLiteral("旅行") << 1;
        QTest::newRow("quotes and operators") << QStringLiteral("\"latent* AND (") << 0;
        QTest::newRow("punctuation only") << QStringLiteral("\"'*") << 0;
        QTest::newRow("nothing") << QStringLiteral("zebra") << 0;
        QTest::newRow("an emoji") << QStringLiteral("🚂") << 1;
        QTest::newRow("with words") << QStringLiteral("🚂 night") << 1;
        QTest::newRow("right behind a word") << QStringLiteral("train🚂") << 1;
        QTest::newRow("in a title") << QStringLiteral("🌲") << 1;
        QTest::newRow("a sign with its picture") << QStringLiteral("❤️") << 1;
        QTest::newRow("without it") << QStringLiteral("❤") << 1;
        QTest::newRow("a keycap") << QStringLiteral("1️⃣") << 1;
        QTest::newRow("another keycap") << QStringLiteral("3️⃣") << 0;
        QTest::newRow("a flag") << QStringLiteral("🇩🇪") << 1;
        QTest::newRow("halves of two flags") << QStringLiteral("🇪🇨") << 1; // as Chinese pairs are
        QTest::newRow("joined ones") << QStringLiteral("👩‍💻") << 1;
        QTest::newRow("one of them") << QStringLiteral("💻") << 1;
        QTest::newRow("with a tone") << QStringLiteral("👍🏽") << 1;
        QTest::newRow("in any tone") << QStringLiteral("👍") << 1;
        QTest::newRow("in another tone") << QStringLiteral("👍🏿") << 0;
        QTest::newRow("an arrow") << QStringLiteral("→") << 1;
        QTest::newRow("money") << QStringLiteral("5 €") << 1;
        QTest::newRow("an emoji that is not there") << QStringLiteral("🛸") << 0;
        QTest::newRow("an unknown one") << QStringLiteral("\U0001FAFF") << 0;
    }
    void findsWordsAndChinese() {
        QFETCH(QString, typed);
        QFETCH(int, hits);
        ConversationStore store(folder_->path());
        chatWith(store, QStringLiteral("Notes"), QStringLiteral("MLA stores one latent vector.\nIn a café."));
        chatWith(store, QStringLiteral("旅行计划"),
                 QStringLiteral("第一行\n混合专家模型使用MoE架构替换前馈层"));
        chatWith(store, QStringLiteral("x"), QStringLiteral("𠮷野家"));
        chatWith(store, QStringLiteral("Walk 🌲"),
                 QStringLiteral(
                     "The night train🚂 with ❤️, 1️⃣ → 2️⃣ for 5 € 🇩🇪🇨🇳 and "
                     "👩‍💻 "
                     "👍🏽"));
        const QList<SearchHit> found = searchOf(store, typed);
        QCOMPARE(found.size(), hits);
        if (typed == QStringLiteral("模型"))
            QCOMPARE(found[0].line, QStringLiteral("混合专家模型使用MoE架构替换前馈层"));
        if (typed == QStringLiteral("旅行")) {
            QCOMPARE(found[0].message, 0);
            QVERIFY(found[0].line.isEmpty()); // the title says it
        }
    }

    /// As an earlier program has cut the words: without the signs among them.
    void chatsOfBeforeAreFoundByTheirSigns() {
        {
            ConversationStore store(folder_->path());
            chatWith(store, QStringLiteral("t"), QStringLiteral("train🚂 模型"));
            store.saveDraft(0, {QStringLiteral("not begun"), {}, {}});
            QTRY_COMPARE(store.unsaved(), 0);
        }
        {
            QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("before"));
            db.setDatabaseName(folder_->filePath(QStringLiteral("chats.sqlite")));
            QVERIFY(db.open());
            for (const char* statement : {"DELETE FROM search WHERE rowid < -9e18",
                                          "UPDATE search SET words = 'train 模型 型' WHERE rowid > 0"})
                QVERIFY(QSqlQuery(db).exec(QString::fromUtf8(statement)));
        }
        QSqlDatabase::removeDatabase(QStringLiteral("before"));
        ConversationStore store(folder_->path());
        for (const char* typed : {"🚂", "train", "模型"})
            QCOMPARE(searchOf(store, QString::fromUtf8(typed)).size(), 1);
    }

    void indexFollowsChanges() {
        ConversationStore store(folder_->path());
        const ConversationId id = chatWith(store, QStringLiteral("t"), QStringLiteral("q"));
        Message answer = messageOf(id, 0, Author::Assistant, QStringLiteral("orange"));
        store.append(answer);
        answer.parts[0].text = QStringLiteral("banana");
        store.update(answer);
        QCOMPARE(searchOf(store, QStringLiteral("orange")).size(), 0);
        QCOMPARE(searchOf(store, QStringLiteral("banana")).size(), 1);
        store.rename(id, QStringLiteral("kiwi"));
        QCOMPARE(searchOf(store, QStringLiteral("kiwi")).size(), 1);
    }

    void fileNamesAreFoundHoweverTheIndexWasMade_data() {
        QTest::addColumn<QString>("made");
        for (const char* made : {"as it was written", "anew", "after an interruption"})
            QTest::newRow(made) << QString::fromLatin1(made);
    }
    void fileNamesAreFoundHoweverTheIndexWasMade() {
        QFETCH(QString, made);
        const bool interrupted = made.startsWith(QStringLiteral("after"));
        {
            ConversationStore store(folder_->path());
            const ConversationId id = chatWith(store, QStringLiteral("t"), QStringLiteral("q"));
            Message message = messageOf(id, 0, Author::User, QStringLiteral("orange"));
            message.parts.append(
                {PartKind::File, QStringLiteral("banana"), QStringLiteral("Harvest.csv"), 0});
            message.state = interrupted ? MessageState::Streaming : MessageState::Complete;
            store.append(message);
        }
        if (made == QStringLiteral("anew"))
            alter(folder_->filePath(QStringLiteral("chats.sqlite")), {QStringLiteral("DROP TABLE search")});
        ConversationStore store(folder_->path());
        for (const char* word : {"orange", "banana", "harvest", "csv"})
            QVERIFY2(searchOf(store, QString::fromLatin1(word)).size() == 1, word);
        QCOMPARE(searchOf(store, QStringLiteral("orange banana harvest")).size(), 1);
    }

    void killedWhileStreamingKeepsTheAnswer() {
        QProcess child;
        child.start(QStringLiteral(STORE_WRITER), {folder_->path()});
        QVERIFY(child.waitForStarted());
        QVERIFY2(child.waitForReadyRead(20000), "the child did not stream");
        ::kill(static_cast<pid_t>(child.processId()), SIGKILL);
        QVERIFY(child.waitForFinished());
        QVERIFY(child.exitStatus() == QProcess::CrashExit);

        ConversationStore store(folder_->path());
        QSignalSpy problems(&store, &ConversationStore::problem);
        const QList<ConversationSummary> chats = listOf(store);
        QCOMPARE(chats.size(), 1);
        QCOMPARE(chats[0].title, QStringLiteral("Something long"));
        const Conversation chat = openOf(store, chats[0].id);
        QCOMPARE(chat.thread().size(), 2);
        QVERIFY(chat.thread()[1].state == MessageState::Interrupted);
        // 300 tokens/s, saved at least every second: of 700 at most the last second's are missing.
        QVERIFY2(chat.thread()[1].text().size() >= 5 * 350,
                 qPrintable(QString::number(chat.thread()[1].text().size())));
        const RunRecord run = runOf(store, chat.thread()[1].id);
        QVERIFY(run.tokens.size() >= 350);
        // The text that was not stored yet is what the stored tokens say.
        QString said;
        for (const TokenRecord& token : run.tokens)
            said += QString::fromStdString(token.text);
        QCOMPARE(chat.thread()[1].text(), said);
        QCOMPARE(searchOf(store, QStringLiteral("word")).size(), 1);
        QCOMPARE(problems.count(), 0);
    }

    void migratesTheFirstVersionWithABackup() {
        QVERIFY(QFile::copy(QStringLiteral(SWITCHYARD_TEST_WORK "/app/chats_v1.sqlite"), path()));
        QFile::setPermissions(path(), QFile::ReadOwner | QFile::WriteOwner);
        ConversationStore store(folder_->path());
        QCOMPARE(listOf(store).size(), 2);
        const Conversation chat = openOf(store, 1);
        QCOMPARE(chat.thread().size(), 2);
        QCOMPARE(chat.thread()[1].text(), QStringLiteral("It stores one latent vector."));
        QCOMPARE(chat.thread()[1].run.moves.size(), 1u);
        QCOMPARE(chat.tuning.sequence.temperature, 0.3);
        QCOMPARE(chat.unsent.text, QStringLiteral("half a thought"));
        QVERIFY(openOf(store, 2).thread()[1].state == MessageState::Interrupted);
        QCOMPARE(searchOf(store, QStringLiteral("专家")).size(), 3);
        const QStringList backups =
            QDir(folder_->path()).entryList({QStringLiteral("chats.v1.*.backup.sqlite")}, QDir::Files);
        QCOMPARE(backups.size(), 1);
        {
            QSqlDatabase old = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("old"));
            old.setDatabaseName(folder_->filePath(backups[0]));
            QVERIFY(old.open());
            QCOMPARE(schemaVersion(old), 1);
        }
        QSqlDatabase::removeDatabase(QStringLiteral("old"));
    }

    void leavesADatabaseFromTheFutureAlone() {
        { ConversationStore store(folder_->path()); }
        alter(path(), {QStringLiteral("PRAGMA user_version = 99")});
        const QByteArray before = hashOf(path());
        {
            ConversationStore store(folder_->path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            const ConversationId id = chatWith(store, QStringLiteral("New"), QStringLiteral("still works"));
            QCOMPARE(openOf(store, id).thread()[0].text(), QStringLiteral("still works"));
            QCOMPARE(problems.count(), 1);
            QVERIFY(problems[0][0].toString().contains(QStringLiteral("newer")));
            QCOMPARE(problems[0][1].toBool(), false);
        }
        QCOMPARE(hashOf(path()), before);
        QVERIFY(!QFile::exists(path() + QStringLiteral("-wal")));
    }

    void leavesADamagedFileAlone() {
        QFile file(path());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray("this is no database ").repeated(500));
        file.close();
        const QByteArray before = hashOf(path());
        {
            ConversationStore store(folder_->path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            chatWith(store, QStringLiteral("New"), QStringLiteral("still works"));
            QCOMPARE(listOf(store).size(), 1);
            QCOMPARE(problems.count(), 1);
        }
        QCOMPARE(hashOf(path()), before);
    }

    void readOnlyFileIsReadAndNotWritten() {
        ConversationId old = 0;
        {
            ConversationStore store(folder_->path());
            old = chatWith(store, QStringLiteral("Old"), QStringLiteral("from before"));
            listOf(store);
        }
        // A write version beyond SQLite's own makes a database read-only for everyone, root included.
        QFile file(path());
        QVERIFY(file.open(QIODevice::ReadWrite));
        file.seek(18);
        file.write(QByteArray(1, 3));
        file.close();
        const QByteArray before = hashOf(path());
        {
            ConversationStore store(folder_->path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            const ConversationId id = chatWith(store, QStringLiteral("New"), QStringLiteral("in memory"));
            QCOMPARE(listOf(store).size(), 2);
            QCOMPARE(openOf(store, old).thread()[0].text(), QStringLiteral("from before"));
            QCOMPARE(openOf(store, id).thread()[0].text(), QStringLiteral("in memory"));
            QCOMPARE(problems.count(), 1);
            QCOMPARE(problems[0][1].toBool(), false);
        }
        QCOMPARE(hashOf(path()), before);
    }

    void folderThatCannotBeMade() {
        QFile blocker(folder_->filePath(QStringLiteral("file")));
        QVERIFY(blocker.open(QIODevice::WriteOnly));
        ConversationStore store(folder_->filePath(QStringLiteral("file/below")));
        QSignalSpy problems(&store, &ConversationStore::problem);
        const ConversationId id = chatWith(store, QStringLiteral("New"), QStringLiteral("works"));
        QCOMPARE(openOf(store, id).thread().size(), 1);
        QCOMPARE(problems.count(), 1);
    }

    void secondStoreOfAFolderDoesNotWrite() {
        ConversationStore first(folder_->path());
        chatWith(first, QStringLiteral("First"), QStringLiteral("one"));
        QCOMPARE(listOf(first).size(), 1);
        {
            ConversationStore second(folder_->path());
            QSignalSpy problems(&second, &ConversationStore::problem);
            chatWith(second, QStringLiteral("Second"), QStringLiteral("two"));
            QCOMPARE(listOf(second).size(), 2);
            QCOMPARE(problems.count(), 1);
        }
        QCOMPARE(listOf(first).size(), 1);
    }

    void fullDiskIsSaidAndMadeGood() {
        ConversationStore store(folder_->path());
        QSignalSpy problems(&store, &ConversationStore::problem);
        const ConversationId id = chatWith(store, QStringLiteral("Before"), QStringLiteral("first"));
        QCOMPARE(listOf(store).size(), 1);
        Message answer = messageOf(id, openOf(store, id).thread()[0].id, Author::Assistant, {});
        {
            std::signal(SIGXFSZ, SIG_IGN); // writing fails as on a full disk
            const test::FileSizeLimit full(64 * 1024);
            answer.parts[0].text = QStringLiteral("long answer ").repeated(30000);
            store.append(answer);
            QTRY_COMPARE(problems.count(), 1);
            QCOMPARE(problems[0][1].toBool(), false);
            answer.parts[0].text += QStringLiteral("end");
            store.update(answer);
            const Conversation chat = openOf(store, id);
            QCOMPARE(chat.thread().size(), 2);
            QVERIFY(chat.thread()[1].text().endsWith(QStringLiteral("end")));
        }
        // Room again: it is written by itself.
        QTRY_COMPARE_WITH_TIMEOUT(problems.count(), 2, 15000);
        QCOMPARE(problems[1][1].toBool(), true);
        QVERIFY(openOf(store, id).thread()[1].text().endsWith(QStringLiteral("end")));
    }

    void largeRecordsOpenQuickly() {
        ConversationStore store(folder_->path());
        const ConversationId id = ConversationStore::newId();
        store.create(id, QStringLiteral("Long"), {});
        MessageId parent = 0;
        for (int i = 0; i < 100; ++i) {
            Message message = messageOf(id, parent, Author::Assistant, QStringLiteral("answer"));
            message.run = sampleRecord();
            message.has_run = true;
            parent = message.id;
            store.append(message);
        }
        listOf(store);
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(openOf(store, id).thread().size(), 100);
        qInfo("a chat of 100 answers with 200 tokens each opens in %lld ms", timer.elapsed());
        QVERIFY(timer.elapsed() < 3000);
    }
};

QTEST_GUILESS_MAIN(ConversationStoreTest)
#include "tst_conversation_store.moc"
