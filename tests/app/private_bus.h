// A session bus that only a test's own programs know.
#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>

namespace switchyard::test {

/// Its address; empty where it does not start. It runs as long as `bus` does.
inline QByteArray startBus(const QString& daemon, QProcess& bus) {
    bus.start(daemon,
              {QStringLiteral("--session"), QStringLiteral("--nofork"), QStringLiteral("--print-address")});
    return bus.waitForReadyRead(5000) ? bus.readLine().trimmed() : QByteArray();
}

} // namespace switchyard::test
