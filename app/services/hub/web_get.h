// One answer of a server, with redirects followed by hand: each has to be an address that may be asked, and
// the token goes to its own host alone.
#pragma once

#include "app/services/hub/web_rules.h"

#include <QNetworkReply>
#include <QNetworkRequest>
#include <QObject>
#include <QPointer>

#include <memory>

class QNetworkAccessManager;

namespace switchyard {

struct WebQuestion {
    QUrl url;
    QByteArray accept = "*/*"; ///< what kind of answer
    QByteArray token{};        ///< of the hub; "": none
    qint64 from = 0;           ///< byte to begin at
    QByteArray same{};         ///< the ETag that the file must still have for that
};

class WebGet : public QObject {
    Q_OBJECT
  public:
    /// Both must outlive it. Nothing is asked before begin().
    WebGet(QNetworkAccessManager& net, const WebRules& rules, WebQuestion question,
           QObject* parent = nullptr);
    ~WebGet() override;
    void begin();

    QString host() const { return url_.host(); } ///< that was asked last
    int status() const { return status_; }       ///< of the last answer; 0: none came
    QByteArray header(const QByteArray& name) const;
    /// SHA-256 that the hub announced with any of its answers; "": none.
    const QByteArray& announced() const { return announced_; }
    qint64 available() const;
    QByteArray read(qint64 most);
    QByteArray peek(qint64 most) const; ///< what read() will give
    /// Ends it; ended() does not follow.
    void stop();

  Q_SIGNALS:
    void answered(); ///< the last answer's headers are there
    void moved();    ///< bytes are there
    /// All bytes are there to be read; or not: `error`, a sentence. `broke_off`: it may help to try again.
    void ended(const QString& error, bool broke_off);

  private:
    void ask();
    void takeHeaders();
    void takeEnd();
    void redirect(const QUrl& to);
    void fail(const QString& error, bool broke_off = false);

    QNetworkAccessManager& net_;
    const WebRules& rules_;
    const WebQuestion question_;
    QUrl url_;
    bool with_token_;
    int left_, status_ = 0;
    QByteArray announced_;
    QPointer<QNetworkReply> reply_; ///< goes with its manager, where that goes first
};

/// Asks for an answer of at most `most` bytes and gives it whole.
class SmallAnswer : public QObject {
    Q_OBJECT
  public:
    SmallAnswer(QNetworkAccessManager& net, const WebRules& rules, const WebQuestion& question, qint64 most,
                QObject* parent = nullptr);
    void begin() { get_.begin(); }
    int status() const { return get_.status(); }
    QByteArray header(const QByteArray& name) const { return get_.header(name); }

  Q_SIGNALS:
    /// `error`: a sentence, where there is no answer.
    void ended(const QByteArray& body, const QString& error, bool broke_off);

  private:
    void take();
    WebGet get_;
    const qint64 most_;
    QByteArray body_;
};

/// What an answer's status means, as a sentence; "" where it is as it should be. `host` gave it.
QString statusSentence(int status, const QString& host);
/// Whether it may help to try again later.
bool passes(int status);
/// ms that a "Retry-After" asks to wait; 0: nothing that is understood.
int retryAfter(const QByteArray& header);

} // namespace switchyard
