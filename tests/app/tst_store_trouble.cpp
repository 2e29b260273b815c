// What happens to chats while their file is held, full, gone, replaced or damaged: nothing is lost.
#include "store_fixture.h"
#include "stranger.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <sys/stat.h>
#include <thread>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

QByteArray hashOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly)
               ? QCryptographicHash::hash(file.readAll(), QCryptographicHash::Sha256)
               : QByteArray();
}

/// The numbers of the pages of a table's (or index's) rows: its leaves, as SQLite's dbstat is not built in,
/// by the bytes that only they hold.
QList<qint64> pagesWith(const QString& path, const QByteArray& text) {
    constexpr qint64 kPage = 4096;
    QFile file(path);
    QList<qint64> pages;
    if (file.open(QIODevice::ReadOnly)) {
        for (qint64 page = 0; page * kPage < file.size(); ++page) {
            file.seek(page * kPage);
            if (file.read(kPage).contains(text))
                pages.append(page);
        }
    }
    return pages;
}

} // namespace

class StoreTroubleTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString path() const { return folder_->filePath(u"chats.sqlite"_s); }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    // ---- A file that another program holds ----

    void heldDuringAnAnswerIsStoredOnceItIsFree() {
        ConversationStore store(folder_->path());
        QSignalSpy problems(&store, &ConversationStore::problem);
        const ConversationId id = chatWith(store, u"Chat"_s, u"question"_s);
        Message answer = messageOf(id, openOf(store, id).thread()[0].id, Author::Assistant, u"first"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        {
            Stranger holder(path());
            QVERIFY(holder.run(u"BEGIN EXCLUSIVE"_s));
            answer.state = MessageState::Streaming;
            store.append(answer);
            QTRY_COMPARE_WITH_TIMEOUT(problems.count(), 1, 5000);
            QCOMPARE(problems[0][1].toBool(), false);
            // What is said is what is: the file is in use.
            QVERIFY2(problems[0][0].toString().contains(u"Another program is using"_s),
                     qPrintable(problems[0][0].toString()));
            answer.parts[0].text = u"the whole answer"_s;
            answer.state = MessageState::Complete;
            store.update(answer);
            const ConversationId second = chatWith(store, u"Second"_s, u"meanwhile"_s);
            QCOMPARE(openOf(store, id).thread()[1].text(), u"the whole answer"_s);
            QCOMPARE(openOf(store, second).thread()[0].text(), u"meanwhile"_s);
            QVERIFY(store.unsaved() >= 3);
            QTest::qWait(6000); // longer than any statement waits
            QCOMPARE(problems.count(), 1);
            QVERIFY(holder.run(u"ROLLBACK"_s));
        }
        QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 3000);
        QTRY_COMPARE(problems.count(), 2);
        QCOMPARE(problems[1][1].toBool(), true);
        QCOMPARE(countIn(path(), u"parts WHERE text = 'the whole answer'"_s), 1);
        QCOMPARE(countIn(path(), u"messages"_s), 3);
    }

    void heldAtTheStartKeepsWhatIsTyped_data() {
        QTest::addColumn<bool>("readable");
        QTest::newRow("only writing is held") << true;
        QTest::newRow("reading too") << false;
    }
    void heldAtTheStartKeepsWhatIsTyped() {
        QFETCH(bool, readable);
        ConversationId old = 0;
        {
            ConversationStore store(folder_->path());
            old = chatWith(store, u"Old"_s, u"from before"_s);
        }
        const auto store = [&] {
            Stranger holder(path());
            if (!readable)
                holder.run(u"PRAGMA journal_mode = DELETE"_s);
            [&] { QVERIFY(holder.run(u"BEGIN EXCLUSIVE"_s)); }();
            auto opened = std::make_unique<ConversationStore>(folder_->path());
            QSignalSpy problems(opened.get(), &ConversationStore::problem);
            const ConversationId typed = chatWith(*opened, u"Typed"_s, u"meanwhile"_s);
            const auto check = [&] {
                QCOMPARE(listOf(*opened).size(), readable ? 2 : 1);
                QCOMPARE(openOf(*opened, typed).thread()[0].text(), u"meanwhile"_s);
                QTRY_COMPARE(problems.count(), 1);
                const QString said = problems[0][0].toString();
                QVERIFY2(!said.contains(u"damaged"_s) && said.contains(u"Another program"_s),
                         qPrintable(said));
            };
            check();
            holder.run(u"ROLLBACK"_s);
            return opened;
        }();
        QSignalSpy ready(store.get(), &ConversationStore::ready);
        // A chat that only the file has opens when it can.
        QCOMPARE(openOf(*store, old).thread()[0].text(), u"from before"_s);
        QTRY_COMPARE_WITH_TIMEOUT(store->unsaved(), 0, 5000);
        QTRY_VERIFY(ready.count() >= 1); // the list is read again
        QCOMPARE(listOf(*store).size(), 2);
        QCOMPARE(countIn(path(), u"messages"_s), 2);
    }

    void theEndWaitsForAHeldFile() {
        std::atomic<bool> held = false;
        std::thread holder;
        {
            ConversationStore store(folder_->path());
            QCOMPARE(listOf(store).size(), 0);
            holder = std::thread([&] {
                Stranger stranger(path());
                stranger.run(u"BEGIN EXCLUSIVE"_s);
                held = true;
                QThread::msleep(2500);
                stranger.run(u"ROLLBACK"_s);
            });
            QTRY_VERIFY(held);
            chatWith(store, u"Chat"_s, u"last words"_s);
        }
        holder.join();
        QCOMPARE(countIn(path(), u"messages"_s), 1);
    }

    void aBadJobDoesNotHoldUpTheOthers() {
        ConversationStore store(folder_->path());
        const ConversationId one = chatWith(store, u"One"_s, u"a"_s);
        QCOMPARE(listOf(store).size(), 1);
        QSignalSpy problems(&store, &ConversationStore::problem);
        {
            Stranger holder(path());
            QVERIFY(holder.run(u"BEGIN EXCLUSIVE"_s));
            // Of a chat that is nowhere: refused, now and later.
            store.append(messageOf(12345, 0, Author::User, u"nowhere"_s));
            store.append(messageOf(one, 0, Author::User, u"behind the bad one"_s));
            const ConversationId two = chatWith(store, u"Two"_s, u"b"_s);
            QCOMPARE(openOf(store, two).thread().size(), 1);
            QVERIFY(holder.run(u"ROLLBACK"_s));
        }
        QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 5000);
        QCOMPARE(countIn(path(), u"messages"_s), 3);
        QCOMPARE(countIn(path(), u"parts WHERE text = 'behind the bad one'"_s), 1);
        QVERIFY(sentences(problems).join(u'\n').contains(u"could not be stored"_s));
    }

    // ---- A file that is taken away ----

    void takenAwayWhileInUse_data() {
        QTest::addColumn<QString>("how");
        for (const char* how :
             {"deleted", "replaced by an older one", "folder deleted", "replaced by garbage", "emptied"})
            QTest::newRow(how) << QString::fromLatin1(how);
    }
    void takenAwayWhileInUse() {
        QFETCH(QString, how);
        const QString folder = folder_->filePath(u"data"_s), file = folder + u"/chats.sqlite"_s;
        ConversationId second = 0;
        {
            ConversationStore store(folder);
            chatWith(store, u"One"_s, u"first"_s);
            QTRY_COMPARE(store.unsaved(), 0);
            const QString older = folder_->filePath(u"older.sqlite"_s);
            Stranger(file).run(u"VACUUM INTO '%1'"_s.arg(older));
            chatWith(store, u"Two"_s, u"second"_s);
            QTRY_COMPARE(store.unsaved(), 0);
            if (how == u"folder deleted"_s) {
                QVERIFY(QDir(folder).removeRecursively());
            } else if (how == u"emptied"_s) {
                QVERIFY(QFile::resize(file, 0));
            } else {
                QVERIFY(QFile::remove(file));
                if (how == u"replaced by an older one"_s)
                    QVERIFY(QFile::rename(older, file));
                if (how == u"replaced by garbage"_s) {
                    QFile garbage(file);
                    QVERIFY(garbage.open(QIODevice::WriteOnly));
                    garbage.write(QByteArray("no database").repeated(1000));
                }
            }
            second = chatWith(store, u"Three"_s, u"third"_s);
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 15000);
            QCOMPARE(listOf(store).size(), 3);
        }
        ConversationStore store(folder);
        QCOMPARE(listOf(store).size(), 3);
        QCOMPARE(openOf(store, second).thread()[0].text(), u"third"_s);
        QCOMPARE(searchOf(store, u"first"_s).size(), 1);
    }

    void anotherProgramMayMakeItSmaller_data() {
        QTest::addColumn<bool>("stays_open");
        QTest::addColumn<bool>("waits");
        for (const bool stays_open : {false, true})
            for (const bool waits : {false, true})
                QTest::addRow("%s, %s", stays_open ? "it stays open" : "it closes",
                              waits ? "seen while nothing is written" : "seen at the next change")
                    << stays_open << waits;
    }
    void anotherProgramMayMakeItSmaller() {
        QFETCH(bool, stays_open);
        QFETCH(bool, waits);
        ConversationId kept = 0;
        {
            ConversationStore store(folder_->path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            kept = chatWith(store, u"Kept"_s, u"from before"_s);
            for (int i = 0; i < 40; ++i)
                store.remove(chatWith(store, u"Gone"_s, QString(20000, QChar(u'a' + i % 26))));
            store.purge();
            QTRY_COMPARE(store.unsaved(), 0);
            auto other = std::make_unique<Stranger>(path());
            QVERIFY(other->run(u"PRAGMA wal_checkpoint(TRUNCATE)"_s));
            const ConversationId meanwhile = chatWith(store, u"Meanwhile"_s, u"words"_s);
            QTRY_COMPARE(store.unsaved(), 0); // the size is known
            const qint64 before = QFileInfo(path()).size();
            QVERIFY(other->run(u"VACUUM"_s));
            QVERIFY(other->run(u"PRAGMA wal_checkpoint(TRUNCATE)"_s));
            QVERIFY(QFileInfo(path()).size() < before / 2);
            if (!stays_open)
                other.reset();
            struct stat log {
            }, later{};
            const QByteArray name = QFile::encodeName(path() + u"-wal"_s);
            QVERIFY(::stat(name.constData(), &log) == 0);
            if (waits)
                QTest::qWait(3500);
            for (int i = 0; i < 30; ++i) {
                chatWith(store, u"New %1"_s.arg(i), u"later "_s + QString(3000, u'x'));
                if (other)
                    QVERIFY(other->run(
                        u"UPDATE conversations SET title = 'By the other %1' WHERE id = %2"_s.arg(i).arg(
                            kept)));
            }
            QTRY_COMPARE(store.unsaved(), 0);
            QCOMPARE(listOf(store).size(), 32);
            QVERIFY(openOf(store, meanwhile).thread().size() == 1);
            QVERIFY(::stat(name.constData(), &later) == 0);
            QCOMPARE(later.st_ino, log.st_ino);
            QVERIFY2(problems.isEmpty(), qPrintable(sentences(problems).join(u' ')));
        }
        QCOMPARE(QDir(folder_->path()).entryList({u"chats.*.sqlite"_s}, QDir::Files), QStringList());
        Stranger reader(path());
        QCOMPARE(reader.number(u"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"_s),
                 1);
        QCOMPARE(reader.number(u"SELECT count(*) FROM conversations"_s), 32);
        if (stays_open)
            QCOMPARE(reader.number(u"SELECT count(*) FROM conversations WHERE title = 'By the other 29'"_s),
                     1);
    }

    void aFileCutShortWhileAnotherHasItOpenKeepsItsLog() {
        ConversationStore store(folder_->path());
        for (int i = 0; i < 20; ++i)
            chatWith(store, u"Chat"_s, QString(3000, u'x'));
        QTRY_COMPARE(store.unsaved(), 0);
        Stranger other(path());
        QVERIFY(other.run(u"PRAGMA wal_checkpoint(PASSIVE)"_s));
        chatWith(store, u"Chat"_s, u"the size is known"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        QVERIFY(other.number(u"SELECT count(*) FROM messages"_s) == 21); // it has the log open
        struct stat log {
        }, later{};
        const QByteArray name = QFile::encodeName(path() + u"-wal"_s);
        QVERIFY(::stat(name.constData(), &log) == 0);
        QVERIFY(QFile::resize(path(), QFileInfo(path()).size() / 2));
        chatWith(store, u"New"_s, u"words"_s);
        QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 12000);
        QCOMPARE(listOf(store).size(), 22);
        QVERIFY(::stat(name.constData(), &later) == 0);
        QCOMPARE(later.st_ino, log.st_ino);
    }

    void whatLiesInItsPlaceIsLeftAlone_data() {
        QTest::addColumn<QString>("what");
        for (const char* what : {"folder", "garbage", "empty file", "link to nothing", "link to a file",
                                 "pipe", "link to a device"})
            QTest::newRow(what) << QString::fromLatin1(what);
    }
    void whatLiesInItsPlaceIsLeftAlone() {
        QFETCH(QString, what);
        if (what == u"folder"_s)
            QVERIFY(QDir().mkpath(path()));
        const QString target = folder_->filePath(u"target.sqlite"_s);
        if (what == u"pipe"_s)
            QVERIFY(::mkfifo(QFile::encodeName(path()).constData(), 0600) == 0);
        else if (what == u"link to a device"_s)
            QVERIFY(QFile::link(u"/dev/zero"_s, path()));
        else if (what.startsWith(u"link"_s))
            QVERIFY(QFile::link(target, path()));
        if (what == u"garbage"_s || what == u"empty file"_s) {
            QFile file(path());
            QVERIFY(file.open(QIODevice::WriteOnly));
            if (what == u"garbage"_s)
                file.write(QByteArray("no database").repeated(1000));
        }
        if (what == u"link to a file"_s)
            QVERIFY(QFile(target).open(QIODevice::WriteOnly));
        const QByteArray before = what == u"garbage"_s ? hashOf(path()) : QByteArray();
        for (int start = 1; start <= 3; ++start) { // each finds what the one before it stored
            ConversationStore store(folder_->path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            chatWith(store, u"Chat"_s, u"works"_s);
            QTRY_COMPARE(store.unsaved(), 0);
            QCOMPARE(listOf(store).size(), start);
            const bool beside = what == u"folder"_s || what == u"garbage"_s || what == u"pipe"_s ||
                                what.endsWith(u"device"_s);
            QCOMPARE(problems.count(), beside && start == 1 ? 1 : 0);
            if (!problems.isEmpty())
                QVERIFY(problems[0][0].toString().contains(folder_->filePath(u"chats.2.sqlite"_s)));
        }
        if (what == u"garbage"_s)
            QCOMPARE(hashOf(path()), before);
    }

    void whatLiesInItsLogsPlaceIsSetAside_data() {
        QTest::addColumn<QString>("log");
        QTest::newRow("a folder for a log") << u"/chats.sqlite-wal"_s;
        QTest::newRow("a folder for the log's index") << u"/chats.sqlite-shm"_s;
        QTest::newRow("the log of a file that is gone") << QString();
    }
    void whatLiesInItsLogsPlaceIsSetAside() {
        QFETCH(QString, log);
        {
            ConversationStore store(folder_->path());
            chatWith(store, u"Old"_s, u"from before"_s);
            QTRY_COMPARE(store.unsaved(), 0);
            if (log.isEmpty())
                QVERIFY(QFile::copy(path() + u"-wal"_s, folder_->filePath(u"wal"_s)));
        }
        const QByteArray words = hashOf(folder_->filePath(u"wal"_s));
        if (log.isEmpty()) {
            QVERIFY(QFile::remove(path()));
            QVERIFY(QFile::rename(folder_->filePath(u"wal"_s), path() + u"-wal"_s));
        } else {
            QVERIFY(QDir().mkpath(folder_->path() + log + u"/kept"_s));
        }
        ConversationStore store(folder_->path());
        chatWith(store, u"New"_s, u"works"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        QCOMPARE(listOf(store).size(), log.isEmpty() ? 1 : 2);
        const QStringList left = QDir(folder_->path()).entryList({u"*.left-*"_s}, QDir::AllEntries);
        QCOMPARE(left.size(), 1);
        if (log.isEmpty())
            QCOMPARE(hashOf(folder_->filePath(left[0])), words);
        else
            QVERIFY(QFileInfo(folder_->filePath(left[0] + u"/kept"_s)).isDir());
    }

    // ---- Damage ----

    void aDamagedIndexIsMadeAnew_data() {
        QTest::addColumn<QString>("damage");
        QTest::addColumn<bool>("running");
        for (const char* damage : {"UPDATE search_data SET block = x'0badc0de0badc0de0badc0de'",
                                   "UPDATE search_data SET block = x'00'", "DELETE FROM search_data",
                                   "DROP TABLE search_idx", "DELETE FROM search_config", "DROP TABLE search",
                                   "UPDATE search_data SET block = zeroblob(200) WHERE id > 10"}) {
            QTest::addRow("%s, before the start", damage) << QString::fromLatin1(damage) << false;
            if (!QByteArray(damage).startsWith("DROP TABLE search\0"))
                QTest::addRow("%s, while it runs", damage) << QString::fromLatin1(damage) << true;
        }
    }
    void aDamagedIndexIsMadeAnew() {
        QFETCH(QString, damage);
        QFETCH(bool, running);
        std::unique_ptr<ConversationStore> store = std::make_unique<ConversationStore>(folder_->path());
        for (int i = 0; i < 40; ++i)
            chatWith(*store, u"Chat %1"_s.arg(i), u"apple number%1 among others"_s.arg(i));
        QTRY_COMPARE(store->unsaved(), 0);
        if (!running)
            store.reset();
        QVERIFY(Stranger(path()).run(damage));
        if (!running)
            store = std::make_unique<ConversationStore>(folder_->path());
        const ConversationId id = chatWith(*store, u"New"_s, u"apple and pear"_s);
        QCOMPARE(openOf(*store, id).thread()[0].text(), u"apple and pear"_s);
        searchOf(*store, u"number7"_s); // a question finds the damage at the latest
        QTRY_COMPARE(store->unsaved(), 0);
        QCOMPARE(searchOf(*store, u"pear"_s).size(), 1);
        QCOMPARE(searchOf(*store, u"number7"_s).size(), 1);
        QCOMPARE(listOf(*store).size(), 41);
        QVERIFY(!QFile::exists(folder_->filePath(u"chats.2.sqlite"_s)));
    }

    void aDamagedPageCostsOnlyItself_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::newRow("a page of one chat's words") << QByteArray("words, of chat 7 ");
        QTest::newRow("the page of the chats' titles") << QByteArray("Title 12");
    }
    void aDamagedPageCostsOnlyItself() {
        QFETCH(QByteArray, text);
        QList<ConversationId> chats;
        {
            ConversationStore store(folder_->path());
            for (int i = 0; i < 20; ++i) {
                chats.append(ConversationStore::newId());
                store.create(chats.last(), u"Title %1"_s.arg(i), {});
                MessageId parent = 0;
                for (int k = 0; k < 6; ++k) {
                    Message message = messageOf(chats.last(), parent, Author::User,
                                                u"words, of chat %1 %2"_s.arg(i).arg(QString(900, u'x')));
                    store.append(message);
                    parent = message.id;
                }
            }
        }
        // The table's pages, not those of the index, which holds single words.
        const QList<qint64> pages = pagesWith(path(), text);
        QVERIFY(!pages.isEmpty());
        overwritePage(path(), pages[pages.size() / 2]);
        ConversationId added = 0;
        {
            ConversationStore store(folder_->path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            int messages = 0;
            for (const ConversationId id : chats) {
                for (const Message& message : openOf(store, id).thread())
                    messages += message.text().startsWith(u"words, "_s) ? 1 : 0;
            }
            added = chatWith(store, u"New"_s, u"after the damage"_s);
            QCOMPARE(listOf(store).size(), 21);
            qInfo("%d of 120 messages can be read", messages);
            QVERIFY2(messages >= 110, qPrintable(QString::number(messages)));
            QTRY_COMPARE(store.unsaved(), 0);
            QCOMPARE(problems.count(), 1);
            QVERIFY(problems[0][0].toString().contains(u"chats.2.sqlite"_s));
        }
        const QByteArray before = hashOf(path());
        {
            ConversationStore store(folder_->path());
            QCOMPARE(listOf(store).size(), 21);
            QCOMPARE(openOf(store, added).thread()[0].text(), u"after the damage"_s);
        }
        QCOMPARE(hashOf(path()), before);
    }

    void aFileThatWasCutShortKeepsWhatIsLeft() {
        {
            ConversationStore store(folder_->path());
            for (int i = 0; i < 40; ++i)
                chatWith(store, u"Title %1"_s.arg(i), u"words %1 "_s.arg(i) + QString(900, u'x'));
        }
        const qint64 size = QFileInfo(path()).size();
        QVERIFY(QFile::resize(path(), size * 3 / 4));
        ConversationStore store(folder_->path());
        QSignalSpy problems(&store, &ConversationStore::problem);
        const qsizetype chats = listOf(store).size();
        qInfo("%d of 40 chats are left", int(chats));
        QVERIFY(chats >= 15);
        QCOMPARE(openOf(store, chatWith(store, u"New"_s, u"words"_s)).thread().size(), 1);
        QTRY_COMPARE(store.unsaved(), 0);
        QCOMPARE(problems.count(), 1);
        QCOMPARE(QFileInfo(path()).size(), size * 3 / 4);
    }

    void aRepairedFileTakesInWhatWasWrittenBeside() {
        ConversationId old = 0, beside = 0;
        {
            ConversationStore store(folder_->path());
            old = chatWith(store, u"Old"_s, u"from before"_s);
        }
        const QString good = folder_->filePath(u"good.copy"_s);
        QVERIFY(QFile::copy(path(), good));
        overwritePage(path(), 0);
        {
            ConversationStore store(folder_->path());
            beside = chatWith(store, u"Beside"_s, u"written beside"_s);
            QCOMPARE(listOf(store).size(), 1);
        }
        QVERIFY(QFile::remove(path()));
        QVERIFY(QFile::rename(good, path()));
        ConversationStore store(folder_->path());
        QCOMPARE(listOf(store).size(), 2);
        QCOMPARE(openOf(store, old).thread()[0].text(), u"from before"_s);
        QCOMPARE(openOf(store, beside).thread()[0].text(), u"written beside"_s);
        QVERIFY(!QFile::exists(folder_->filePath(u"chats.2.sqlite"_s)));
    }

    // ---- What was deleted ----

    void deletedRowsAreKeptForThirtyDays() {
        ConversationId young = 0, aged = 0;
        Message message;
        {
            ConversationStore store(folder_->path());
            young = chatWith(store, u"Young"_s, u"apple"_s);
            aged = chatWith(store, u"Aged"_s, u"apple"_s);
            message = messageOf(young, 0, Author::User, u"another beginning"_s);
            store.append(message);
            store.removeMessage(message.id);
            store.remove(young);
            store.remove(aged);
        }
        const qint64 day = 24LL * 3600 * 1000, now = QDateTime::currentMSecsSinceEpoch();
        {
            Stranger other(path());
            const QString set = u"UPDATE %1 SET deleted = %2 WHERE id = %3"_s;
            QVERIFY(other.run(set.arg(u"conversations"_s).arg(now - 29 * day).arg(young)));
            QVERIFY(other.run(set.arg(u"messages"_s).arg(now - 29 * day).arg(message.id)));
            QVERIFY(other.run(set.arg(u"conversations"_s).arg(now - 31 * day).arg(aged)));
        }
        ConversationStore store(folder_->path());
        store.restore(young);
        store.restore(aged);
        store.restoreMessage(message.id);
        QCOMPARE(listOf(store).size(), 1);
        QCOMPARE(openOf(store, young).thread()[0].text(), u"another beginning"_s);
        QCOMPARE(countIn(path(), u"messages"_s), 2);
    }

    void aWrongClockDeletesNothing_data() {
        QTest::addColumn<int>("days");
        QTest::newRow("the deletion was stamped 1970") << -1;
        QTest::newRow("today seems to be a year later") << 365;
    }
    void aWrongClockDeletesNothing() {
        QFETCH(int, days);
        const qint64 day = 24LL * 3600 * 1000;
        ConversationId id = 0;
        {
            ConversationStore store(folder_->path());
            id = chatWith(store, u"Chat"_s, u"apple"_s);
            store.remove(id);
        }
        if (days > 0) {
            // As if the clock were a year ahead now: everything lies a year back, the last start too.
            Stranger other(path());
            for (const char* column : {"conversations SET deleted = deleted",
                                       "conversations SET changed = changed", "starts SET at = at"})
                QVERIFY(other.run(u"UPDATE %1 - %2"_s.arg(QLatin1String(column)).arg(days * day)));
        } else {
            Stranger other(path());
            // The clock ran in the future while the chat was written: its deletion is no older than that.
            QVERIFY(other.run(u"UPDATE conversations SET deleted = NULL, changed = changed + %1"_s.arg(day)));
            {
                ConversationStore store(folder_->path());
                store.remove(id);
            }
            QVERIFY(other.number(u"SELECT deleted >= changed FROM conversations"_s) == 1);
        }
        ConversationStore store(folder_->path());
        store.restore(id);
        QCOMPARE(listOf(store).size(), 1);
    }
};

QTEST_GUILESS_MAIN(StoreTroubleTest)
#include "tst_store_trouble.moc"
