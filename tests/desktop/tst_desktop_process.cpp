// The program as a process: it saves when the system ends it, and a second start reaches the first.
#include "app/services/conversation_store.h"
#include "app/services/folder_lock.h"
#include "app/services/single_instance.h"
#include "scripted_model.h"
#include "tests/app/store_fixture.h"
#include "tests/support/time_limit.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QProcess>
#include <QSettings>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QSysInfo>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

constexpr int kLong = 20000; ///< ms: a loaded machine starts a window in this time

struct Result {
    int code = -1;
    QString said;
    qint64 milliseconds = 0;
};

} // namespace

class DesktopProcessTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;
    QString data_;

    QStringList arguments(const QStringList& more) const {
        return QStringList{u"--data-dir"_s, data_} + more;
    }

    static QProcessEnvironment environment() {
        QProcessEnvironment all = QProcessEnvironment::systemEnvironment();
        all.insert(u"QT_QPA_PLATFORM"_s, u"offscreen"_s);
        all.insert(u"LC_ALL"_s, u"C.UTF-8"_s);
        return all;
    }

    /// With scripted answers, and with the engine.
    static QString scripted() { return QStringLiteral(SCRIPTED_PROGRAM); }
    static QString real() {
        return qEnvironmentVariable("SWITCHYARD_PROGRAM", QStringLiteral(SWITCHYARD_PROGRAM));
    }

    std::unique_ptr<QProcess> begin(const QStringList& more = {},
                                    QProcessEnvironment all = environment()) const {
        return beginWith(scripted(), arguments(QStringList{u"--timing"_s} + more), all);
    }

    /// Waits until the window is there.
    std::unique_ptr<QProcess> beginWith(const QString& program, const QStringList& arguments,
                                        QProcessEnvironment all = environment()) const {
        auto process = std::make_unique<QProcess>();
        process->setProcessEnvironment(all);
        process->start(program, arguments);
        if (!process->waitForStarted())
            return process;
        QByteArray said;
        QElapsedTimer timer;
        timer.start();
        while (!said.contains("first paint") && timer.elapsed() < kLong &&
               process->state() == QProcess::Running) {
            process->waitForReadyRead(200);
            said += process->readAllStandardError();
        }
        return process;
    }

    Result second(const QStringList& more = {}, QProcessEnvironment all = environment()) const {
        QElapsedTimer timer;
        timer.start();
        QProcess process;
        process.setProcessEnvironment(all);
        process.start(scripted(), arguments(more));
        process.waitForFinished(kLong);
        if (process.state() != QProcess::NotRunning)
            process.kill(), process.waitForFinished();
        return {process.exitCode(), QString::fromUtf8(process.readAllStandardError()), timer.elapsed()};
    }

    int number(const QString& statement) const {
        int found = -1;
        {
            QSqlDatabase db = QSqlDatabase::addDatabase(u"QSQLITE"_s, u"look"_s);
            db.setDatabaseName(data_ + u"/chats.sqlite"_s);
            db.setConnectOptions(u"QSQLITE_BUSY_TIMEOUT=2000"_s);
            if (db.open()) {
                QSqlQuery query(db);
                if (query.exec(statement) && query.next())
                    found = query.value(0).toInt();
            }
        }
        QSqlDatabase::removeDatabase(u"look"_s);
        return found;
    }

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

    /// Processor time that the process has taken so far, ms; -1: not known.
    static double processorMilliseconds(const QProcess& process) {
        QFile file(u"/proc/%1/stat"_s.arg(process.processId()));
        if (!file.open(QIODevice::ReadOnly))
            return -1;
        const QByteArray line = file.readAll();
        const QList<QByteArray> fields = line.mid(line.lastIndexOf(')') + 2).split(' '); // from the third on
        return fields.size() < 13 ? -1
                                  : (fields[11].toDouble() + fields[12].toDouble()) * 1000.0 /
                                        static_cast<double>(sysconf(_SC_CLK_TCK));
    }

    static bool ends(QProcess& process, int within = 12000) {
        return process.waitForFinished(within) && process.exitStatus() == QProcess::NormalExit;
    }

    void writeLock(const QByteArray& text) const {
        QDir().mkpath(data_);
        QFile lock(data_ + u"/switchyard.lock"_s);
        QVERIFY(lock.open(QIODevice::WriteOnly));
        lock.write(text);
    }

  private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        data_ = folder_->filePath(u"data"_s);
    }

    /// Half a second by the clock on a machine of its own; here with room for one three times slower.
    void theWindowIsThereSoon() {
        const auto process = begin();
        const double took = processorMilliseconds(*process);
        QCOMPARE(process->state(), QProcess::Running);
        qInfo("the window was there after %.0f ms of processor time", took);
        QVERIFY(took >= 0);
        QVERIFY2(took < 1500 * test::kSanitizerSlowdown, qPrintable(QString::number(took)));
        process->terminate();
        QVERIFY(ends(*process));
    }

    /// Qt would wait for it in the window's thread.
    void aSessionBusThatHangsIsNotWaitedFor_data() {
        QTest::addColumn<bool>("greets");
        QTest::newRow("from the beginning") << false;
        QTest::newRow("after its greeting") << true;
    }
    void aSessionBusThatHangsIsNotWaitedFor() {
        QFETCH(bool, greets);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const QString path = folder_->filePath(u"bus"_s);
        qstrncpy(address.sun_path, QFile::encodeName(path).constData(), sizeof address.sun_path);
        const int bus = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        QVERIFY(::bind(bus, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                ::listen(bus, 8) == 0);
        std::jthread greeter([bus, greets] {
            const int caller = greets ? ::accept(bus, nullptr, nullptr) : -1; // ends with the socket
            char line[200];
            if (caller >= 0 && ::recv(caller, line, sizeof line, 0) > 0)
                ::send(caller, "OK 0123456789abcdef\r\n", 21, MSG_NOSIGNAL);
        });
        QProcessEnvironment all = environment();
        all.insert(u"DBUS_SESSION_BUS_ADDRESS"_s, u"unix:path="_s + path);
        const Result result =
            second({u"--model"_s, u"x.gguf"_s, u"--prompt"_s, u"Hello"_s, u"--quit"_s}, all);
        ::shutdown(bus, SHUT_RDWR);
        ::close(bus);
        QCOMPARE(result.code, 0);
        QCOMPARE(number(u"SELECT count(*) FROM messages"_s), 2);
        QVERIFY2(result.said.contains(u"bus does not answer"_s), qPrintable(result.said));
    }

    void withoutAThreadItGoesOnOrSaysSo_data() {
        QTest::addColumn<QString>("which");
        for (int from = 0; from < 4; ++from) { // these are the program's own
            QTest::addRow("thread %d", from) << u"%1:%2"_s.arg(from).arg(from + 1);
            QTest::addRow("all from thread %d", from) << u"%1:1000"_s.arg(from);
        }
    }
    void withoutAThreadItGoesOnOrSaysSo() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        QSKIP("a sanitizer has to be the first library");
#endif
        QFETCH(QString, which);
        QProcessEnvironment all = environment();
        all.insert(u"LD_PRELOAD"_s, QStringLiteral(NO_THREADS));
        all.insert(u"NO_THREADS"_s, which);
        const Result result =
            second({u"--model"_s, u"x.gguf"_s, u"--prompt"_s, u"Hello"_s, u"--quit"_s}, all);
        if (result.code == 0) {
            QCOMPARE(number(u"SELECT count(*) FROM messages"_s), 2);
        } else {
            QVERIFY2(result.code == 1 && result.said.contains(u"no further thread"_s),
                     qPrintable(u"%1 %2"_s.arg(result.code).arg(result.said)));
        }
    }

    void aSignalSavesTheAnswer_data() {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGHUP") << SIGHUP;
        QTest::newRow("SIGINT") << SIGINT;
    }
    void aSignalSavesTheAnswer() {
        QFETCH(int, signal);
        const auto process = begin({u"--model"_s, u"x.gguf"_s, u"--prompt"_s, u"Tell me something long."_s});
        QTRY_COMPARE_WITH_TIMEOUT(number(u"SELECT count(*) FROM messages"_s), 2, kLong);
        QTest::qWait(300);
        ::kill(static_cast<pid_t>(process->processId()), signal);
        QVERIFY(ends(*process));
        QCOMPARE(process->exitCode(), 0);
        // Stopped by the user's system, not found interrupted; and no lock stays.
        QVERIFY(number(u"SELECT state FROM messages WHERE author = 2"_s) !=
                static_cast<int>(MessageState::Streaming));
        QVERIFY(!QFile::exists(data_ + u"/switchyard.lock"_s));
    }

    void aSignalEndsTheProcessWhileTheFileIsHeld() {
        const auto process = begin();
        QTRY_COMPARE_WITH_TIMEOUT(number(u"SELECT count(*) FROM conversations"_s), 0, kLong);
        QSqlDatabase holder = QSqlDatabase::addDatabase(u"QSQLITE"_s, u"holder"_s);
        holder.setDatabaseName(data_ + u"/chats.sqlite"_s);
        QVERIFY(holder.open());
        QVERIFY(QSqlQuery(holder).exec(u"BEGIN EXCLUSIVE"_s));
        QCOMPARE(second({u"--model"_s, u"x.gguf"_s, u"--prompt"_s, u"hello"_s}).code, 0);
        QTest::qWait(2500);
        ::kill(static_cast<pid_t>(process->processId()), SIGTERM);
        QTest::qWait(2000);
        QCOMPARE(process->state(), QProcess::Running); // it waits for the file
        QVERIFY(QSqlQuery(holder).exec(u"ROLLBACK"_s));
        QVERIFY(ends(*process));
        holder.close();
        holder = {};
        QSqlDatabase::removeDatabase(u"holder"_s);
        QCOMPARE(number(u"SELECT count(*) FROM messages"_s), 2);
    }

    void theLayoutSurvivesAKill() {
        const auto process = begin();
        const QString ini = data_ + u"/switchyard.ini"_s;
        QTRY_VERIFY_WITH_TIMEOUT(QSettings(ini, QSettings::IniFormat).contains(u"window/geometry"_s), 5000);
        ::kill(static_cast<pid_t>(process->processId()), SIGKILL);
        process->waitForFinished();
        // The lock of the dead process is no obstacle.
        const auto again = begin();
        QCOMPARE(again->state(), QProcess::Running);
        again->terminate();
        QVERIFY(ends(*again));
    }

    /// Templates that search and wrap a long text again and again: they must end with the program.
    void aSignalEndsATemplateThatSearchesLongTexts_data() {
        QTest::addColumn<QString>("work");
        QTest::newRow("find") << u"text.find('zz')"_s;
        QTest::newRow("wordwrap") << u"text | wordwrap(7)"_s;
        QTest::newRow("replace") << u"text | replace('z', 'yy')"_s;
    }
    void aSignalEndsATemplateThatSearchesLongTexts() {
        QFETCH(QString, work);
        ScriptedModel model = chatScript({"Yes"});
        model.chat_template =
            u"{% set text = messages[0].content * 20000 %}{% if text|length > 400000 %}"
            "{% for i in range(100000) %}{% set x = WORK %}{% endfor %}{% endif %}"_s.replace(u"WORK"_s, work)
                .toStdString();
        const QString path = folder_->filePath(u"long.gguf"_s);
        model.write(path.toStdString());
        const auto process = beginWith(real(), {u"--data-dir"_s, data_, u"--timing"_s, u"--model"_s, path,
                                                u"--prompt"_s, u"a question of some length, z"_s});
        QTRY_COMPARE_WITH_TIMEOUT(number(u"SELECT count(*) FROM messages"_s), 2, kLong);
        QTest::qWait(300);
        QElapsedTimer timer;
        timer.start();
        ::kill(static_cast<pid_t>(process->processId()), SIGTERM);
        QVERIFY(ends(*process));
        QVERIFY2(timer.elapsed() < 4000, qPrintable(QString::number(timer.elapsed())));
        QCOMPARE(process->exitCode(), 0); // 1 where it had to be left behind
        QVERIFY(!QFile::exists(data_ + u"/switchyard.lock"_s));
    }

    /// What a card's library runs when it is opened may end a process: the window goes on with the CPU.
    void aLibraryThatEndsAProcessLeavesTheWindow_data() {
        QTest::addColumn<QString>("way");
        QTest::addRow("opened") << u"aborts"_s;
        QTest::addRow("started") << u"start exits"_s;
    }
    void aLibraryThatEndsAProcessLeavesTheWindow() {
        QFETCH(QString, way);
        const QString path = folder_->filePath(u"model.gguf"_s);
        chatScript({"Yes"}).write(path.toStdString());
        QProcessEnvironment all = environment();
        all.insert(u"SWITCHYARD_CUDA_LIBRARY"_s, QStringLiteral(FAKE_CONSTRUCTOR));
        all.insert(u"SWITCHYARD_FAKE_CARDS"_s, way);
        const auto process = beginWith(
            real(),
            {u"--data-dir"_s, data_, u"--timing"_s, u"--model"_s, path, u"--prompt"_s, u"hi"_s, u"--quit"_s},
            all);
        QVERIFY(ends(*process));
        QCOMPARE(process->exitStatus(), QProcess::NormalExit);
        QCOMPARE(process->exitCode(), 0);
        QCOMPARE(number(u"SELECT count(*) FROM messages"_s), 2);
    }

    /// Nobody can read it in a window that ends with its answer.
    void aDamagedChatFileIsToldOnStderr() {
        {
            ConversationStore store(data_);
            chatWith(store, u"Old"_s, u"words"_s);
            QTRY_COMPARE(store.unsaved(), 0);
        }
        QFile file(data_ + u"/chats.sqlite"_s);
        QVERIFY(file.open(QIODevice::ReadWrite));
        file.write(QByteArray(100, '\xa5'));
        file.close();
        const Result result = second({u"--model"_s, u"x.gguf"_s, u"--prompt"_s, u"Hello"_s, u"--quit"_s});
        QCOMPARE(result.code, 0);
        QVERIFY2(result.said.contains(u"chats.sqlite is damaged"_s) &&
                     result.said.contains(u"Nothing of it could be read"_s),
                 qPrintable(result.said));
    }

    // ---- A second start ----

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

    // ---- A model file, as a file manager gives it ----

    void aModelFileIsOpened() {
        const QString path = folder_->filePath(u"a model 模型.gguf"_s);
        chatScript({"Yes"}).write(path.toStdString());
        const auto process = beginWith(
            real(), {u"--data-dir"_s, data_, u"--timing"_s, path, u"--prompt"_s, u"hi"_s, u"--quit"_s});
        QVERIFY(ends(*process));
        QCOMPARE(process->exitCode(), 0);
        QCOMPARE(number(u"SELECT count(*) FROM messages WHERE model = 'a model 模型.gguf'"_s), 1);
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
            << QByteArray::number(getpid()) + "\ntst_desktop_process\n" + here + "12345\n";
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
        writeLock(QByteArray::number(getpid()) + "\ntst_desktop_process\n" +
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

QTEST_GUILESS_MAIN(DesktopProcessTest)
#include "tst_desktop_process.moc"
