#include "app/services/local_files.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QStringList>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {

namespace {

constexpr mode_t kFileMode = 0600, kFolderMode = 0700, kOthers = 077;

QString causeOf(int error) { return QString::fromLocal8Bit(std::strerror(error)); }

/// PRECOND: the path names a file or folder, not a link where `status` is of the link itself.
void narrow(const QByteArray& path, const struct stat& status, mode_t mode) {
    // A failure leaves it as it is: a file system without rights has none to take.
    if (status.st_uid == geteuid() && (status.st_mode & kOthers) != 0 && ::chmod(path.constData(), mode) != 0)
        errno = 0;
}

bool isOwnName(const QString& name) {
    const QStringList own = {QStringLiteral("models"), QStringLiteral("presets"),
                             QStringLiteral("speeds.json")};
    return own.contains(name) || name.startsWith(QLatin1String("chats")) ||
           name.startsWith(QLatin1String("switchyard"));
}

/// Of a folder with other things in it the user decides who may enter.
bool holdsOnlyOwn(const QString& folder) {
    return std::ranges::all_of(
        QDir(folder).entryList(QDir::AllEntries | QDir::Hidden | QDir::System | QDir::NoDotAndDotDot),
        isOwnName);
}

} // namespace

bool makePrivateFolder(const QString& path) {
    const QByteArray name = QFile::encodeName(path);
    struct stat status {};
    if (::stat(name.constData(), &status) == 0) {
        if (S_ISDIR(status.st_mode) && (status.st_mode & kOthers) != 0 && holdsOnlyOwn(path))
            narrow(name, status, kFolderMode);
        return S_ISDIR(status.st_mode);
    }
    const QString above = QFileInfo(QDir::cleanPath(path)).path();
    if (errno != ENOENT || above == path || !(QFileInfo(above).isDir() || makePrivateFolder(above)))
        return false;
    if (::mkdir(name.constData(), kFolderMode) != 0)
        return QFileInfo(path).isDir(); // made by another meanwhile
    return ::chmod(name.constData(), kFolderMode) == 0 || QFileInfo(path).isDir();
}

bool makePrivateFile(const QString& path) {
    const QByteArray name = QFile::encodeName(path);
    struct stat status {};
    if (::stat(name.constData(), &status) == 0) {
        if (S_ISREG(status.st_mode))
            narrow(name, status, kFileMode);
        return true;
    }
    if (errno != ENOENT)
        return false;
    const int file = ::open(name.constData(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, kFileMode);
    if (file < 0)
        return false;
    const bool narrowed = ::fchmod(file, kFileMode) == 0; // a umask may have taken the owner's rights
    ::close(file);
    return narrowed;
}

void narrowFiles(const QString& folder, const QString& beginning) {
    const QDir dir(folder);
    for (const QString& name :
         dir.entryList({beginning + QLatin1Char('*')}, QDir::Files | QDir::Hidden | QDir::System)) {
        const QByteArray path = QFile::encodeName(dir.filePath(name));
        struct stat status {};
        if (::lstat(path.constData(), &status) == 0 && S_ISREG(status.st_mode))
            narrow(path, status, kFileMode);
    }
}

bool commitWhole(QSaveFile& file) {
    const bool whole = file.flush();
    if (!whole)
        file.cancelWriting();
    return file.commit() && whole;
}

QString moveFile(const QString& from, const QString& to) {
    const QByteArray old_name = QFile::encodeName(from), new_name = QFile::encodeName(to);
    if (::renameat2(AT_FDCWD, old_name.constData(), AT_FDCWD, new_name.constData(), RENAME_NOREPLACE) == 0)
        return {};
    if (errno != EINVAL && errno != ENOSYS)
        return causeOf(errno);
    // A file system that cannot refuse by itself.
    struct stat status {};
    if (::lstat(new_name.constData(), &status) == 0)
        return causeOf(EEXIST);
    return ::rename(old_name.constData(), new_name.constData()) == 0 ? QString() : causeOf(errno);
}

} // namespace switchyard
