#include "app/services/hub/hub.h"

#include <QNetworkAccessManager>
#include <QRegularExpression>
#include <QUrlQuery>

#include <algorithm>
#include <utility>

namespace switchyard {
namespace {

constexpr qint64 kLongestAnswer = 16 << 20;
constexpr int kFound = 30;           ///< models of a search
constexpr qsizetype kMostPages = 20; ///< of a model's list of files
const QLatin1String kStandard("https://huggingface.co/");

/// Where an answer from `url` goes on (RFC 8288), on the same host; empty: nowhere.
QUrl nextPage(const QUrl& url, const QByteArray& link) {
    static const QRegularExpression next(QStringLiteral("<([^<>]{1,2000})>\\s*;\\s*rel=\"?next\"?"));
    const QRegularExpressionMatch match = next.match(QString::fromLatin1(link));
    const QUrl to = url.resolved(QUrl::fromEncoded(match.captured(1).toLatin1()));
    return match.hasMatch() && to.adjusted(QUrl::RemovePath | QUrl::RemoveQuery | QUrl::RemoveFragment) ==
                                   url.adjusted(QUrl::RemovePath | QUrl::RemoveQuery | QUrl::RemoveFragment)
               ? to
               : QUrl();
}

bool isRevision(const QString& text) {
    static const QRegularExpression word(QStringLiteral("^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"));
    return word.match(text).hasMatch();
}

/// Whether it says where something lies on a machine.
bool isPath(const QString& text) {
    static const QRegularExpression path(QStringLiteral("^/|^~(/|$)|(^|/)\\.\\.?(/|$)"));
    return path.match(text).hasMatch();
}

bool hasWords(const QString& text) {
    return std::ranges::any_of(text, [](QChar c) { return c.isLetterOrNumber() || c.isSurrogate(); });
}

/// Why these are no words to search for, as a sentence; "": they are.
QString wordsRefusal(const QString& text) {
    const QString shown = text.left(80);
    if (isPath(text))
        return Hub::tr(
                   "“%1” is a place on this machine, and the hub has none of its files: open a model file "
                   "from the File menu, or type words, a name (owner/model) or an address (https://…).")
            .arg(shown);
    if (!hasWords(text))
        return Hub::tr("“%1” has nothing to search for: type words, a name (owner/model) or an address "
                       "(https://…).")
            .arg(shown);
    return {};
}

} // namespace

Hub::Hub(Settings& settings, WebRules rules, std::unique_ptr<SecretStore> secrets, QObject* parent)
    : QObject(parent), settings_(settings), rules_(std::move(rules)), token_(std::move(secrets)) {
    connect(&token_, &HubToken::changed, this, &Hub::takeToken);
}

Hub::~Hub() { stop(); }

QUrl Hub::base() const {
    const QString set = settings_.get<Setting::HubAddress>();
    QUrl url(set.isEmpty() || !baseRefusal(set).isEmpty() ? QString(kStandard) : set);
    if (!url.path().endsWith(QLatin1Char('/')))
        url.setPath(url.path() + QLatin1Char('/'));
    return url;
}

QString Hub::baseRefusal(const QString& address) const {
    if (address.isEmpty())
        return {};
    const QUrl url(address, QUrl::StrictMode);
    if (!rules_.refusal(url).isEmpty() || url.hasQuery() || url.hasFragment())
        return tr("This is no https address of a hub, like https://hf-mirror.com.");
    return {};
}

QUrl Hub::api(const QString& path) const {
    QUrl url = base();
    url.setPath(url.path() + path, QUrl::DecodedMode);
    return url;
}

HubQuery Hub::understand(const QString& typed) const {
    HubQuery query;
    query.text = typed.simplified().left(300);
    if (query.text.isEmpty())
        return query;
    if (isHubName(query.text)) {
        query.kind = HubQuery::Kind::Name;
        return query;
    }
    if (!query.text.contains(QLatin1String("://"))) {
        query.refusal = wordsRefusal(query.text);
        query.kind = query.refusal.isEmpty() ? HubQuery::Kind::Words : HubQuery::Kind::Refused;
        return query;
    }
    const QUrl url(query.text);
    query.address = url;
    query.refusal = rules_.refusal(url);
    query.kind = query.refusal.isEmpty() ? HubQuery::Kind::Address : HubQuery::Kind::Refused;
    const bool hubs = url.host() == base().host() || url.host() == QUrl(kStandard).host();
    const QStringList path = url.path().split(QLatin1Char('/'), Qt::SkipEmptyParts);
    const QString name = path.value(0) + QLatin1Char('/') + path.value(1);
    if (query.refusal.isEmpty() && hubs && isHubName(name)) {
        query.kind = HubQuery::Kind::Name;
        query.text = name;
        const QString part = path.value(2), revision = path.value(3);
        const bool of_file = part == QLatin1String("blob") || part == QLatin1String("resolve");
        if (path.size() > 4 && of_file)
            query.file = path.mid(4).join(QLatin1Char('/'));
        if ((of_file || part == QLatin1String("tree")) && isRevision(revision) &&
            revision != QLatin1String("main"))
            query.revision = revision;
    } else if (query.refusal.isEmpty()) {
        query.refusal = fileKindRefusal(url.fileName());
        if (!query.refusal.isEmpty())
            query.kind = HubQuery::Kind::Refused;
    }
    return query;
}

void Hub::stop() {
    ++serial_;
    reading_ = false;
    refused_ = {};
    if (question_) {
        question_->disconnect(this);
        question_.release()->deleteLater();
    }
}

void Hub::fail(const QString& error) { Q_EMIT failed(error); }

void Hub::ask(const QUrl& url, Then then) {
    stop();
    if (!net_)
        net_ = std::make_unique<QNetworkAccessManager>();
    WebQuestion question;
    question.url = url;
    question.accept = "application/json";
    question.token = token_.value();
    question_ = std::make_unique<SmallAnswer>(*net_, rules_, question, kLongestAnswer);
    connect(question_.get(), &SmallAnswer::ended, this,
            [this, url, then = std::move(then)](const QByteArray& body, const QString& error, bool) {
                const int status = question_->status();
                const QUrl next = nextPage(url, question_->header("Link"));
                question_.release()->deleteLater();
                if (error.isEmpty())
                    return then(body, next);
                if ((status != 401 && status != 403) || token_.answered() || !rules_.mayHaveToken(url))
                    return fail(error);
                refused_ = {url, then, error};
                token_.ask();
            });
    question_->begin();
}

/// What the hub gives only to those it knows is asked for once more, as soon as the keyring has answered.
void Hub::takeToken() {
    if (!refused_.then || !token_.answered())
        return;
    const Refused refused = std::exchange(refused_, {});
    if (token_.value().isEmpty())
        fail(refused.error);
    else
        ask(refused.url, refused.then);
}

/// A long answer is read away from this thread.
template <typename Body, typename Read, typename Take>
void Hub::read(const Body& body, Read read, Take take) {
    try {
        if (!reader_)
            reader_ = std::make_unique<Background>();
    } catch (const std::exception&) {
        return fail(tr("The answer cannot be read: the system gives this program no further thread. End "
                       "other programs, then try again."));
    }
    reading_ = true;
    reader_->run(
        this, [body, read] { return read(body); },
        [this, serial = serial_, take](const auto& answer) {
            if (serial != serial_)
                return;
            reading_ = false;
            if (answer)
                take(*answer);
            else
                fail(tr("%1 sent an answer that is not understood. Is it a model hub?").arg(base().host()));
        });
}

void Hub::search(const QString& words) {
    QUrl url = api(QStringLiteral("api/models"));
    QUrlQuery query;
    query.addQueryItem(QStringLiteral("search"), QString::fromLatin1(QUrl::toPercentEncoding(words)));
    query.addQueryItem(QStringLiteral("filter"), QStringLiteral("gguf"));
    query.addQueryItem(QStringLiteral("sort"), QStringLiteral("downloads"));
    query.addQueryItem(QStringLiteral("direction"), QStringLiteral("-1"));
    query.addQueryItem(QStringLiteral("limit"), QString::number(kFound));
    url.setQuery(query);
    ask(url, [this, words](const QByteArray& body, const QUrl&) {
        read(body, readModels, [this, words](const QList<HubModel>& models) { Q_EMIT found(words, models); });
    });
}

void Hub::list(const QString& name, const QString& revision) {
    if (!isHubName(name))
        return fail(tr("%1 is no name of the hub's, like owner/name.").arg(name.left(100)));
    const QString of = isRevision(revision) ? QStringLiteral("/revision/") + revision : QString();
    ask(api(QStringLiteral("api/models/") + name + of), [this](const QByteArray& body, const QUrl&) {
        read(body, readModel, [this](const HubListing& listing) {
            QUrl tree = api(QStringLiteral("api/models/%1/tree/%2").arg(listing.model.name, listing.commit));
            tree.setQuery(QStringLiteral("recursive=true"));
            askTree(listing, tree, {});
        });
    });
}

/// A long list comes in several answers.
void Hub::askTree(const HubListing& listing, const QUrl& url, const QList<QByteArray>& before) {
    ask(url, [this, listing, before](const QByteArray& body, const QUrl& next) {
        const QList<QByteArray> pages = before + QList<QByteArray>{body};
        if (!next.isEmpty() && pages.size() < kMostPages)
            return askTree(listing, next, pages);
        read(pages, readTreePages, [this, listing](const QList<HubFile>& models) {
            HubListing whole = listing;
            whole.files = models;
            Q_EMIT listed(whole);
        });
    });
}

DownloadOrder Hub::order(const HubListing& listing, const HubFile& file, const QString& folder) const {
    DownloadOrder order;
    const QString name = listing.model.name.section(QLatin1Char('/'), -1);
    order.name = file.folder ? name : file.name;
    order.folder = file.folder ? folder + QLatin1Char('/') + name : folder;
    order.licence = listing.model.licence;
    order.files = file.files;
    for (DownloadFile& one : order.files) {
        QUrl url = base();
        url.setPath(url.path() + listing.model.name + QStringLiteral("/resolve/") + listing.commit +
                        QLatin1Char('/') + one.url.path(QUrl::FullyDecoded),
                    QUrl::DecodedMode);
        one.url = url;
    }
    return order;
}

DownloadOrder Hub::order(const QUrl& address, const QString& folder) const {
    DownloadOrder order;
    order.name = plainFileName(address.fileName());
    order.folder = folder;
    order.files = {{address, order.name}};
    return order;
}

} // namespace switchyard
