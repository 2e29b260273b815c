#include "app/services/hub/file_fetch.h"

#include "app/services/local_files.h"

#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QRegularExpression>
#include <QSaveFile>

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace switchyard {

bool flushToDisk(QFile& file) { return file.flush() && ::fsync(file.handle()) == 0; }

void flushFolder(const QString& folder) {
    const int at = ::open(QFile::encodeName(folder).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return; // a disk without it has no way to keep it either
    ::fsync(at);
    ::close(at);
}

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

QString FileFetch::roomRefusal(const WebRules& rules, const QString& folder, const QString& name,
                               quint64 needed) {
    const qint64 free = rules.free_space(folder);
    if (free < 0 || static_cast<quint64>(free) >= needed)
        return {};
    return tr("%1 needs %2 more on the disk, %3 are free: make room, then go on.")
        .arg(name, size(needed), size(static_cast<quint64>(free)));
}

void FileFetch::begin() {
    if (order_.named ? openNamed() : open())
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
    readNote();
    done_ = etag_.isEmpty() ? 0 : static_cast<quint64>(file_.size());
    if (total_ > 0 && done_ > total_)
        done_ = 0;
    if (!file_.resize(static_cast<qint64>(done_))) {
        fail(tr("%1 cannot be written: %2").arg(part, file_.errorString()));
        return false;
    }
    return true;
}

/// What stands under its name is only read.
bool FileFetch::openNamed() {
    file_.setFileName(order_.path);
    if (!file_.open(QIODevice::ReadOnly)) {
        fail(tr("%1 cannot be read: %2").arg(order_.path, file_.errorString()));
        return false;
    }
    done_ = static_cast<quint64>(file_.size());
    if (total_ > 0 && done_ == total_)
        return true;
    fail(tr("%1 is there already, and is not overwritten.").arg(order_.path));
    return false;
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
    const quint64 needed = (total_ > done_ ? total_ - done_ : 0) + rules_.spare;
    const QString full = roomRefusal(rules_, QFileInfo(order_.path).path(), nameOf(order_.path), needed);
    if (!full.isEmpty())
        fail(full);
    return full.isEmpty();
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
    const int status = get_->status();
    const QString host = get_->host();
    if (status == 416 && done_ > 0)
        return takeBeyond();
    if (passes(status)) {
        asked_to_wait_ = retryAfter(get_->header("Retry-After"));
        get_->stop();
        return takeEnd(statusSentence(status, host), true);
    }
    if (const QString wrong = statusSentence(status, host); !wrong.isEmpty())
        return fail({wrong, {}, false, status == 401 || status == 403});
    if (status == 206) {
        if (takeRest())
            takeBytes();
    } else if (fitsLength()) {
        head_ = true;
        takeBytes();
    }
}

/// There is nothing behind what is there: it is whole, or the server's is shorter now.
void FileFetch::takeBeyond() {
    static const QRegularExpression range(QStringLiteral("^bytes \\*/(\\d{1,18})$"));
    const QRegularExpressionMatch match =
        range.match(QString::fromLatin1(get_->header("Content-Range")).trimmed());
    const QByteArray etag = get_->header("ETag");
    const bool whole = match.captured(1).toULongLong() == done_ && (total_ == 0 || total_ == done_) &&
                       (etag.isEmpty() || etag == etag_);
    if (!whole)
        return startOver();
    drop();
    total_ = done_;
    check();
}

/// Whether the whole file that is to come has a size that it may have; known before a byte comes.
bool FileFetch::fitsLength() {
    const QString host = get_->host(), name = nameOf(order_.path);
    bool known = false;
    const quint64 length = get_->header("Content-Length").toULongLong(&known);
    QString wrong;
    if (!known && order_.bytes == 0)
        wrong = tr("%1 does not say how large %2 is: it is not fetched.").arg(host, name);
    else if (known && (length == 0 || static_cast<double>(length) > kMostFileBytes))
        wrong = tr("%1 says that %2 has %3 bytes: it is not fetched.").arg(host, name).arg(length);
    else if (known && order_.bytes > 0 && length != order_.bytes)
        wrong = tr("%1 has %2 with %3 bytes, its list says %4: it is not fetched. Look at the list again.")
                    .arg(host, name)
                    .arg(length)
                    .arg(order_.bytes);
    if (!wrong.isEmpty())
        fail(wrong);
    coming_ = known ? length : order_.bytes;
    return wrong.isEmpty();
}

/// What is there goes only for the file itself, not for a page to sign in that some network puts in its
/// place.
void FileFetch::takeHead(bool all) {
    if (get_->available() < kHead && !all)
        return;
    head_ = false;
    const bool page = get_->header("Content-Type").trimmed().toLower().startsWith("text/html");
    if (page || !beginsLike(order_.path, get_->peek(kHead)))
        return fail(tr("What %1 sent is not %2, but perhaps a page to sign in to the network: look there "
                       "with a browser, then go on.")
                        .arg(get_->host(), nameOf(order_.path)));
    if (takeFull())
        takeBytes();
}

/// The whole file comes, whatever was asked for.
bool FileFetch::takeFull() {
    announced_ = get_->announced();
    total_ = coming_;
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
    if (!get_->announced().isEmpty())
        announced_ = get_->announced();
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
    announced_.clear();
    total_ = order_.bytes;
    done_ = hashed_ = 0;
    hash_.reset();
    file_.resize(0);
    file_.seek(0);
    QFile::remove(noteOf(order_.path));
    QMetaObject::invokeMethod(this, &FileFetch::ask, Qt::QueuedConnection);
}

void FileFetch::takeBytes() {
    if (head_)
        return takeHead(false);
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
        head_ ? takeHead(true) : takeBytes();
        if (!get_)
            return; // it failed there
    }
    drop();
    head_ = false;
    if (total_ > 0 && done_ == total_)
        return check(); // however the connection ended
    if (!error.isEmpty() && !broke_off)
        return fail(error);
    const bool came = done_ > std::exchange(best_, std::max(best_, done_)) && !etag_.isEmpty();
    tries_ = came ? 1 : tries_ + 1;
    if (tries_ >= rules_.tries)
        return fail(error.isEmpty() ? tr("The connection broke off.") : error);
    again_.start(rules_.pause(tries_, std::exchange(asked_to_wait_, 0)));
}

void FileFetch::check() {
    const QByteArray sum = hash_.result().toHex();
    const QByteArray wanted = !order_.sha256.isEmpty() ? order_.sha256 : announced_;
    if (!wanted.isEmpty() && sum != wanted) {
        file_.close();
        if (order_.named)
            return fail(tr("%1 is there already, and is not overwritten.").arg(order_.path));
        forget(order_.path);
        return fail(tr("What came as %1 is not the announced file (its SHA-256 differs), and was removed: "
                       "fetch it again.")
                        .arg(nameOf(order_.path)));
    }
    if (!order_.named && !flushToDisk(file_))
        return fail(tr("%1 cannot be written: %2. What came is kept: make room, then go on.")
                        .arg(file_.fileName(), file_.errorString()));
    file_.close();
    Q_EMIT ended({{}, sum, !wanted.isEmpty()});
}

void FileFetch::fail(const FetchEnd& end) {
    const bool nothing = !order_.named && file_.isOpen() && done_ == 0;
    stop();
    if (nothing)
        forget(order_.path);
    Q_EMIT ended(end);
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
                           {QStringLiteral("sha256"), QString::fromLatin1(order_.sha256)},
                           {QStringLiteral("announced"), QString::fromLatin1(announced_)}};
    if (file.open(QIODevice::WriteOnly)) { // without it, the file is fetched from its beginning
        file.write(QJsonDocument(note).toJson());
        commitWhole(file);
    }
}

/// What is there is of this file only where the note says so; then its ETag and its size are known.
void FileFetch::readNote() {
    QFile file(noteOf(order_.path));
    if (!file.open(QIODevice::ReadOnly))
        return;
    const QJsonObject note = QJsonDocument::fromJson(file.read(kLongestNote)).object();
    const auto text = [&note](const char* key) { return note[QLatin1String(key)].toString(); };
    const quint64 bytes = text("bytes").toULongLong();
    const QByteArray etag = text("etag").toLatin1();
    if (text("url") != order_.url.toString() || text("sha256") != QString::fromLatin1(order_.sha256) ||
        (order_.bytes > 0 && bytes != order_.bytes) || !isStrong(etag))
        return;
    etag_ = etag;
    announced_ = sha256Of(text("announced").toLatin1());
    if (static_cast<double>(bytes) <= kMostFileBytes)
        total_ = bytes;
}

} // namespace switchyard
