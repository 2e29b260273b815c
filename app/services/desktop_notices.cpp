#include "app/services/desktop_notices.h"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QVariantMap>

namespace switchyard {

namespace {

uint& lastNotice() {
    static uint id = 0; ///< 0: none was shown
    return id;
}

} // namespace

void tellDesktop(const QString& sentence) {
    constexpr int kLongestWait = 2000, kAsTheDesktop = -1; // ms
    QDBusConnection bus =
        QDBusConnection::sessionBus(); // connected to since the program's start, or there is none
    if (!bus.isConnected())
        return;
    const auto service = QStringLiteral("org.freedesktop.Notifications");
    QDBusMessage notice = QDBusMessage::createMethodCall(
        service, QStringLiteral("/org/freedesktop/Notifications"), service, QStringLiteral("Notify"));
    const QVariantMap hints{{QStringLiteral("desktop-entry"), QStringLiteral("switchyard")},
                            {QStringLiteral("transient"), true}};
    // The body may be read as markup.
    notice << QStringLiteral("Switchyard") << lastNotice() << QStringLiteral("switchyard")
           << QStringLiteral("Switchyard") << sentence.toHtmlEscaped() << QStringList() << hints
           << kAsTheDesktop;
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(notice, kLongestWait));
    QObject::connect(watcher, &QDBusPendingCallWatcher::finished, watcher, [watcher] {
        const QDBusPendingReply<uint> reply = *watcher;
        if (!reply.isError())
            lastNotice() = reply.value();
        watcher->deleteLater();
    });
}

} // namespace switchyard
