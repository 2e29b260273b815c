#include "app/documents/archive.h"

#include "app/documents/document_text.h"

#include <QFile>

#include <algorithm>

namespace switchyard {

Archive::Archive(const QString& path, qint64 most_bytes) : left_(most_bytes) {
    int error = 0;
    archive_.reset(zip_open(QFile::encodeName(path).constData(), ZIP_RDONLY, &error));
    if (!archive_)
        throw DocumentFailure{error == ZIP_ER_OPEN || error == ZIP_ER_NOENT ? DocumentTrouble::Unreadable
                                                                            : DocumentTrouble::Damaged};
}

bool Archive::has(const QString& name) const {
    return zip_name_locate(archive_.get(), name.toUtf8().constData(), 0) >= 0;
}

QStringList Archive::numbered(const QString& prefix, const QString& suffix, int most) const {
    QStringList names;
    const auto number = [&](const QString& name) {
        return name.mid(prefix.size(), name.size() - prefix.size() - suffix.size()).toInt();
    };
    const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
    for (zip_int64_t i = 0; i < count && names.size() < most; ++i) {
        const char* raw = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
        const QString name = QString::fromUtf8(raw ? raw : "");
        if (name.startsWith(prefix) && name.endsWith(suffix) && number(name) > 0)
            names.append(name);
    }
    std::ranges::sort(names, {}, number);
    return names;
}

std::optional<QByteArray> Archive::read(const QString& name) {
    const zip_int64_t index = zip_name_locate(archive_.get(), name.toUtf8().constData(), 0);
    if (index < 0)
        return std::nullopt;
    zip_stat_t stat;
    if (zip_stat_index(archive_.get(), static_cast<zip_uint64_t>(index), 0, &stat) != 0)
        throw DocumentFailure{DocumentTrouble::Damaged};
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE)
        throw DocumentFailure{DocumentTrouble::Encrypted};
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
        zip_fopen_index(archive_.get(), static_cast<zip_uint64_t>(index), 0), zip_fclose);
    if (!file)
        throw DocumentFailure{DocumentTrouble::Damaged};
    // What the archive says of the size may be a lie: what comes is counted.
    QByteArray bytes;
    char piece[65536];
    zip_int64_t got = 0;
    while ((got = zip_fread(file.get(), piece, sizeof piece)) > 0) {
        left_ -= got;
        if (left_ < 0)
            throw DocumentFailure{DocumentTrouble::TooLarge};
        bytes.append(piece, static_cast<qsizetype>(got));
    }
    if (got < 0)
        throw DocumentFailure{DocumentTrouble::Damaged};
    return bytes;
}

} // namespace switchyard
