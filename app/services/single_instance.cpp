#include "app/services/single_instance.h"

#include <QCryptographicHash>
#include <QDir>
#include <QLocalSocket>

namespace switchyard {

SingleInstance::SingleInstance(const QString& data_folder, QObject* parent)
    : QObject(parent), folder_(data_folder) {
    const QByteArray hash =
        QCryptographicHash::hash(QDir(folder_).absolutePath().toUtf8(), QCryptographicHash::Sha1).toHex();
    server_name_ = QStringLiteral("switchyard-") + QString::fromLatin1(hash.left(16));
    connect(&server_, &QLocalServer::newConnection, this, [this] {
        while (QLocalSocket* socket = server_.nextPendingConnection()) {
            connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
            Q_EMIT raiseRequested();
        }
    });
}

bool SingleInstance::claim() {
    QDir().mkpath(folder_);
    lock_ = std::make_unique<QLockFile>(QDir(folder_).filePath(QStringLiteral("switchyard.lock")));
    lock_->setStaleLockTime(0); // only a dead process loses its lock
    if (!lock_->tryLock(0) && lock_->error() == QLockFile::LockFailedError) {
        QLocalSocket socket;
        socket.connectToServer(server_name_);
        socket.waitForConnected(500);
        return false;
    }
    QLocalServer::removeServer(server_name_); // left by a process that was killed
    server_.setSocketOptions(QLocalServer::UserAccessOption);
    server_.listen(server_name_);
    return true;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_single_instance.cpp"
