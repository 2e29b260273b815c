#include "app/services/named_files.h"

#include "app/services/local_files.h"

#include <QDir>
#include <QFile>
#include <QSaveFile>
#include <QUrl>

namespace switchyard {

namespace {

bool said(bool done, const QFileDevice& file, QString* error) {
    if (!done && error)
        *error = file.errorString();
    return done;
}

} // namespace

bool failWith(QString* error, const QString& sentence) {
    if (error)
        *error = sentence;
    return false;
}

QString NamedFiles::fileOf(const QString& name) const {
    // What a file name cannot hold is percent-encoded.
    const QByteArray encoded = QUrl::toPercentEncoding(name, " ()+,=@&!'", ".~");
    return QDir(folder_).filePath(QString::fromLatin1(encoded) + suffix_);
}

QStringList NamedFiles::names() const {
    QStringList names;
    for (const QString& file : QDir(folder_).entryList({QLatin1Char('*') + suffix_}, QDir::Files, QDir::Name))
        names.append(QUrl::fromPercentEncoding(file.chopped(suffix_.size()).toUtf8()));
    return names;
}

bool NamedFiles::has(const QString& name) const { return QFile::exists(fileOf(name)); }

QString NamedFiles::freeName(const QString& name) const {
    QString free = name;
    for (int n = 2; has(free); ++n)
        free = QStringLiteral("%1 %2").arg(name).arg(n);
    return free;
}

std::optional<QByteArray> NamedFiles::read(const QString& name, qint64 most, QString* error) const {
    QFile file(fileOf(name));
    if (!said(file.open(QIODevice::ReadOnly), file, error))
        return std::nullopt;
    return file.read(most);
}

bool NamedFiles::write(const QString& name, const QByteArray& bytes, QString* error) const {
    makePrivateFolder(folder_);
    QSaveFile file(fileOf(name));
    const bool done = file.open(QIODevice::WriteOnly) &&
                      file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) && file.write(bytes) >= 0 &&
                      commitWhole(file);
    return said(done, file, error);
}

bool NamedFiles::rename(const QString& from, const QString& to, QString* error) const {
    QFile file(fileOf(from));
    return said(file.rename(fileOf(to)), file, error);
}

bool NamedFiles::remove(const QString& name, QString* error) const {
    QFile file(fileOf(name));
    return said(file.remove(), file, error);
}

} // namespace switchyard
