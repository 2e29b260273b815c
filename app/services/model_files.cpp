#include "app/services/model_files.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>

namespace switchyard {

QStringList filesOf(const ModelEntry& model) {
    static const QRegularExpression part(QStringLiteral("-00001-of-(\\d{5})(\\.gguf)$"),
                                         QRegularExpression::CaseInsensitiveOption);
    const QRegularExpressionMatch match = part.match(model.path);
    if (!match.hasMatch())
        return {model.path};
    QStringList files;
    const int all = match.captured(1).toInt();
    const QString base = model.path.left(match.capturedStart());
    for (int number = 1; number <= all; ++number) {
        const QString path = QStringLiteral("%1-%2-of-%3%4")
                                 .arg(base)
                                 .arg(number, 5, 10, QLatin1Char('0'))
                                 .arg(match.captured(1), match.captured(2));
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
