// Downloads into a folder of their own, from a server on this machine.
#pragma once

#include "app/services/hub/downloads.h"
#include "tests/support/scripted_server.h"
#include "tests/support/wheels.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace switchyard::test {

inline QByteArray someBytes(qsizetype count, int seed = 1) {
    QByteArray bytes(count, '\0');
    quint32 state = static_cast<quint32>(seed);
    for (char& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24);
    }
    return "GGUF" + bytes.sliced(4);
}

inline void write(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("cannot write %s", qPrintable(path));
}

/// What tests of downloads are made of; each begins with beginAnew().
class DownloadFixture {
  protected:
    void beginAnew() { folder_ = std::make_unique<QTemporaryDir>(); }

    std::unique_ptr<QTemporaryDir> folder_;
    const QByteArray body_ = someBytes(300'000);
    static constexpr const char* kTag = "\"one\"";

    static DownloadOptions options() {
        DownloadOptions options;
        options.rules.local_http = true;
        options.rules.first_pause = 1;
        options.rules.tries = 3;
        options.rules.token_host = QStringLiteral("127.0.0.1");
        return options;
    }
    DownloadOrder order(const ScriptedServer& server, const QByteArray& sum = {}, quint64 bytes = 0) const {
        DownloadOrder order;
        order.name = QStringLiteral("a model");
        order.folder = folder_->filePath(QStringLiteral("models"));
        order.files = {{server.url(QStringLiteral("/a.gguf")), QStringLiteral("a.gguf"), bytes, sum}};
        return order;
    }
    QString target() const { return folder_->filePath(QStringLiteral("models/a.gguf")); }
    QStringList there() const {
        return QDir(folder_->filePath(QStringLiteral("models")))
            .entryList(QDir::Files | QDir::Hidden | QDir::System, QDir::Name);
    }
    static void breakAt(ServerReply& reply, qint64 byte) {
        reply.length = reply.body.size();
        reply.break_at = byte;
    }
    static const Download& ended(Downloads& downloads, DownloadId id) {
        if (!QTest::qWaitFor([&] { return downloads.find(id)->ended(); }, 20'000))
            qFatal("it does not end");
        return *downloads.find(id);
    }
};

} // namespace switchyard::test
