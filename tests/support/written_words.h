// Whether words that were never to be written are on the disk.
#pragma once

#include <QDirIterator>
#include <QFile>
#include <QString>

namespace switchyard {

/// Whether any file under a folder has these bytes, as they are or as UTF-16.
inline bool isWritten(const QString& folder, const QString& words) {
    QDirIterator files(folder, QDir::Files | QDir::Hidden, QDirIterator::Subdirectories);
    while (files.hasNext()) {
        QFile file(files.next());
        if (!file.open(QIODevice::ReadOnly))
            continue;
        const QByteArray bytes = file.readAll().toLower(); // as in the search index
        const QString small = words.toLower();
        const QByteArray wide(reinterpret_cast<const char*>(small.utf16()), small.size() * 2);
        if (bytes.contains(small.toUtf8()) || bytes.contains(wide))
            return true;
    }
    return false;
}

} // namespace switchyard
