// A web server on this machine that answers by a script, well or badly: for tests of what asks the network.
#pragma once

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QTcpServer>
#include <QUrl>

#include <functional>

class QTcpSocket;

namespace switchyard {

struct ServerRequest {
    QByteArray path;                       ///< with its query
    QHash<QByteArray, QByteArray> headers; ///< names in lower case
    qint64 from() const;                   ///< byte of a range that is asked for; 0: none
};

struct ServerReply {
    int status = 200;
    QList<std::pair<QByteArray, QByteArray>> headers{};
    QByteArray body{};
    qint64 length = -1;   ///< that it says the body has; -1: what it has; -2: it says nothing
    qint64 break_at = -1; ///< bytes of the body after which the connection breaks off; -1: none
    bool endless = false; ///< the body comes again and again
    bool silent = false;  ///< nothing comes
    bool slowly = false;  ///< the body comes in small pieces
};

class ScriptedServer : public QTcpServer {
    Q_OBJECT
  public:
    using Script = std::function<ServerReply(const ServerRequest& request)>;
    explicit ScriptedServer(Script script);

    QUrl url(const QString& path) const;
    const QList<ServerRequest>& requests() const { return requests_; }
    int asked(const QByteArray& path) const; ///< how often
    void setScript(Script script) { script_ = std::move(script); }

    /// A file, with ranges, as a good server gives it.
    static ServerReply file(const ServerRequest& request, const QByteArray& body, const QByteArray& etag);
    static ServerReply json(const QByteArray& body) {
        return {200, {{"Content-Type", "application/json"}}, body};
    }
    static ServerReply redirect(const QByteArray& to) { return {302, {{"Location", to}}, "Elsewhere."}; }

  private:
    void take(QTcpSocket* socket);
    void answer(QTcpSocket* socket, const ServerReply& reply);
    Script script_;
    QList<ServerRequest> requests_;
    QHash<QTcpSocket*, QByteArray> heard_;
};

} // namespace switchyard
