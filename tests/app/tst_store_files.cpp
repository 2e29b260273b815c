// The files the chats lie in: whose they are, and what happens where they cannot be written elsewhere.
#include "store_fixture.h"
#include "stranger.h"

#include "app/services/chat_file_header.h"
#include "app/services/paths.h"
#include "app/services/presets.h"
#include "app/services/settings.h"

#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QTemporaryDir>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// How many renames go well before all fail; negative: all go well.
std::atomic<int> renames_left{-1};

int mode(const QString& path) {
    struct stat status {};
    return ::stat(QFile::encodeName(path).constData(), &status) == 0 ? int(status.st_mode & 0777) : -1;
}

QStringList namesIn(const QString& folder) {
    return QDir(folder).entryList(QDir::Files | QDir::Hidden | QDir::System, QDir::Name);
}

} // namespace

// Stands before the C library's for this program and the libraries it uses.
extern "C" int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
    if (renames_left >= 0 && renames_left-- <= 0) {
        renames_left = 0;
        errno = ENOSPC;
        return -1;
    }
    static const auto real = reinterpret_cast<decltype(&renameat2)>(dlsym(RTLD_NEXT, "renameat2"));
    return real(from_folder, from, to_folder, to, flags);
}

class StoreFilesTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    rlimit room_{}; ///< bytes that a file may have
    QString data() const { return folder_->filePath(u"data"_s); }
    QString path() const { return data() + u"/chats.sqlite"_s; }

  private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        ::umask(022);
        QVERIFY(::getrlimit(RLIMIT_FSIZE, &room_) == 0);
    }
    void cleanup() {
        renames_left = -1;
        ::umask(022);
        ::setrlimit(RLIMIT_FSIZE, &room_);
    }

    // ---- Whose they are ----

    void nobodyElseReadsThem_data() {
        QTest::addColumn<int>("mask");
        for (const int mask : {0, 022, 0777})
            QTest::addRow("umask %o", mask) << mask;
    }
    void nobodyElseReadsThem() {
        QFETCH(int, mask);
        ::umask(static_cast<mode_t>(mask));
        {
            const Paths paths = Paths::standard(data());
            Settings(paths.settings).set<Setting::Preset>(u"mine"_s);
            QVERIFY(Presets(paths.presets).save(u"Mine"_s, {}));
            ConversationStore store(data());
            chatWith(store, u"Chat"_s, u"words"_s);
            QTRY_COMPARE(store.unsaved(), 0);
            // While it is open its log and index lie there too.
            QVERIFY(namesIn(data()).contains(u"chats.sqlite-wal"_s));
            for (QDirIterator it(data(), QDir::Files | QDir::Hidden, QDirIterator::Subdirectories);
                 it.hasNext();) {
                const QString file = it.next();
                QVERIFY2(mode(file) == 0600, qPrintable(u"%1 %2"_s.arg(file).arg(mode(file), 0, 8)));
            }
            for (const QString& folder : {data(), paths.models, paths.presets})
                QCOMPARE(mode(folder), 0700);
        }
    }

    void whatWasReadableByAllIsNarrowed() {
        QVERIFY(QDir().mkpath(data()));
        {
            ConversationStore store(data());
            chatWith(store, u"Chat"_s, u"words"_s);
        }
        const QStringList names = {u"chats.sqlite"_s, u"chats.v1.20260101-000000-000.backup.sqlite"_s,
                                   u"chats.2.added-1.sqlite"_s, u"switchyard.ini"_s};
        for (const QString& name : names) {
            QFile file(data() + u'/' + name);
            QVERIFY(file.open(QIODevice::ReadWrite));
            QVERIFY(::chmod(QFile::encodeName(file.fileName()).constData(), 0644) == 0);
        }
        QVERIFY(::chmod(QFile::encodeName(data()).constData(), 0755) == 0);
        Settings settings(data() + u"/switchyard.ini"_s);
        settings.set<Setting::Preset>(u"mine"_s);
        ConversationStore store(data());
        QCOMPARE(listOf(store).size(), 1);
        QCOMPARE(mode(data()), 0700);
        for (const QString& name : names)
            QCOMPARE(mode(data() + u'/' + name), 0600);
        // Of a folder with other things in it the user decides; its chats are narrowed all the same.
        const QString shared = folder_->filePath(u"shared"_s);
        QVERIFY(QDir().mkpath(shared + u"/letters"_s));
        QVERIFY(::chmod(QFile::encodeName(shared).constData(), 0755) == 0);
        ConversationStore other(shared);
        QCOMPARE(listOf(other).size(), 0);
        QCOMPARE(mode(shared), 0755);
        QCOMPARE(mode(shared + u"/chats.sqlite"_s), 0600);
    }

    void logsOfAFileThatWasReadOnlyCanBeWrittenAgain() {
        {
            ConversationStore store(data());
            QCOMPARE(listOf(store).size(), 0);
        }
        const QString index = path() + u"-shm"_s;
        QVERIFY(QFile(index).open(QIODevice::WriteOnly));
        QVERIFY(::chmod(QFile::encodeName(index).constData(), 0400) == 0);
        ConversationStore store(data());
        chatWith(store, u"Chat"_s, u"words"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        QCOMPARE(mode(index), 0600);
    }

    void copiesAndRescuedFilesAreNarrowToo() {
        ConversationStore store(data());
        chatWith(store, u"Chat"_s, u"words"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        QVERIFY(QFile::remove(path()));
        chatWith(store, u"Later"_s, u"words"_s);
        QTRY_COMPARE(store.unsaved(), 0);
        const QString names = namesIn(data()).join(u' ');
        QVERIFY2(names.contains(u"added"_s) && !names.contains(u"left"_s), qPrintable(names));
        for (const QString& name : namesIn(data()))
            QCOMPARE(mode(data() + u'/' + name), 0600);
    }

    // ---- Where they cannot be written elsewhere ----

    void aTakenFileThatCannotBeWrittenAnew_data() {
        QTest::addColumn<QString>("why");
        QTest::addColumn<bool>("writing");
        for (const char* why : {"a file in the folder's place", "all names are taken", "no room"}) {
            QTest::addRow("%s, while chats change", why) << QString::fromLatin1(why) << true;
            QTest::addRow("%s, while nothing changes", why) << QString::fromLatin1(why) << false;
        }
    }
    void aTakenFileThatCannotBeWrittenAnew() {
        QFETCH(QString, why);
        QFETCH(bool, writing);
        ::signal(SIGXFSZ, SIG_IGN);
        const QString away = folder_->filePath(u"away"_s);
        {
            ConversationStore store(data());
            QSignalSpy problems(&store, &ConversationStore::problem);
            for (int i = 0; i < 20; ++i)
                chatWith(store, u"Old"_s, QString(2000, u'x'));
            QTRY_COMPARE(store.unsaved(), 0);
            QVERIFY(QFile::remove(path()));
            if (why == u"no room"_s) {
                rlimit none = room_;
                none.rlim_cur = 16384;
                QVERIFY(::setrlimit(RLIMIT_FSIZE, &none) == 0);
            } else if (why == u"all names are taken"_s) {
                for (int number = 2; number <= 9; ++number)
                    QVERIFY(QDir().mkpath(data() + u"/chats.%1.sqlite"_s.arg(number)));
            } else {
                QVERIFY(QDir().rename(data(), away));
                QVERIFY(QFile(data()).open(QIODevice::WriteOnly));
            }
            if (writing)
                chatWith(store, u"New"_s, u"meanwhile"_s);
            QTRY_COMPARE_WITH_TIMEOUT(problems.count(), 1, 8000);
            const QString said = problems[0][0].toString();
            QCOMPARE(problems[0][1].toBool(), false);
            QVERIFY2(said.contains(path()) && said.contains(u"taken away"_s), qPrintable(said));
            QCOMPARE(listOf(store).size(), writing ? 21 : 20);
            QVERIFY(store.unsaved() > 0); // by this the window asks before it closes
            if (writing) {
                QTest::qWait(5200); // another try, in vain
                QCOMPARE(listOf(store).size(), 21);
                QVERIFY(store.unsaved() > 0);
            }
            QVERIFY(::setrlimit(RLIMIT_FSIZE, &room_) == 0);
            if (why == u"all names are taken"_s)
                QVERIFY(QDir().rmdir(data() + u"/chats.7.sqlite"_s));
            if (why.startsWith(u"a file"_s))
                QVERIFY(QFile::remove(data()));
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 12000);
        }
        ConversationStore store(data());
        QCOMPARE(listOf(store).size(), writing ? 21 : 20);
        QCOMPARE(countIn(path(), u"parts WHERE length(text) = 2000"_s), 20);
    }

    void aRepairThatFindsNoRoomIsMadeGood() {
        ::signal(SIGXFSZ, SIG_IGN);
        const QString other = folder_->filePath(u"other"_s);
        {
            ConversationStore store(other); // too large to be added while there is no room
            for (int i = 0; i < 100; ++i)
                chatWith(store, u"Later"_s, QString(20000, u'y'));
        }
        {
            ConversationStore store(data());
            for (int i = 0; i < 20; ++i)
                chatWith(store, u"Chat"_s, u"words, of chat "_s + QString(3000, u'x'));
        }
        const auto page = [&] {
            QFile file(path());
            if (!file.open(QIODevice::ReadOnly))
                return qint64{-1};
            return qint64(file.readAll().lastIndexOf("words, of chat") / 4096);
        }();
        QVERIFY(page > 1);
        overwritePage(path(), page);
        {
            ConversationStore store(data());
            QSignalSpy problems(&store, &ConversationStore::problem);
            QCOMPARE(listOf(store).size(), 20);
            QVERIFY(QFile::copy(other + u"/chats.sqlite"_s, data() + u"/chats.3.sqlite"_s));
            rlimit little = room_;
            little.rlim_cur = 600000;
            QVERIFY(::setrlimit(RLIMIT_FSIZE, &little) == 0);
            for (const ConversationSummary& chat : listOf(store))
                openOf(store, chat.id); // one of them is on the broken page
            chatWith(store, u"New"_s, u"meanwhile"_s);
            QTRY_VERIFY(!problems.isEmpty());
            QVERIFY(store.unsaved() > 0);
            QTest::qWait(6000); // another try, in vain
            QVERIFY2(!sentences(problems).join(u'\n').contains(u"taken away"_s),
                     qPrintable(sentences(problems).join(u'\n')));
            QVERIFY(store.unsaved() > 0);
            QVERIFY(::setrlimit(RLIMIT_FSIZE, &room_) == 0);
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 12000);
            QVERIFY(titlesIn(store).contains(u"New"_s));
            QCOMPARE(titlesIn(store).count(u"Later"_s), 100);
        }
        QVERIFY(!QFile::exists(data() + u"/chats.4.sqlite"_s));
        QVERIFY(namesIn(data()).filter(u"chats.4"_s).isEmpty());
    }

    void itsMarkIsTheSameInEveryVersionOfTheLibraries() {
        QVERIFY(QDir().mkpath(data()));
        QFile file(path());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("12345");
        file.close();
        struct stat status {};
        QVERIFY(::stat(QFile::encodeName(path()).constData(), &status) == 0);
        const QByteArray words =
            QByteArray::number(qint64(status.st_size)) + ' ' +
            QByteArray::number(qint64(status.st_mtim.tv_sec) * 1000 + status.st_mtim.tv_nsec / 1000000) +
            ' ' + QByteArray::number(quint64(status.st_ino));
        const QByteArray hash = QCryptographicHash::hash(words, QCryptographicHash::Sha256).left(4);
        QCOMPARE(fingerprint(path()), qint32((hash.toHex().toUInt(nullptr, 16) & 0x3fffffff) | 1));
    }

    void aFileTakenAwayJustBeforeTheEndIsWrittenAnew() {
        {
            ConversationStore store(data());
            chatWith(store, u"Old"_s, u"words"_s);
            QTRY_COMPARE(store.unsaved(), 0);
            QVERIFY(QFile::remove(path()));
        }
        ConversationStore store(data());
        QCOMPARE(listOf(store).size(), 1);
    }

    void aRenameThatFailsLosesNothing_data() {
        QTest::addColumn<QString>("when");
        QTest::addColumn<int>("well");
        for (const char* when : {"damaged", "taken away", "added"})
            for (int well = 0; well < 2; ++well)
                QTest::addRow("%s, %d go well", when, well) << QString::fromLatin1(when) << well;
    }
    void aRenameThatFailsLosesNothing() {
        QFETCH(QString, when);
        QFETCH(int, well);
        const QString good = folder_->filePath(u"good"_s);
        {
            ConversationStore store(data());
            chatWith(store, u"Old"_s, u"words"_s);
        }
        QVERIFY(QFile::copy(path(), good));
        if (when != u"taken away"_s)
            overwritePage(path(), 0);
        if (when == u"added"_s) {
            {
                ConversationStore store(data());
                chatWith(store, u"Beside"_s, u"beside"_s);
            }
            QVERIFY(QFile::remove(path()));
            QVERIFY(QFile::copy(good, path()));
        }
        {
            if (when != u"taken away"_s)
                renames_left = well;
            ConversationStore store(data());
            QSignalSpy problems(&store, &ConversationStore::problem);
            listOf(store);
            if (when == u"taken away"_s) {
                renames_left = well;
                QVERIFY(QFile::remove(path()));
            }
            chatWith(store, u"New"_s, u"meanwhile"_s);
            QVERIFY(titlesIn(store).contains(u"New"_s));
            QVERIFY(when == u"damaged"_s || titlesIn(store).contains(u"Old"_s));
            if (when == u"added"_s)
                QVERIFY(titlesIn(store).contains(u"Beside"_s));
            if (well == 0)
                QTRY_VERIFY(!problems.isEmpty()); // and is not kept secret
            renames_left = -1;
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 12000);
        }
        const QStringList all = when == u"damaged"_s ? QStringList{u"New"_s}
                                : when == u"added"_s ? QStringList{u"Beside"_s, u"New"_s, u"Old"_s}
                                                     : QStringList{u"New"_s, u"Old"_s};
        for (int start = 0; start < 2; ++start) { // what was added once is not added again
            ConversationStore store(data());
            QCOMPARE(titlesIn(store), all);
            if (when == u"added"_s && start == 0)
                for (const ConversationSummary& chat : listOf(store))
                    if (chat.title == u"Beside"_s)
                        store.rename(chat.id, u"Beside"_s);
        }
    }
};

QTEST_GUILESS_MAIN(StoreFilesTest)
#include "tst_store_files.moc"
