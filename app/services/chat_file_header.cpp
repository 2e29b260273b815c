#include "app/services/chat_file_header.h"

#include "app/services/chat_salvage.h"
#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/local_files.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QFile>
#include <QFileInfo>
#include <QtEndian>

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace switchyard {

namespace {

// Places in the header of the file, as SQLite's documentation of the format gives them.
constexpr qsizetype kHeaderBytes = 100, kUserVersion = 60, kApplicationId = 68;

/// A big-endian number in the file's header; 0 where it is no database.
qint32 headerNumber(const QString& path, qsizetype at) {
    QFile file(path);
    if (!QFileInfo(path).isFile() || !file.open(QIODevice::ReadOnly))
        return 0;
    const QByteArray header = file.read(kHeaderBytes);
    if (header.size() < kHeaderBytes || !header.startsWith("SQLite format 3"))
        return 0;
    return qFromBigEndian<qint32>(header.constData() + at);
}

void moveOrThrow(const QString& from, const QString& to) {
    if (const QString cause = moveFile(from, to); !cause.isEmpty())
        throw SqlError(ConversationStore::tr("%1 cannot be renamed to %2: %3").arg(from, to, cause),
                       SqlError::kCannotOpen);
}

} // namespace

qint32 userVersionOf(const QString& path) { return headerNumber(path, kUserVersion); }
qint32 applicationIdOf(const QString& path) { return headerNumber(path, kApplicationId); }

void setApplicationId(const QString& path, qint32 id) {
    Connection db(path);
    execute(*db, QStringLiteral("PRAGMA application_id = %1").arg(id));
    QSqlQuery(*db).exec(
        QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)")); // the header is read from the file
}

std::pair<quint64, quint64> identity(const QString& path) {
    struct stat status {};
    if (::stat(QFile::encodeName(path).constData(), &status) != 0)
        return {0, 0};
    return {status.st_dev, status.st_ino};
}

qint32 fingerprint(const QString& path) {
    const QFileInfo info(path);
    const QByteArray words = QByteArray::number(info.size()) + ' ' +
                             QByteArray::number(info.lastModified().toMSecsSinceEpoch()) + ' ' +
                             QByteArray::number(identity(path).second); // times have steps of some ms
    const QByteArray hash = QCryptographicHash::hash(words, QCryptographicHash::Sha256);
    return (qFromBigEndian<qint32>(hash.constData()) & 0x3fffffff) | 1;
}

bool isReadableChatFile(const QString& path) {
    const qint32 version = userVersionOf(path);
    if (version <= 0 || version > kSchemaVersion)
        return false;
    try {
        Connection db(path, QStringLiteral("mode=ro"));
        return isSound(*db);
    } catch (const SqlError&) {
        return false;
    }
}

void setLeftLogsAside(const QString& path) {
    const bool missing = identity(path) == std::pair<quint64, quint64>();
    for (const char* suffix : {"-wal", "-journal", "-shm"}) {
        const QFileInfo log(path + QLatin1String(suffix));
        const bool words = log.size() > 0 && QByteArray(suffix) != "-shm";
        if ((missing && words) || (log.exists() && !log.isFile()))
            moveOrThrow(
                log.filePath(),
                QStringLiteral("%1.left-%2").arg(log.filePath()).arg(QDateTime::currentMSecsSinceEpoch()));
    }
}

void makeLogsWritable(const QString& path) {
    struct stat file {
    }, log{};
    if (::stat(QFile::encodeName(path).constData(), &file) != 0 || (file.st_mode & S_IWUSR) == 0)
        return;
    for (const char* suffix : {"-wal", "-journal", "-shm"}) {
        const QByteArray name = QFile::encodeName(path + QLatin1String(suffix));
        constexpr mode_t kOwner = S_IRUSR | S_IWUSR;
        if (::lstat(name.constData(), &log) == 0 && S_ISREG(log.st_mode) && log.st_uid == geteuid() &&
            (log.st_mode & kOwner) != kOwner && ::chmod(name.constData(), kOwner) != 0)
            errno = 0; // opening it says so
    }
}

void moveDatabase(const QString& from, const QString& to) {
    setLeftLogsAside(to);
    moveOrThrow(from, to);
    for (const char* suffix : {"-wal", "-journal"}) {
        if (const QString log = from + QLatin1String(suffix); QFileInfo(log).size() > 0)
            moveOrThrow(log, to + QLatin1String(suffix));
    }
    QFile::remove(from + QStringLiteral("-shm"));
}

} // namespace switchyard
