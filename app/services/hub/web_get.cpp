#include "app/services/hub/web_get.h"

#include <QCoreApplication>
#include <QNetworkAccessManager>

#include <algorithm>
#include <utility>

namespace switchyard {
namespace {

constexpr qint64 kAtOnce = 8 << 20; ///< bytes that wait to be read

bool isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

QString networkSentence(QNetworkReply::NetworkError error, const QString& host, const QString& said) {
    switch (error) {
    case QNetworkReply::HostNotFoundError:
    case QNetworkReply::UnknownNetworkError:
    case QNetworkReply::NetworkSessionFailedError:
        return WebGet::tr("%1 was not found: is this machine connected to the network?").arg(host);
    case QNetworkReply::ConnectionRefusedError:
        return WebGet::tr("%1 does not answer. Try again later.").arg(host);
    case QNetworkReply::RemoteHostClosedError:
    case QNetworkReply::TemporaryNetworkFailureError:
        return WebGet::tr("The connection to %1 broke off.").arg(host);
    case QNetworkReply::TimeoutError:
    case QNetworkReply::OperationCanceledError: // by its own time limit
        return WebGet::tr("%1 sent nothing for too long.").arg(host);
    case QNetworkReply::SslHandshakeFailedError:
        return WebGet::tr("The connection to %1 is not safe (its certificate is not accepted): nothing was "
                          "fetched.")
            .arg(host);
    default:
        return WebGet::tr("%1 could not be asked: %2").arg(host, said);
    }
}

} // namespace

QString statusSentence(int status, const QString& host) {
    switch (status) {
    case 200:
    case 206:
        return {};
    case 401:
    case 403:
        return WebGet::tr(
                   "%1 gives this to those alone who may have it: accept its licence on its page there, "
                   "and put your access token into the settings.")
            .arg(host);
    case 404:
        return WebGet::tr("%1 has no such model or file.").arg(host);
    case 429:
        return WebGet::tr("%1 asks to wait a while before the next question.").arg(host);
    default:
        return WebGet::tr("%1 answered with an error (%2).").arg(host).arg(status);
    }
}

bool passes(int status) { return status == 429 || status >= 500; }

int retryAfter(const QByteArray& header) {
    bool number = false;
    const qint64 seconds = header.trimmed().toLongLong(&number);
    constexpr qint64 kLongest = 24 * 60 * 60;
    return number && seconds > 0 ? static_cast<int>(std::min(seconds, kLongest) * 1000) : 0;
}

WebGet::WebGet(QNetworkAccessManager& net, const WebRules& rules, WebQuestion question, QObject* parent)
    : QObject(parent), net_(net), rules_(rules), question_(std::move(question)), url_(question_.url),
      with_token_(!question_.token.isEmpty() && rules.mayHaveToken(question_.url)), left_(rules.redirects) {}

WebGet::~WebGet() { stop(); }

void WebGet::stop() {
    if (QNetworkReply* reply = reply_) {
        reply_ = nullptr;
        reply->disconnect(this);
        reply->abort();
        reply->deleteLater();
    }
}

void WebGet::begin() {
    if (const QString refusal = rules_.refusal(url_); !refusal.isEmpty())
        QMetaObject::invokeMethod(
            this, [this, refusal] { fail(refusal); }, Qt::QueuedConnection);
    else
        ask();
}

void WebGet::ask() {
    QNetworkRequest request(url_);
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
    request.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CacheLoadControlAttribute, QNetworkRequest::AlwaysNetwork);
    request.setHeader(QNetworkRequest::UserAgentHeader, QStringLiteral("Switchyard"));
    request.setRawHeader("Accept", question_.accept);
    request.setRawHeader("Accept-Encoding", "identity"); // sizes are those of the file
    request.setTransferTimeout(rules_.silence);
    if (with_token_)
        request.setRawHeader("Authorization", "Bearer " + question_.token);
    if (question_.from > 0) {
        request.setRawHeader("Range", "bytes=" + QByteArray::number(question_.from) + '-');
        request.setRawHeader("If-Range", question_.same);
    }
    reply_ = net_.get(request);
    reply_->setReadBufferSize(kAtOnce);
    connect(reply_, &QNetworkReply::metaDataChanged, this, &WebGet::takeHeaders);
    connect(reply_, &QNetworkReply::readyRead, this, [this] {
        if (status_ != 0)
            Q_EMIT moved();
    });
    connect(reply_, &QNetworkReply::finished, this, &WebGet::takeEnd);
}

void WebGet::takeHeaders() {
    const int status = reply_->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (status_ != 0 || status < 200)
        return;
    const bool hubs = url_.host() == question_.url.host();
    if (const QByteArray sum = sha256Of(reply_->rawHeader("X-Linked-ETag")); hubs && !sum.isEmpty())
        announced_ = sum;
    if (isRedirect(status))
        return redirect(url_.resolved(QUrl::fromEncoded(reply_->rawHeader("Location"))));
    status_ = status;
    if (const QByteArray packed = reply_->rawHeader("Content-Encoding");
        !packed.isEmpty() && packed != "identity")
        return fail(tr("%1 sent the file in a form that was not asked for.").arg(url_.host()));
    Q_EMIT answered();
}

void WebGet::redirect(const QUrl& to) {
    stop();
    if (left_-- <= 0)
        return fail(tr("%1 leads from one address to the next without end.").arg(question_.url.host()));
    if (const QString refusal = rules_.refusal(to); !refusal.isEmpty())
        return fail(tr("%1 leads to another address. %2").arg(url_.host(), refusal));
    with_token_ =
        with_token_ && to.host() == url_.host() && to.port() == url_.port() && to.scheme() == url_.scheme();
    url_ = to;
    ask();
}

void WebGet::takeEnd() {
    if (!reply_)
        return;
    const QNetworkReply::NetworkError error = reply_->error();
    // A status that is an error is judged by who asked.
    const bool of_network = error != QNetworkReply::NoError && (error < QNetworkReply::ContentAccessDenied ||
                                                                error == QNetworkReply::ProtocolFailure);
    if (of_network || status_ == 0) {
        const bool again = error != QNetworkReply::SslHandshakeFailedError;
        fail(networkSentence(error, url_.host(), reply_->errorString()), again);
    } else {
        Q_EMIT ended({}, false);
    }
}

void WebGet::fail(const QString& error, bool broke_off) {
    stop();
    Q_EMIT ended(error, broke_off);
}

QByteArray WebGet::header(const QByteArray& name) const {
    return reply_ ? reply_->rawHeader(name) : QByteArray();
}

qint64 WebGet::available() const { return reply_ ? reply_->bytesAvailable() : 0; }

QByteArray WebGet::read(qint64 most) { return reply_ ? reply_->read(most) : QByteArray(); }

QByteArray WebGet::peek(qint64 most) const { return reply_ ? reply_->peek(most) : QByteArray(); }

// ---- Whole answers ----

SmallAnswer::SmallAnswer(QNetworkAccessManager& net, const WebRules& rules, const WebQuestion& question,
                         qint64 most, QObject* parent)
    : QObject(parent), get_(net, rules, question), most_(most) {
    connect(&get_, &WebGet::moved, this, &SmallAnswer::take);
    connect(&get_, &WebGet::ended, this, [this](const QString& error, bool broke_off) {
        if (error.isEmpty())
            take();
        if (body_.size() > most_)
            return; // said already
        const QString wrong = error.isEmpty() ? statusSentence(get_.status(), get_.host()) : error;
        Q_EMIT ended(wrong.isEmpty() ? body_ : QByteArray(), wrong, broke_off || passes(get_.status()));
    });
}

void SmallAnswer::take() {
    body_ += get_.read(most_ + 1 - body_.size());
    if (body_.size() <= most_)
        return;
    get_.stop();
    Q_EMIT ended({}, tr("%1 sent a longer answer than there can be.").arg(get_.host()), false);
}

} // namespace switchyard
