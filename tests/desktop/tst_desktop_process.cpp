// The program as a process: it starts soon, bears with what it misses, and saves when the system ends it.
#include "app/services/conversation_store.h"
#include "program_fixture.h"
#include "scripted_model.h"
#include "tests/app/store_fixture.h"
#include "tests/support/time_limit.h"

#include <QFile>
#include <QSettings>

#include <csignal>
#include <unistd.h>

using namespace switchyard;
using namespace Qt::StringLiterals;

class DesktopProcessTest : public QObject, protected ProgramFixture {
    Q_OBJECT
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

  private Q_SLOTS:
    void init() { makeFolder(); }

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

    void aModelFileIsOpened() {
        const QString path = folder_->filePath(u"a model 模型.gguf"_s);
        chatScript({"Yes"}).write(path.toStdString());
        const auto process = beginWith(
            real(), {u"--data-dir"_s, data_, u"--timing"_s, path, u"--prompt"_s, u"hi"_s, u"--quit"_s});
        QVERIFY(ends(*process));
        QCOMPARE(process->exitCode(), 0);
        QCOMPARE(number(u"SELECT count(*) FROM messages WHERE model = 'a model 模型.gguf'"_s), 1);
    }
};

QTEST_GUILESS_MAIN(DesktopProcessTest)
#include "tst_desktop_process.moc"
