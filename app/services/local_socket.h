// Unix sockets at a path, whatever its length, and who is at the other end.
#pragma once

#include <QByteArray>
#include <QDeadlineTimer>
#include <QString>

namespace switchyard {

/// A listening socket that does not block, readable and writable by its owner alone; -1 where it cannot be
/// made. What lies at the path is replaced where it is a socket of this user.
int listenAt(const QString& path);
/// A connection that does not block; -1 where nobody listens there, or not until the deadline.
int connectTo(const QString& path, const QDeadlineTimer& deadline);
/// Whether the process at the other end belongs to this user.
bool isPeerOwn(int socket);
/// False where not all could be sent until the deadline.
bool sendAll(int socket, const QByteArray& bytes, const QDeadlineTimer& deadline);
/// Up to `most` bytes; what came before the end of the connection or the deadline.
QByteArray receive(int socket, qsizetype most, const QDeadlineTimer& deadline);

} // namespace switchyard
