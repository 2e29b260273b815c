// The desktop's colour scheme, from a settings portal on a private bus.
#include "app/services/theme_watcher.h"
#include "tests/app/private_bus.h"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QProcess>
#include <QSignalSpy>
#include <QSocketNotifier>
#include <QStandardPaths>
#include <QTest>

#include <cstdio>
#include <unistd.h>

using namespace switchyard;

/// What the desktop's portal offers.
class FakePortal : public QObject {
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.portal.Settings")
  public:
    uint scheme = 1, contrast = 1;
  public Q_SLOTS:
    QDBusVariant Read(const QString& group, const QString& key) const {
        const bool ours = group == QStringLiteral("org.freedesktop.appearance");
        const uint value = !ours                                   ? 77u
                           : key == QStringLiteral("color-scheme") ? scheme
                           : key == QStringLiteral("contrast")     ? contrast
                                                                   : 77u;
        // Wrapped twice, as the real one does.
        return QDBusVariant(QVariant::fromValue(QDBusVariant(value)));
    }
};

class ThemeWatcherTest : public QObject {
    Q_OBJECT
    QProcess bus_;

  private Q_SLOTS:
    void initTestCase() {
        const QString daemon = QStandardPaths::findExecutable(QStringLiteral("dbus-daemon"));
        if (daemon.isEmpty())
            QSKIP("dbus-daemon is not installed");
        const QByteArray address = test::startBus(daemon, bus_);
        QVERIFY(!address.isEmpty());
        qputenv("DBUS_SESSION_BUS_ADDRESS", address);
    }
    void cleanupTestCase() {
        bus_.kill();
        bus_.waitForFinished();
    }

    void followsThePortal() {
        QProcess portal;
        portal.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--portal")});
        QVERIFY(portal.waitForReadyRead(10000));
        ThemeWatcher watcher;
        QSignalSpy changed(&watcher, &ThemeWatcher::changed);
        QSignalSpy contrast(&watcher, &ThemeWatcher::contrastChanged);
        QVERIFY(watcher.scheme() == ThemeWatcher::Scheme::Unknown); // it does not wait for the answer
        QTRY_VERIFY(watcher.scheme() == ThemeWatcher::Scheme::Dark);
        QTRY_COMPARE(contrast.count(), 1);
        QCOMPARE(contrast.takeFirst().first().toBool(), true);
        portal.write("accent-color 0\ncolor-scheme 2\n");
        QTRY_VERIFY(watcher.scheme() == ThemeWatcher::Scheme::Light);
        portal.write("color-scheme 0\n");
        QTRY_VERIFY(watcher.scheme() == ThemeWatcher::Scheme::Unknown);
        QCOMPARE(changed.count(), 3);
        QVERIFY(contrast.isEmpty()); // a colour scheme is none
        portal.write("contrast 0\n");
        QTRY_COMPARE(contrast.count(), 1);
        QCOMPARE(contrast.first().first().toBool(), false);
        QCOMPARE(changed.count(), 3);
        portal.closeWriteChannel();
        QVERIFY(portal.waitForFinished());
    }
};

/// The child process: a portal that tells what comes in on its standard input.
static int servePortal(QCoreApplication& app) {
    FakePortal portal;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.registerObject(QStringLiteral("/org/freedesktop/portal/desktop"), &portal,
                            QDBusConnection::ExportAllSlots) ||
        !bus.registerService(QStringLiteral("org.freedesktop.portal.Desktop")))
        return 1;
    std::puts("ready");
    std::fflush(stdout);
    QSocketNotifier input(0, QSocketNotifier::Read);
    QObject::connect(&input, &QSocketNotifier::activated, &app, [&] {
        char text[256];
        const auto size = ::read(0, text, sizeof text);
        if (size <= 0)
            return app.quit();
        for (const QByteArray& line : QByteArray(text, size).split('\n')) {
            const QList<QByteArray> words = line.split(' ');
            if (words.size() == 2)
                bus.send(QDBusMessage::createSignal(QStringLiteral("/org/freedesktop/portal/desktop"),
                                                    QStringLiteral("org.freedesktop.portal.Settings"),
                                                    QStringLiteral("SettingChanged"))
                         << QStringLiteral("org.freedesktop.appearance") << QString::fromUtf8(words[0])
                         << QVariant::fromValue(QDBusVariant(words[1].toUInt())));
        }
    });
    return app.exec();
}

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    if (app.arguments().contains(QStringLiteral("--portal")))
        return servePortal(app);
    ThemeWatcherTest test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_theme_watcher.moc"
