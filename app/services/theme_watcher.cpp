#include "app/services/theme_watcher.h"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>

namespace switchyard {

namespace {

const auto kService = QStringLiteral("org.freedesktop.portal.Desktop");
const auto kPath = QStringLiteral("/org/freedesktop/portal/desktop");
const auto kInterface = QStringLiteral("org.freedesktop.portal.Settings");
const auto kGroup = QStringLiteral("org.freedesktop.appearance");
const auto kScheme = QStringLiteral("color-scheme");
const auto kContrast = QStringLiteral("contrast");

} // namespace

ThemeWatcher::ThemeWatcher(QObject* parent) : QObject(parent) {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    // The slot's parameter is looked up by its name, which Qt knows only once it is registered.
    qRegisterMetaType<QDBusVariant>();
    bus.connect(kService, kPath, kInterface, QStringLiteral("SettingChanged"), this,
                SLOT(settingChanged(QString, QString, QDBusVariant)));
    ask(kScheme);
    ask(kContrast);
}

void ThemeWatcher::ask(const QString& key) {
    QDBusMessage question =
        QDBusMessage::createMethodCall(kService, kPath, kInterface, QStringLiteral("Read"));
    question << kGroup << key;
    auto* watcher =
        new QDBusPendingCallWatcher(QDBusConnection::sessionBus().asyncCall(question, 2000), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, key](QDBusPendingCallWatcher* call) {
        const QDBusPendingReply<QDBusVariant> reply = *call;
        if (!reply.isError())
            take(key, reply.value().variant());
        call->deleteLater();
    });
}

void ThemeWatcher::settingChanged(const QString& group, const QString& key, const QDBusVariant& value) {
    if (group == kGroup && (key == kScheme || key == kContrast))
        take(key, value.variant());
}

void ThemeWatcher::take(const QString& key, const QVariant& value) {
    QVariant inner = value;
    // Read() wraps the value once more than SettingChanged does.
    while (inner.canConvert<QDBusVariant>() && inner.metaType() == QMetaType::fromType<QDBusVariant>())
        inner = inner.value<QDBusVariant>().variant();
    const uint number = inner.toUInt();
    if (key == kContrast) { // 0: no preference, 1: high
        if (const bool high = number == 1; high != high_contrast_)
            Q_EMIT contrastChanged(high_contrast_ = high);
        return;
    }
    // 0: no preference, 1: dark, 2: light
    const Scheme scheme = number == 1 ? Scheme::Dark : number == 2 ? Scheme::Light : Scheme::Unknown;
    if (scheme == scheme_)
        return;
    scheme_ = scheme;
    Q_EMIT changed(scheme);
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_theme_watcher.cpp"
