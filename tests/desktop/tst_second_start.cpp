// A second start reaches the first, and no lock that lies about is in its way.
#include "app/services/folder_lock.h"
#include "app/services/single_instance.h"
#include "program_fixture.h"

#include <QDir>
#include <QFile>
#include <QSysInfo>

#include <csignal>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace switchyard;
using namespace Qt::StringLiterals;

class SecondStartTest : public QObject, protected ProgramFixture {
    Q_OBJECT
    /// A connection to the first program, wherever its lock says that it listens; -1: none.
    int connected() const {
        FolderLock lock(data_ + u"/switchyard.lock"_s);
        if (lock.take() != FolderLock::State::Held || lock.holder().note.isEmpty())
            return -1;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        qstrncpy(address.sun_path, QFile::encodeName(lock.holder().note).constData(),
                 sizeof address.sun_path);
        const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? socket : -1;
    }

    void writeLock(const QByteArray& text) const {
        QDir().mkpath(data_);
        QFile lock(data_ + u"/switchyard.lock"_s);
        QVERIFY(lock.open(QIODevice::WriteOnly));
        lock.write(text);
    }

  private Q_SLOTS:
    void init() { makeFolder(); }

    void aSecondStartPassesModelAndPrompt() {
        const auto process = begin();
        const Result result = second({u"--model"_s, u"some.gguf"_s, u"--prompt"_s, u"Passed on: 你好"_s});
        QCOMPARE(result.code, 0);
        QVERIFY2(result.said.contains(u"already running"_s), qPrintable(result.said));
        QTRY_COMPARE_WITH_TIMEOUT(number(u"SELECT count(*) FROM parts WHERE text = 'Passed on: 你好'"_s), 1,
                                  kLong);
        process->terminate();
        QVERIFY(ends(*process));
    }

    /// From the folder that the second start was made in.
    void aModelFileReachesTheWindowThatIsOpen() {
        const auto process = begin({u"--model"_s, u"first.gguf"_s});
        const Result result = second({u"--prompt"_s, u"hi"_s, u"other.gguf"_s});
        QCOMPARE(result.code, 0);
        QVERIFY2(result.said.contains(u"does what was asked for"_s), qPrintable(result.said));
        QTRY_COMPARE_WITH_TIMEOUT(
            number(u"SELECT count(*) FROM messages WHERE author = 2 AND model = 'other.gguf'"_s), 1, kLong);
        process->terminate();
        QVERIFY(ends(*process));
    }

    void oneModelIsOpenedAtATime_data() {
        QTest::addColumn<QStringList>("more");
        QTest::addColumn<QString>("said");
        QTest::newRow("two files") << QStringList{u"a.gguf"_s, u"b.gguf"_s} << u"\"b.gguf\""_s;
        QTest::newRow("and --model") << QStringList{u"--model"_s, u"a.gguf"_s, u"b.gguf"_s}
                                     << u"\"b.gguf\""_s;
        QTest::newRow("an empty name") << QStringList{QString()} << u"is empty"_s;
    }
    void oneModelIsOpenedAtATime() {
        QFETCH(QStringList, more);
        QFETCH(QString, said);
        const Result result = second(more);
        QCOMPARE(result.code, 2);
        QVERIFY2(result.said.contains(said) && result.said.count(u'\n') == 1, qPrintable(result.said));
        QVERIFY(!QFile::exists(data_));
    }

    void aDeepDataFolderHasASocketToo() {
        for (int i = 0; i < 12; ++i)
            data_ += u"/a folder with a long name"_s;
        QProcessEnvironment without = environment();
        without.remove(u"XDG_RUNTIME_DIR"_s);
        const auto process = begin({}, without);
        QCOMPARE(second({u"--prompt"_s, u"deep"_s}, without).code, 0);
        process->terminate();
        QVERIFY(ends(*process));
        QVERIFY(QDir(data_).entryList({u"*.socket"_s}, QDir::System).isEmpty());
    }

    void nothingIsInTheCommonFolder() {
        QTemporaryDir common; // where everybody may write
        QProcessEnvironment all = environment();
        all.insert(u"TMPDIR"_s, common.path());
        const auto process = begin({}, all);
        QCOMPARE(process->state(), QProcess::Running);
        const QDir::Filters filters = QDir::AllEntries | QDir::System | QDir::Hidden | QDir::NoDotAndDotDot;
        QCOMPARE(QDir(common.path()).entryList({u"switchyard*"_s}, filters), QStringList());
        QCOMPARE(second({}, all).code, 0);
        process->terminate();
        QVERIFY(ends(*process));
    }

    void aFirstThatHangsIsNamed() {
        const auto process = begin();
        ::kill(static_cast<pid_t>(process->processId()), SIGSTOP);
        const Result result = second();
        ::kill(static_cast<pid_t>(process->processId()), SIGCONT);
        QCOMPARE(result.code, 1);
        QVERIFY2(result.said.contains(u"does not answer"_s) &&
                     result.said.contains(QString::number(process->processId())),
                 qPrintable(result.said));
        QVERIFY(result.milliseconds < 10000);
        process->terminate();
        QVERIFY(ends(*process));
    }

    /// Who was told that the window does not answer asks in another way: the words are not sent after all.
    void whatWasGivenUpIsNotSentLater() {
        const auto process = begin({u"--model"_s, u"x.gguf"_s});
        ::kill(static_cast<pid_t>(process->processId()), SIGSTOP);
        const Result given_up = second({u"--prompt"_s, u"Given up"_s});
        ::kill(static_cast<pid_t>(process->processId()), SIGCONT);
        QCOMPARE(given_up.code, 1);
        // The window is awake and does what is asked of it now.
        QCOMPARE(second({u"--prompt"_s, u"Asked now"_s}).code, 0);
        QTRY_COMPARE_WITH_TIMEOUT(number(u"SELECT count(*) FROM parts WHERE text = 'Asked now'"_s), 1, kLong);
        process->terminate();
        QVERIFY(ends(*process));
        QCOMPARE(number(u"SELECT count(*) FROM parts WHERE text = 'Given up'"_s), 0);
        QCOMPARE(number(u"SELECT count(*) FROM conversations"_s), 1);
    }

    /// A peer that speaks the words of a second start by hand. "NAP": the window sleeps longer than it waits
    /// for a peer.
    void onlyAConfirmedRequestIsDone_data() {
        QTest::addColumn<QByteArray>("confirmation");
        QTest::addColumn<bool>("nap");
        QTest::addColumn<int>("sent");
        QTest::newRow("gone without a word") << QByteArray() << false << 0;
        QTest::newRow("gone in the middle of its word") << QByteArray("do ") << false << 0;
        QTest::newRow("another word") << QByteArray("do not") << false << 0;
        QTest::newRow("confirmed, then gone") << QByteArray("do it\n") << false << 1;
        QTest::newRow("confirmed to a window that sleeps") << QByteArray("do it\n") << true << 1;
    }
    void onlyAConfirmedRequestIsDone() {
        QFETCH(QByteArray, confirmation);
        QFETCH(bool, nap);
        QFETCH(int, sent);
        const auto process = begin({u"--model"_s, u"x.gguf"_s});
        const int socket = connected();
        QVERIFY(socket >= 0);
        const auto say = [socket](const QByteArray& bytes) {
            return ::send(socket, bytes.constData(), static_cast<size_t>(bytes.size()), MSG_NOSIGNAL) ==
                   bytes.size();
        };
        QVERIFY(say(packRequest({{}, u"By hand"_s, {}})));
        char answer[8] = {};
        QCOMPARE(::recv(socket, answer, 6, MSG_WAITALL), 6);
        QCOMPARE(QByteArray(answer), QByteArray("ready\n"));
        if (nap)
            ::kill(static_cast<pid_t>(process->processId()), SIGSTOP);
        QVERIFY(say(confirmation));
        ::close(socket);
        if (nap) {
            QTest::qWait(5500);
            ::kill(static_cast<pid_t>(process->processId()), SIGCONT);
        }
        QCOMPARE(second({u"--prompt"_s, u"Last"_s}).code, 0);
        QTRY_COMPARE_WITH_TIMEOUT(number(u"SELECT count(*) FROM parts WHERE text = 'Last'"_s), 1, kLong);
        process->terminate();
        QVERIFY(ends(*process));
        QCOMPARE(number(u"SELECT count(*) FROM parts WHERE text = 'By hand'"_s), sent);
    }

    void aRequestIsBounded() {
        StartRequest back;
        const StartRequest request{u"/m.gguf"_s, u"你好\n\"x\""_s, u"token\n\x7f"_s};
        QVERIFY(unpackRequest(packRequest(request).mid(4), back));
        QCOMPARE(back.model, request.model);
        QCOMPARE(back.prompt, request.prompt);
        QCOMPARE(back.activation, u"token"_s);
        QVERIFY(packRequest({{}, QString(2 << 20, u'x'), {}}).isEmpty());
    }

    void strangePeersDoNotStopTheWindow() {
        const auto process = begin();
        const QByteArray floods[] = {QByteArray("\xff\xff\xff\xff", 4) + QByteArray(100000, 'x'),
                                     QByteArray("\0\0\0\4{{{{", 8), QByteArray("\0\0\0\2[]", 6),
                                     QByteArray(1, '\0'), QByteArray("GET / HTTP/1.1\r\n\r\n")};
        QList<int> open;
        for (const QByteArray& flood : floods) {
            const int socket = connected();
            QVERIFY(socket >= 0);
            (void)::send(socket, flood.constData(), static_cast<size_t>(flood.size()),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
            open.append(socket);
        }
        open.append(connected()); // and one that says nothing
        const Result result = second({u"--prompt"_s, u"still there"_s});
        QCOMPARE(result.code, 0);
        QVERIFY2(result.milliseconds < 5000, qPrintable(QString::number(result.milliseconds)));
        for (const int socket : open)
            ::close(socket);
        QCOMPARE(process->state(), QProcess::Running);
        process->terminate();
        QVERIFY(ends(*process));
    }

    // ---- Locks that lie about ----

    void aStaleLockIsNoObstacle_data() {
        QTest::addColumn<QByteArray>("text");
        const QByteArray host = QSysInfo::machineHostName().toUtf8(), machine = QSysInfo::machineUniqueId(),
                         boot = QSysInfo::bootUniqueId();
        const QByteArray here = host + '\n' + machine + '\n' + boot + '\n';
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("garbage") << QByteArray("\0\xff\x01 no lock\n\n\n", 14);
        QTest::newRow("long garbage") << QByteArray(100000, 'x');
        QTest::newRow("a process that is gone") << QByteArray("4194000\nswitchyard\n") + here;
        QTest::newRow("another program") << QByteArray("1\nswitchyard\n") + here;
        QTest::newRow("this test") << QByteArray::number(getpid()) + "\nswitchyard\n" + here;
        QTest::newRow("before the last boot")
            << QByteArray::number(getppid()) + "\n\n" + host + '\n' + machine + "\nanother-boot\n";
        QTest::newRow("the same program, started later")
            << QByteArray::number(getpid()) + "\ntst_second_start\n" + here + "12345\n";
        QTest::newRow("a negative process") << QByteArray("-1\nswitchyard\n") + here;
    }
    void aStaleLockIsNoObstacle() {
        QFETCH(QByteArray, text);
        writeLock(text);
        const auto process = begin();
        QCOMPARE(process->state(), QProcess::Running);
        QCOMPARE(second().code, 0); // it holds the lock now
        process->terminate();
        QVERIFY(ends(*process));
    }

    void anotherMachinesLockIsNamedAndKept_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::newRow("by its name") << QByteArray("77\nswitchyard\nfar-away\n");
        QTest::newRow("by its number") << QByteArray("77\nswitchyard\nfar-away\n0123456789abcdef\nboot\n");
    }
    void anotherMachinesLockIsNamedAndKept() {
        QFETCH(QByteArray, text);
        writeLock(text);
        const Result result = second();
        QCOMPARE(result.code, 1);
        QVERIFY2(result.said.contains(u"far-away"_s) && result.said.contains(u"switchyard.lock"_s),
                 qPrintable(result.said));
        QFile lock(data_ + u"/switchyard.lock"_s);
        QVERIFY(lock.open(QIODevice::ReadOnly));
        QCOMPARE(lock.readAll(), text);
    }

    void aLiveProcessOfTheSameProgramHoldsIt() {
        // Where a file system has no locks of its own the text decides.
        writeLock(QByteArray::number(getpid()) + "\ntst_second_start\n" +
                  QSysInfo::machineHostName().toUtf8() + "\n\n\n\n");
        QCOMPARE(second().code, 1);
    }

    void whatIsNoLockFileIsLeftAlone_data() {
        QTest::addColumn<QString>("what");
        for (const char* what : {"a folder", "a link"})
            QTest::newRow(what) << QString::fromLatin1(what);
    }
    void whatIsNoLockFileIsLeftAlone() {
        QFETCH(QString, what);
        QDir().mkpath(data_);
        const QString lock = data_ + u"/switchyard.lock"_s, target = folder_->filePath(u"precious"_s);
        QFile precious(target);
        QVERIFY(precious.open(QIODevice::WriteOnly));
        precious.write("words");
        precious.close();
        if (what == u"a folder"_s)
            QVERIFY(QDir().mkpath(lock));
        else
            QVERIFY(QFile::link(target, lock));
        const Result result = second();
        QCOMPARE(result.code, 1);
        QVERIFY2(result.said.contains(lock), qPrintable(result.said));
        QCOMPARE(QFile(target).size(), 5);
    }
};

QTEST_GUILESS_MAIN(SecondStartTest)
#include "tst_second_start.moc"
