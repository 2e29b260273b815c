#include "app/services/hub/file_fetch.h"

#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QRegularExpression>
#include <QSaveFile>

#include <algorithm>
#include <utility>

#ifdef Q_OS_UNIX
#include <unistd.h>
#endif

namespace switchyard {
namespace {

constexpr qint64 kSlice = 4 << 20; ///< bytes that are hashed or written at a time
constexpr qint64 kLongestNote = 1 << 16;

QString nameOf(const QString& path) { return QFileInfo(path).fileName(); }

QString size(quint64 bytes) { return QLocale().formattedDataSize(static_cast<qint64>(bytes), 1); }

/// The file is the same one only by an ETag that stands for every byte of it.
bool isStrong(const QByteArray& etag) {
    return etag.size() > 2 && etag.size() < 512 && etag.startsWith('"') && etag.endsWith('"');
}

} // namespace

void keepOnDisk(QFile& file) {
    file.flush();
#ifdef Q_OS_UNIX
    ::fsync(file.handle());
#endif
}

FileFetch::FileFetch(QNetworkAccessManager& net, const WebRules& rules, FetchOrder order, QObject* parent)
    : QObject(parent), net_(net), rules_(rules), order_(std::move(order)), total_(order_.bytes) {
    again_.setSingleShot(true);
    connect(&again_, &QTimer::timeout, this, &FileFetch::ask);
    slice_.setInterval(0); // others go on between two slices
    connect(&slice_, &QTimer::timeout, this, &FileFetch::hashOn);
}

void FileFetch::forget(const QString& path) {
    QFile::remove(partOf(path));
    QFile::remove(noteOf(path));
}

void FileFetch::begin() {
    if (open())
        slice_.start();
}

/// It may be the one that is just speaking.
void FileFetch::drop() {
    if (!get_)
        return;
    get_->stop();
    get_->disconnect(this);
    get_.release()->deleteLater();
}

void FileFetch::stop() {
    again_.stop();
    slice_.stop();
    drop();
    file_.close();
}

/// Goes on with what is there where it is known what it is of.
bool FileFetch::open() {
    const QString part = partOf(order_.path);
    const QFileInfo info(part);
    if (info.isSymLink() || (info.exists() && !info.isFile())) {
        fail(tr("%1 is in the way: remove it.").arg(part));
        return false;
    }
    file_.setFileName(part);
    if (!file_.open(QIODevice::ReadWrite)) {
        fail(tr("%1 cannot be written: %2").arg(part, file_.errorString()));
        return false;
    }
    etag_ = noted();
    done_ = etag_.isEmpty() ? 0 : static_cast<quint64>(file_.size());
    if (total_ > 0 && done_ > total_)
        done_ = 0;
    if (!file_.resize(static_cast<qint64>(done_))) {
        fail(tr("%1 cannot be written: %2").arg(part, file_.errorString()));
        return false;
    }
    return true;
}

void FileFetch::hashOn() {
    if (hashed_ < done_) {
        file_.seek(static_cast<qint64>(hashed_));
        const QByteArray bytes = file_.read(std::min<qint64>(kSlice, static_cast<qint64>(done_ - hashed_)));
        if (bytes.isEmpty())
            return fail(tr("%1 cannot be read: %2").arg(file_.fileName(), file_.errorString()));
        hash_.addData(bytes);
        hashed_ += static_cast<quint64>(bytes.size());
        return;
    }
    slice_.stop();
    Q_EMIT moved();
    if (total_ > 0 && done_ == total_)
        check();
    else if (checkRoom())
        ask();
}

bool FileFetch::checkRoom() {
    const qint64 free = rules_.free_space(QFileInfo(order_.path).path());
    const quint64 needed = total_ > done_ ? total_ - done_ + rules_.spare : rules_.spare;
    if (free < 0 || static_cast<quint64>(free) >= needed)
        return true;
    fail(tr("%1 needs %2 more on the disk, %3 are free: make room, then go on.")
             .arg(nameOf(order_.path), size(needed), size(static_cast<quint64>(free))));
    return false;
}

void FileFetch::ask() {
    WebQuestion question;
    question.url = order_.url;
    question.token = order_.token;
    question.from = etag_.isEmpty() ? 0 : static_cast<qint64>(done_);
    question.same = etag_;
    drop();
    get_ = std::make_unique<WebGet>(net_, rules_, question);
    connect(get_.get(), &WebGet::answered, this, &FileFetch::takeAnswer);
    connect(get_.get(), &WebGet::moved, this, &FileFetch::takeBytes);
    connect(get_.get(), &WebGet::ended, this, &FileFetch::takeEnd);
    get_->begin();
}

void FileFetch::takeAnswer() {
    announced_ = get_->announced();
    const int status = get_->status();
    if (status == 416 && done_ > 0) // it is shorter now
        return startOver();
    if (passes(status)) {
        const QString host = get_->host();
        get_->stop();
        return takeEnd(statusSentence(status, host), true);
    }
    if (const QString wrong = statusSentence(status, get_->host()); !wrong.isEmpty())
        return fail(wrong);
    if (status == 206 ? takeRest() : takeFull())
        takeBytes();
}

/// The whole file comes, whatever was asked for.
bool FileFetch::takeFull() {
    bool known = false;
    const quint64 length = get_->header("Content-Length").toULongLong(&known);
    if (!known && order_.bytes == 0) {
        fail(
            tr("%1 does not say how large %2 is: it is not fetched.").arg(get_->host(), nameOf(order_.path)));
        return false;
    }
    if (known && order_.bytes > 0 && length != order_.bytes) {
        fail(tr("%1 has %2 with %3 bytes, its list says %4: it is not fetched. Look at the list again.")
                 .arg(get_->host(), nameOf(order_.path))
                 .arg(length)
                 .arg(order_.bytes));
        return false;
    }
    total_ = known ? length : order_.bytes;
    done_ = hashed_ = 0;
    hash_.reset();
    if (!file_.resize(0) || !file_.seek(0)) {
        fail(tr("%1 cannot be written: %2").arg(file_.fileName(), file_.errorString()));
        return false;
    }
    const QByteArray etag = get_->header("ETag");
    writeNote(isStrong(etag) ? etag : QByteArray());
    return checkRoom();
}

/// The rest comes, of the same file and from the byte that was asked for; else it is asked for anew.
bool FileFetch::takeRest() {
    static const QRegularExpression range(QStringLiteral("^bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18})$"));
    const QRegularExpressionMatch match =
        range.match(QString::fromLatin1(get_->header("Content-Range")).trimmed());
    const quint64 from = match.captured(1).toULongLong(), to = match.captured(2).toULongLong();
    const quint64 total = match.captured(3).toULongLong();
    const bool right = match.hasMatch() && done_ > 0 && from == done_ && to + 1 == total &&
                       (total_ == 0 || total == total_) && get_->header("ETag") == etag_;
    if (!right) {
        startOver();
        return false;
    }
    total_ = total;
    if (!checkRoom())
        return false;
    file_.seek(static_cast<qint64>(done_));
    return true;
}

/// Forgets what came and asks for the whole file; once.
void FileFetch::startOver() {
    drop();
    if (std::exchange(over_, true))
        return fail(tr("%1 has become another file meanwhile: try again.").arg(nameOf(order_.path)));
    etag_.clear();
    done_ = hashed_ = 0;
    hash_.reset();
    file_.resize(0);
    file_.seek(0);
    QFile::remove(noteOf(order_.path));
    QMetaObject::invokeMethod(this, &FileFetch::ask, Qt::QueuedConnection);
}

void FileFetch::takeBytes() {
    while (get_ && get_->available() > 0) {
        const QByteArray bytes = get_->read(kSlice);
        if (bytes.isEmpty())
            break;
        if (static_cast<quint64>(bytes.size()) > total_ - done_) {
            const QString host = get_->host();
            forget(order_.path);
            return fail(
                tr("%1 sends more than %2 has: what came was removed.").arg(host, nameOf(order_.path)));
        }
        if (file_.write(bytes) != bytes.size() || !file_.flush())
            return fail(tr("%1 cannot be written: %2. What came is kept: make room, then go on.")
                            .arg(file_.fileName(), file_.errorString()));
        hash_.addData(bytes);
        done_ += static_cast<quint64>(bytes.size());
        hashed_ = done_;
    }
    Q_EMIT moved();
}

void FileFetch::takeEnd(const QString& error, bool broke_off) {
    if (error.isEmpty()) {
        takeBytes();
        if (!get_)
            return; // it failed there
    }
    drop();
    if (error.isEmpty() && done_ == total_)
        return check();
    if (!error.isEmpty() && !broke_off)
        return fail(error);
    const bool came = done_ > std::exchange(best_, std::max(best_, done_)) && !etag_.isEmpty();
    tries_ = came ? 1 : tries_ + 1;
    if (tries_ >= rules_.tries)
        return fail(error.isEmpty() ? tr("The connection broke off.") : error);
    again_.start(rules_.first_pause << std::min(tries_ - 1, 6));
}

void FileFetch::check() {
    const QByteArray sum = hash_.result().toHex();
    const QByteArray wanted = !order_.sha256.isEmpty() ? order_.sha256 : announced_;
    if (!wanted.isEmpty() && sum != wanted) {
        file_.close();
        forget(order_.path);
        return fail(tr("What came as %1 is not the announced file (its SHA-256 differs), and was removed: "
                       "fetch it again.")
                        .arg(nameOf(order_.path)));
    }
    keepOnDisk(file_);
    file_.close();
    Q_EMIT ended({{}, sum, !wanted.isEmpty()});
}

void FileFetch::fail(const QString& error) {
    const bool nothing = file_.isOpen() && done_ == 0;
    stop();
    if (nothing)
        forget(order_.path);
    Q_EMIT ended({error, {}, false});
}

// ---- What is known of a file that is not whole ----

void FileFetch::writeNote(const QByteArray& etag) {
    etag_ = etag;
    QFile::remove(noteOf(order_.path));
    if (etag.isEmpty())
        return;
    QSaveFile file(noteOf(order_.path));
    const QJsonObject note{{QStringLiteral("url"), order_.url.toString()},
                           {QStringLiteral("etag"), QString::fromLatin1(etag)},
                           {QStringLiteral("bytes"), QString::number(total_)},
                           {QStringLiteral("sha256"), QString::fromLatin1(order_.sha256)}};
    if (file.open(QIODevice::WriteOnly)) { // without it, the file is fetched from its beginning
        file.write(QJsonDocument(note).toJson());
        file.commit();
    }
}

/// The ETag of what is there; "" where that is of something else, or of nothing known.
QByteArray FileFetch::noted() const {
    QFile file(noteOf(order_.path));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    const QJsonObject note = QJsonDocument::fromJson(file.read(kLongestNote)).object();
    const auto text = [&note](const char* key) { return note[QLatin1String(key)].toString(); };
    const bool same = text("url") == order_.url.toString() &&
                      text("sha256") == QString::fromLatin1(order_.sha256) &&
                      (order_.bytes == 0 || text("bytes").toULongLong() == order_.bytes);
    const QByteArray etag = text("etag").toLatin1();
    return same && isStrong(etag) ? etag : QByteArray();
}

} // namespace switchyard
