#include "app/services/transfer/byte_source.h"

#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>
#include <QFileInfo>

#include <zip.h>

#include <algorithm>
#include <cstring>

namespace switchyard {

namespace {

constexpr zip_int64_t kMostEntries = 100'000;

/// A clause of a sentence that names the file.
TransferError unreadable(const QString& why) {
    return TransferError(QCoreApplication::translate("ChatTransfer", "it cannot be read (%1)").arg(why));
}

class EntryBytes : public ByteSource {
  public:
    explicit EntryBytes(zip_file* file) : file_(file) {}
    ~EntryBytes() override { zip_fclose(file_); }
    EntryBytes(const EntryBytes&) = delete;
    EntryBytes& operator=(const EntryBytes&) = delete;
    qint64 read(char* to, qint64 most) override {
        const zip_int64_t got = zip_fread(file_, to, static_cast<zip_uint64_t>(most));
        if (got < 0)
            throw unreadable(QString::fromUtf8(zip_file_strerror(file_)));
        return got;
    }

  private:
    zip_file* file_;
};

} // namespace

// ---- A file ----

FileBytes::FileBytes(const QString& path) : file_(path) {
    // Neither a pipe, which may never end, nor a folder.
    if (const QFileInfo info(path); info.exists() && !info.isFile())
        throw unreadable(QCoreApplication::translate("ChatTransfer", "no file"));
    if (!file_.open(QIODevice::ReadOnly))
        throw unreadable(file_.errorString());
}

qint64 FileBytes::read(char* to, qint64 most) {
    const qint64 got = file_.read(to, most);
    if (got < 0)
        throw unreadable(file_.errorString());
    return got;
}

// ---- An archive ----

bool ChatArchive::isOne(const QString& path) {
    QFile file(path);
    return QFileInfo(path).isFile() && file.open(QIODevice::ReadOnly) &&
           file.read(4) == QByteArray("PK\x03\x04", 4);
}

ChatArchive::ChatArchive(const QString& path) {
    int code = 0;
    zip_ = zip_open(QFile::encodeName(path).constData(), ZIP_RDONLY, &code);
    if (!zip_) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const QString why = QString::fromUtf8(zip_error_strerror(&error));
        zip_error_fini(&error);
        throw unreadable(why);
    }
    const zip_int64_t count = std::min(zip_get_num_entries(zip_, 0), kMostEntries);
    for (zip_int64_t i = 0; i < count; ++i) {
        zip_stat_t stat;
        const auto index = static_cast<zip_uint64_t>(i);
        constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE;
        if (zip_stat_index(zip_, index, 0, &stat) == 0 && (stat.valid & kNeeded) == kNeeded)
            entries_.push_back({index, QString::fromUtf8(stat.name), stat.size});
    }
}

ChatArchive::~ChatArchive() { zip_discard(zip_); }

std::unique_ptr<ByteSource> ChatArchive::open(const Entry& entry) const {
    zip_file* file = zip_fopen_index(zip_, entry.index, 0);
    if (!file)
        throw unreadable(QString::fromUtf8(zip_strerror(zip_)));
    return std::make_unique<EntryBytes>(file);
}

// ---- Memory ----

qint64 MemoryBytes::read(char* to, qint64 most) {
    const qint64 got = std::min<qint64>(most, bytes_.size() - at_);
    std::memcpy(to, bytes_.constData() + at_, static_cast<std::size_t>(got));
    at_ += got;
    return got;
}

} // namespace switchyard
