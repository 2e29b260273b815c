#include "app/services/hub/hub.h"

#include <QNetworkAccessManager>
#include <QUrlQuery>

#include <utility>

namespace switchyard {
namespace {

constexpr qint64 kLongestAnswer = 16 << 20;
constexpr int kFound = 30; ///< models of a search
const QLatin1String kStandard("https://huggingface.co/");

} // namespace

Hub::Hub(Settings& settings, WebRules rules, std::unique_ptr<SecretStore> secrets, QObject* parent)
    : QObject(parent), settings_(settings), rules_(std::move(rules)), token_(std::move(secrets)) {}

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
        query.kind = HubQuery::Kind::Words;
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
        if (path.size() > 4 && (path[2] == QLatin1String("blob") || path[2] == QLatin1String("resolve")))
            query.file = path.mid(4).join(QLatin1Char('/'));
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
    if (question_) {
        question_->disconnect(this);
        question_.release()->deleteLater();
    }
}

void Hub::fail(const QString& error) { Q_EMIT failed(error); }

void Hub::ask(const QUrl& url, std::function<void(const QByteArray& body)> then) {
    stop();
    if (!net_)
        net_ = std::make_unique<QNetworkAccessManager>();
    WebQuestion question;
    question.url = url;
    question.accept = "application/json";
    question.token = token_.value();
    question_ = std::make_unique<SmallAnswer>(*net_, rules_, question, kLongestAnswer);
    connect(question_.get(), &SmallAnswer::ended, this,
            [this, then = std::move(then)](const QByteArray& body, const QString& error, bool) {
                question_.release()->deleteLater();
                if (error.isEmpty())
                    then(body);
                else
                    fail(error);
            });
    question_->begin();
}

/// A long answer is read away from this thread.
template <typename Read, typename Then>
void Hub::read(const QByteArray& body, Read read, Then then) {
    try {
        if (!reader_)
            reader_ = std::make_unique<Background>();
    } catch (const std::exception& error) {
        return fail(QString::fromUtf8(error.what()));
    }
    reading_ = true;
    reader_->run(
        this, [body, read] { return read(body); },
        [this, serial = serial_, then](const auto& answer) {
            if (serial != serial_)
                return;
            reading_ = false;
            if (answer)
                then(*answer);
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
    ask(url, [this, words](const QByteArray& body) {
        read(body, readModels, [this, words](const QList<HubModel>& models) { Q_EMIT found(words, models); });
    });
}

void Hub::list(const QString& name) {
    if (!isHubName(name))
        return fail(tr("%1 is no name of the hub's, like owner/name.").arg(name.left(100)));
    ask(api(QStringLiteral("api/models/") + name), [this](const QByteArray& body) {
        read(body, readModel, [this](const HubListing& listing) {
            QUrl tree = api(QStringLiteral("api/models/%1/tree/%2").arg(listing.model.name, listing.commit));
            tree.setQuery(QStringLiteral("recursive=true"));
            ask(tree, [this, listing](const QByteArray& files) {
                read(files, readTree, [this, listing](const QList<HubFile>& models) {
                    HubListing whole = listing;
                    whole.files = models;
                    Q_EMIT listed(whole);
                });
            });
        });
    });
}

DownloadOrder Hub::order(const HubListing& listing, const HubFile& file, const QString& folder) const {
    DownloadOrder order;
    const QString name = listing.model.name.section(QLatin1Char('/'), -1);
    order.name = file.folder ? name : file.name;
    order.folder = file.folder ? folder + QLatin1Char('/') + name : folder;
    order.licence = listing.model.licence;
    order.token = token_.value();
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
    order.token = token_.value();
    order.files = {{address, order.name}};
    return order;
}

} // namespace switchyard
