#include "app/services/model_files.h"

#include "app/services/split_name.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>

namespace switchyard {

QStringList filesOf(const ModelEntry& model) {
    const std::optional<SplitName> name = splitName(model.path);
    if (!name || name->number != 1)
        return {model.path};
    QStringList files;
    for (int number = 1; number <= name->count(); ++number) {
        const QString path = name->part(number);
        if (QFileInfo(path).isFile())
            files.append(path);
    }
    return files;
}

QString moveToTrash(const QStringList& paths) {
    QList<std::pair<QString, QString>> gone; // where it was, where it is
    for (const QString& path : paths) {
        QString there;
        if (QFile::moveToTrash(path, &there)) {
            gone.append({path, there});
            continue;
        }
        for (const auto& [was, is] : gone)
            QFile::rename(is, was);
        return QCoreApplication::translate(
                   "ModelFiles",
                   "%1 cannot be moved to the trash. Is it on a disk without one, or not yours to "
                   "delete? It stays.")
            .arg(path);
    }
    return {};
}

QByteArray sha256OfFile(const QString& path, const std::stop_token& stop,
                        const std::function<void(double share)>& progress) {
    constexpr qint64 kSlice = 4 << 20;
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QCryptographicHash hash(QCryptographicHash::Sha256);
    qint64 done = 0;
    while (!stop.stop_requested()) {
        const QByteArray bytes = file.read(kSlice);
        if (bytes.isEmpty())
            return file.error() == QFileDevice::NoError ? hash.result().toHex() : QByteArray();
        hash.addData(bytes);
        done += bytes.size();
        progress(static_cast<double>(done) / static_cast<double>(std::max<qint64>(1, file.size())));
    }
    return {};
}

} // namespace switchyard
