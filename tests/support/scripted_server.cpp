#include "tests/support/scripted_server.h"

#include <QHostAddress>
#include <QTcpSocket>
#include <QTimer>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

qint64 ServerRequest::from() const {
    const QByteArray range = headers.value("range");
    return range.startsWith("bytes=") ? range.mid(6).split('-').first().toLongLong() : 0;
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
    if (!listen(QHostAddress::LocalHost))
        qFatal("no port on this machine");
    connect(this, &QTcpServer::newConnection, this, [this] {
        while (QTcpSocket* socket = nextPendingConnection()) {
            connect(socket, &QTcpSocket::readyRead, this, [this, socket] { take(socket); });
            connect(socket, &QTcpSocket::disconnected, this, [this, socket] {
                heard_.remove(socket);
                socket->deleteLater();
            });
        }
    });
}

QUrl ScriptedServer::url(const QString& path) const {
    return QUrl(u"http://127.0.0.1:%1%2"_s.arg(serverPort()).arg(path));
}

int ScriptedServer::asked(const QByteArray& path) const {
    return static_cast<int>(std::ranges::count(requests_, path, &ServerRequest::path));
}

void ScriptedServer::take(QTcpSocket* socket) {
    QByteArray& heard = heard_[socket];
    heard += socket->readAll();
    const qsizetype end = heard.indexOf("\r\n\r\n");
    if (end < 0)
        return;
    ServerRequest request;
    const QList<QByteArray> lines = heard.left(end).split('\n');
    heard.remove(0, end + 4);
    request.path = lines.value(0).split(' ').value(1);
    for (const QByteArray& line : lines.mid(1)) {
        const qsizetype colon = line.indexOf(':');
        request.headers.insert(line.left(colon).toLower(), line.mid(colon + 1).trimmed());
    }
    requests_.append(request);
    answer(socket, script_(request));
}

void ScriptedServer::answer(QTcpSocket* socket, const ServerReply& reply) {
    if (reply.silent)
        return;
    QByteArray head = "HTTP/1.1 " + QByteArray::number(reply.status) + " Answer\r\nConnection: close\r\n";
    for (const auto& [name, value] : reply.headers)
        head += name + ": " + value + "\r\n";
    if (reply.length != -2)
        head += "Content-Length: " + QByteArray::number(reply.length < 0 ? reply.body.size() : reply.length) +
                "\r\n";
    socket->write(head + "\r\n");
    if (reply.endless) {
        const auto more = [socket, body = reply.body] {
            if (socket->bytesToWrite() < (1 << 20))
                socket->write(body);
        };
        connect(socket, &QTcpSocket::bytesWritten, this, more);
        return more();
    }
    const QByteArray body = reply.break_at >= 0 ? reply.body.left(reply.break_at) : reply.body;
    if (!reply.slowly) {
        socket->write(body);
        return socket->disconnectFromHost(); // when all is written
    }
    auto* timer = new QTimer(socket);
    connect(timer, &QTimer::timeout, socket, [socket, timer, body, at = qsizetype(0)]() mutable {
        const qsizetype piece = std::max<qsizetype>(1, body.size() / 200);
        socket->write(body.mid(at, piece));
        at += piece;
        if (at >= body.size()) {
            timer->stop();
            socket->disconnectFromHost();
        }
    });
    timer->start(10);
}

ServerReply ScriptedServer::file(const ServerRequest& request, const QByteArray& body,
                                 const QByteArray& etag) {
    ServerReply reply;
    reply.headers = {{"ETag", etag}, {"Accept-Ranges", "bytes"}};
    const qint64 from = request.from();
    const bool same = request.headers.value("if-range", etag) == etag;
    if (from > 0 && same && from < body.size()) {
        reply.status = 206;
        reply.headers.append({"Content-Range", "bytes " + QByteArray::number(from) + '-' +
                                                   QByteArray::number(body.size() - 1) + '/' +
                                                   QByteArray::number(body.size())});
        reply.body = body.mid(from);
    } else {
        reply.body = body;
    }
    return reply;
}

} // namespace switchyard
