#include "app/services/hub/download_run.h"

#include "app/services/hub/packages_run.h"

#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <numeric>
#include <utility>

namespace switchyard {

QString DownloadOrder::opens() const {
    const QStringList paths = targets();
    const bool a_folder = std::ranges::any_of(
        paths, [](const QString& path) { return path.endsWith(QLatin1String("/config.json")); });
    return a_folder ? folder : paths.value(0);
}

QStringList DownloadOrder::targets() const {
    QStringList paths;
    if (known)
        return {folder + QLatin1Char('/') + known->file};
    for (const DownloadFile& file : files)
        paths.append(folder + QLatin1Char('/') + file.name);
    return paths;
}

quint64 DownloadOrder::bytes() const {
    if (known)
        return known->bytes;
    const bool all = std::ranges::all_of(files, [](const DownloadFile& file) { return file.bytes > 0; });
    return all ? std::accumulate(files.begin(), files.end(), quint64(0),
                                 [](quint64 sum, const DownloadFile& file) { return sum + file.bytes; })
               : 0;
}

DownloadOrder orderOf(const KnownModel& model, const QString& folder) {
    DownloadOrder order;
    order.name = spokenName(model);
    order.folder = folder;
    order.known = model;
    order.licence = model.licence;
    return order;
}

namespace {

/// Files of a list, one after the other.
class FilesRun final : public DownloadRun {
  public:
    using DownloadRun::DownloadRun;

    void stop() override { fetch_.reset(); }
    quint64 done() const override { return before_ + (fetch_ ? fetch_->done() : 0); }
    quint64 total() const override {
        const quint64 listed = DownloadRun::total();
        return listed == 0 && order_.files.size() == 1 && fetch_ ? fetch_->total() : listed;
    }

  private:
    void next() override {
        if (at_ == order_.files.size())
            return finish(verified_ && checked_);
        const DownloadFile& file = order_.files[at_];
        const QString path = order_.targets()[at_];
        const bool named = QFileInfo::exists(path);
        fetch_ = fetch({file.url, path, file.bytes, file.sha256, token_, named});
        connect(fetch_.get(), &FileFetch::ended, this, [this, path, named](const FetchEnd& end) {
            const quint64 came = fetch_->done();
            fetch_.release()->deleteLater();
            if (!end.error.isEmpty())
                return fail(end);
            if (named)
                keepNamed(path);
            before_ += came;
            verified_ = verified_ && (end.verified || !isWeights(path));
            checked_ = checked_ || end.verified;
            ++at_;
            next();
        });
        fetch_->begin();
    }

    std::unique_ptr<FileFetch> fetch_;
    qsizetype at_ = 0;
    quint64 before_ = 0;
    bool verified_ = true; ///< all weights that came
    bool checked_ = false; ///< anything
};

} // namespace

DownloadRun::DownloadRun(QNetworkAccessManager& net, WebRules rules, DownloadOrder order, QByteArray token)
    : net_(net), rules_(std::move(rules)), order_(std::move(order)), token_(std::move(token)) {}

void DownloadRun::begin() {
    if (const QString path = inTheWay(); !path.isEmpty())
        return fail(tr("%1 is there already, and is not overwritten.").arg(path));
    if (!QDir().mkpath(order_.folder))
        return fail(tr("The folder %1 cannot be made.").arg(order_.folder));
    if (const QString error = full(); !error.isEmpty())
        return fail(error);
    next();
}

/// What has a target's name and cannot be it; "": nothing. What can be is looked at whole, later.
QString DownloadRun::inTheWay() const {
    const QStringList paths = order_.targets();
    for (qsizetype i = 0; i < paths.size(); ++i) {
        const QFileInfo there(paths[i]);
        const quint64 bytes = order_.known ? order_.known->bytes : order_.files[i].bytes;
        const bool may_be_it =
            there.isFile() && !there.isSymLink() && bytes > 0 && static_cast<quint64>(there.size()) == bytes;
        if ((there.exists() || there.isSymLink()) && !may_be_it)
            return paths[i];
    }
    return {};
}

/// For all files together, before the first byte; each looks again for itself.
QString DownloadRun::full() const {
    const quint64 needed = order_.bytes() + rules_.spare;
    quint64 there = 0;
    for (const QString& path : order_.targets())
        there += static_cast<quint64>(std::max(QFileInfo(path).size(), QFileInfo(partOf(path)).size()));
    return FileFetch::roomRefusal(rules_, order_.folder, order_.name, needed - std::min(there, needed));
}

std::unique_ptr<FileFetch> DownloadRun::fetch(const FetchOrder& order) {
    auto fetch = std::make_unique<FileFetch>(net_, rules_, order);
    connect(fetch.get(), &FileFetch::moved, this, &DownloadRun::moved);
    return fetch;
}

void DownloadRun::finish(bool verified) {
    QStringList given;
    for (const QString& path : order_.targets()) {
        if (named_.contains(path))
            continue;
        QFile part(partOf(path));
        if (part.rename(path)) { // which overwrites nothing
            given.append(path);
            continue;
        }
        for (const QString& back : given) // a model of which a part is missing is none
            QFile::rename(back, partOf(back));
        return fail(tr("%1 cannot be given its name: %2").arg(path, part.errorString()));
    }
    flushFolder(order_.folder);
    for (const QString& path : order_.targets())
        FileFetch::forget(path);
    Q_EMIT ended({{}, {}, verified});
}

void DownloadRun::fail(const FetchEnd& end) {
    stop();
    Q_EMIT ended(end);
}

void DownloadRun::forget(const DownloadOrder& order) {
    for (const QString& path : order.targets())
        FileFetch::forget(path);
    for (qsizetype part = 0; order.known && part < order.known->parts.size(); ++part)
        FileFetch::forget(PackagesRun::wheelPath(order, part));
    // The folder of a model that is one; only where nothing is in it.
    if (order.opens() == order.folder)
        QDir().rmdir(order.folder);
}

std::unique_ptr<DownloadRun> makeRun(QNetworkAccessManager& net, const WebRules& rules,
                                     const DownloadOrder& order, const QByteArray& token,
                                     const QUrl& package_index) {
    if (order.known)
        return std::make_unique<PackagesRun>(net, rules, order, package_index);
    return std::make_unique<FilesRun>(net, rules, order, token);
}

} // namespace switchyard
