// Notices of the desktop, from a private bus with somebody who shows them, and without any bus.
#include "app/services/desktop_notices.h"
#include "tests/app/private_bus.h"

#include <QDBusConnection>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>
#include <QVariantMap>

#include <csignal>
#include <cstdio>
#include <optional>

using namespace switchyard;

/// What shows notices: it says what it is asked for.
class FakeDesktop : public QObject {
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.Notifications")
  public Q_SLOTS:
    uint Notify(const QString& program, uint replaces, const QString&, const QString& summary,
                const QString& body, const QStringList& actions, const QVariantMap&, int) {
        std::printf("%s|%u|%s|%s|%d\n", qPrintable(program), replaces, qPrintable(summary), qPrintable(body),
                    static_cast<int>(actions.size()));
        std::fflush(stdout);
        return 7;
    }
};

/// The environment for programs on a bus of their own; nothing where it does not start.
static std::optional<QProcessEnvironment> withBus(const QString& daemon, QProcess& bus) {
    const QByteArray address = test::startBus(daemon, bus);
    if (address.isEmpty())
        return {};
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("DBUS_SESSION_BUS_ADDRESS"), QString::fromUtf8(address));
    return environment;
}

class DesktopNoticesTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    /// Both in programs of their own: a program has one session bus, or none, for as long as it runs.
    void withoutABusNothingHappens() {
        QProcess program;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("DBUS_SESSION_BUS_ADDRESS"),
                           QStringLiteral("unix:path=/nonexistent"));
        program.setProcessEnvironment(environment);
        program.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--tell")});
        QVERIFY(program.waitForFinished(20000));
        QCOMPARE(program.readAllStandardOutput().trimmed(), "told");
        QCOMPARE(program.exitCode(), 0);
    }

    void theSentenceIsShownAndTakesThePlaceOfTheLast() {
        const QString daemon = QStandardPaths::findExecutable(QStringLiteral("dbus-daemon"));
        if (daemon.isEmpty())
            QSKIP("dbus-daemon is not installed");
        QProcess bus;
        const auto environment = withBus(daemon, bus);
        QVERIFY(environment);
        QProcess desktop;
        desktop.setProcessEnvironment(*environment);
        desktop.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--desktop")});
        QVERIFY(desktop.waitForReadyRead(10000));
        QCOMPARE(desktop.readLine().trimmed(), "ready");
        QProcess program;
        program.setProcessEnvironment(*environment);
        program.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--tell")});
        QVERIFY(program.waitForFinished(20000));
        QTRY_VERIFY(desktop.canReadLine());
        QCOMPARE(desktop.readLine().trimmed(), "Switchyard|0|Switchyard|An answer &amp; more|0");
        QTRY_VERIFY(desktop.canReadLine());
        QCOMPARE(desktop.readLine().trimmed(), "Switchyard|7|Switchyard|Another|0");
        desktop.kill();
        desktop.waitForFinished();
        bus.kill();
        bus.waitForFinished();
    }

    /// It answered when the program began, and no more.
    void aBusThatHangsIsNotWaitedFor() {
        const QString daemon = QStandardPaths::findExecutable(QStringLiteral("dbus-daemon"));
        if (daemon.isEmpty())
            QSKIP("dbus-daemon is not installed");
        QProcess bus;
        const auto environment = withBus(daemon, bus);
        QVERIFY(environment);
        QProcess program;
        program.setProcessEnvironment(*environment);
        program.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--tell-later")});
        QVERIFY(program.waitForReadyRead(10000));
        QCOMPARE(program.readLine().trimmed(), "connected");
        ::kill(static_cast<pid_t>(bus.processId()), SIGSTOP);
        program.write("now\n");
        QVERIFY(program.waitForReadyRead(10000)); // a call waits for half a minute
        QCOMPARE(program.readLine().trimmed(), "told");
        program.kill();
        program.waitForFinished();
        ::kill(static_cast<pid_t>(bus.processId()), SIGCONT);
        bus.kill();
        bus.waitForFinished();
    }
};

/// A child process: the desktop.
static int serveNotices(QCoreApplication& app) {
    FakeDesktop desktop;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.registerObject(QStringLiteral("/org/freedesktop/Notifications"), &desktop,
                            QDBusConnection::ExportAllSlots) ||
        !bus.registerService(QStringLiteral("org.freedesktop.Notifications")))
        return 1;
    std::puts("ready");
    std::fflush(stdout);
    return app.exec();
}

/// A child process: the program.
static int tellTwice() {
    tellDesktop(QStringLiteral("An answer & more"));
    if (QDBusConnection::sessionBus().isConnected())
        QTest::qWait(500); // the answer says which one the next takes the place of
    tellDesktop(QStringLiteral("Another"));
    QTest::qWait(100);
    std::puts("told");
    return 0;
}

/// A child process: the program, connected to its bus before it tells anything.
static int tellLater() {
    std::puts(QDBusConnection::sessionBus().isConnected() ? "connected" : "no bus");
    std::fflush(stdout);
    char line[16];
    if (!std::fgets(line, sizeof line, stdin))
        return 1;
    tellDesktop(QStringLiteral("An answer"));
    tellDesktop(QStringLiteral("Another"));
    QCoreApplication::processEvents();
    std::puts("told");
    std::fflush(stdout);
    return 0;
}

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    if (app.arguments().contains(QStringLiteral("--desktop")))
        return serveNotices(app);
    if (app.arguments().contains(QStringLiteral("--tell")))
        return tellTwice();
    if (app.arguments().contains(QStringLiteral("--tell-later")))
        return tellLater();
    DesktopNoticesTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_desktop_notices.moc"
