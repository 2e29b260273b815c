#include "app/services/chat_file.h"

#include "app/services/chat_salvage.h"
#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/sql_error.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QUrl>
#include <QtEndian>

#include <sys/stat.h>

namespace switchyard {

namespace {

constexpr int kMostFiles = 9;
constexpr int kDamagedCode = 26; ///< SQLITE_NOTADB

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

/// Device and number of what lies at the path; zeros where nothing does.
std::pair<quint64, quint64> identity(const QString& path) {
    struct stat status {};
    if (::stat(QFile::encodeName(path).constData(), &status) != 0)
        return {0, 0};
    return {status.st_dev, status.st_ino};
}

/// Tells whether a damaged file is still the same; never 0.
qint32 fingerprint(const QString& path) {
    const QFileInfo info(path);
    const size_t hash = qHashMulti(0, info.size(), info.lastModified().toMSecsSinceEpoch(),
                                   identity(path).second); // times have steps of some ms
    return static_cast<qint32>((hash & 0x3fffffff) | 1);
}

void setApplicationId(const QString& path, qint32 id) {
    QSqlDatabase db = openConnection(path);
    try {
        execute(db, QStringLiteral("PRAGMA application_id = %1").arg(id));
        QSqlQuery(db).exec(QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)"));
    } catch (...) {
        closeConnection(db);
        throw;
    }
    closeConnection(db);
}

bool isReadableChatFile(const QString& path) {
    const qint32 version = headerNumber(path, kUserVersion);
    if (version <= 0 || version > kSchemaVersion)
        return false;
    try {
        QSqlDatabase db = openConnection(path, QStringLiteral("mode=ro"));
        const bool sound = isSound(db);
        closeConnection(db);
        return sound;
    } catch (const SqlError&) {
        return false;
    }
}

} // namespace

ChatFile::ChatFile(const QString& folder)
    : folder_(folder), path_(pathOf(1)), lock_(QDir(folder).filePath(QStringLiteral("chats.lock"))) {}

ChatFile::~ChatFile() {
    closeConnection(memory_);
    closeConnection(file_);
}

QString ChatFile::pathOf(int number) const {
    return QDir(folder_).filePath(number == 1 ? QStringLiteral("chats.sqlite")
                                              : QStringLiteral("chats.%1.sqlite").arg(number));
}

ChatFile::Use ChatFile::refuse(Use use, const QString& sentence) {
    problem_ = sentence;
    return use;
}

ChatFile::Use ChatFile::open() {
    closeConnection(file_);
    problem_.clear();
    busy_ = false;
    try {
        use_ = openLocked();
    } catch (const SqlError& error) {
        const QString cause = QString::fromUtf8(error.what());
        busy_ = error.busy();
        if (busy_)
            refuse(use_ = Use::Read,
                   ConversationStore::tr("Another program is using %1: what is written is kept in memory and "
                                         "saved by itself as soon as the file is free.")
                       .arg(path_));
        else if (error.mustWait())
            refuse(use_ = Use::Read,
                   ConversationStore::tr("%1 cannot be written (%2): chats are kept in memory until it can.")
                       .arg(path_, cause));
        else
            refuse(use_ = Use::None,
                   ConversationStore::tr("%1 is damaged or no chat database (%2): it is left as it is and "
                                         "chats are kept in memory only. Move it away to start afresh.")
                       .arg(path_, cause));
    }
    if (use_ != Use::Write)
        closeConnection(file_);
    return use_;
}

bool ChatFile::takeLock() {
    if (lock_.isMine())
        return true;
    switch (lock_.take()) {
    case FolderLock::State::Mine:
        return true;
    case FolderLock::State::Held:
        problem_ = ConversationStore::tr("Another window of this program uses the chats in %1: what is "
                                         "written here is kept in memory until that one is closed.")
                       .arg(folder_);
        break;
    case FolderLock::State::Elsewhere:
        problem_ = ConversationStore::tr("The computer %1 uses the chats in %2: what is written here is kept "
                                         "in memory until the program is closed there. If it does not run "
                                         "there any more, delete %3.")
                       .arg(lock_.holder().host, folder_, lock_.path());
        break;
    case FolderLock::State::NoFolder:
        problem_ = ConversationStore::tr("The folder %1 cannot be written: chats are kept in memory only. "
                                         "Make it writable, or choose another data folder in the settings.")
                       .arg(folder_);
        break;
    case FolderLock::State::Blocked:
        problem_ = ConversationStore::tr("%1 is not this program's lock file or cannot be opened: chats are "
                                         "kept in memory until it is moved away.")
                       .arg(lock_.path());
        break;
    }
    return false;
}

ChatFile::Use ChatFile::openLocked() {
    if (!QDir().mkpath(folder_))
        return refuse(Use::None,
                      ConversationStore::tr(
                          "The folder %1 cannot be made: chats are kept in memory only. Choose another "
                          "data folder in the settings.")
                          .arg(folder_));
    // Before the lock: in a folder that cannot be written what lies there is read.
    path_ = pathOf(number_ = activeNumber());
    if (headerNumber(path_, kUserVersion) > kSchemaVersion)
        return refuse(Use::None,
                      ConversationStore::tr(
                          "%1 was written by a newer version of this program: it is left as it is and "
                          "chats are kept in memory only. Update the program to see your chats.")
                          .arg(path_));
    if (!takeLock())
        return Use::Read;
    for (;; ++number_) {
        path_ = pathOf(number_);
        try {
            if (QFileInfo(path_).isDir())
                throw SqlError(ConversationStore::tr("it is a folder"), kDamagedCode);
            return openNumber();
        } catch (const SqlError& error) {
            closeConnection(file_);
            if (!error.damaged() || number_ == kMostFiles)
                throw;
            beginBeside(number_ + 1, QString::fromUtf8(error.what()));
        }
    }
}

ChatFile::Use ChatFile::openNumber() {
    file_ = openConnection(path_);
    const int version = schemaVersion(file_);
    execute(file_, QStringLiteral("PRAGMA foreign_keys = ON"));
    execute(file_, QStringLiteral("BEGIN IMMEDIATE")); // finds out whether the file can be written
    execute(file_, QStringLiteral("ROLLBACK"));
    execute(file_, QStringLiteral("PRAGMA journal_mode = WAL"));
    execute(file_, QStringLiteral("PRAGMA synchronous = NORMAL"));
    if (version > 0 && version < kSchemaVersion && !backUp(version))
        return refuse(Use::Read,
                      ConversationStore::tr(
                          "No copy of %1 could be made before bringing it up to date (is the disk full?): "
                          "it is left as it is and chats are kept in memory only.")
                          .arg(path_));
    migrate(file_, version);
    if (!isSearchUsable(file_))
        rebuildSearch(file_);
    for (int later = number_ + 1; later <= kMostFiles; ++later)
        addLater(later);
    std::tie(device_, inode_) = identity(path_);
    return Use::Write;
}

// ---- A fresh file beside ----

/// The last file that there is, or an earlier one that can be used again.
int ChatFile::activeNumber() const {
    int number = kMostFiles;
    while (number > 1 && !QFileInfo::exists(pathOf(number)))
        --number;
    while (number > 1 && !isStillUnusable(number - 1))
        --number;
    return number;
}

bool ChatFile::isStillUnusable(int number) const {
    const qint32 known = headerNumber(pathOf(number + 1), kApplicationId);
    if (known == 0) // written beside because this one was gone or replaced
        return false;
    const QString path = pathOf(number);
    return !QFileInfo::exists(path) || fingerprint(path) == known || !isReadableChatFile(path);
}

/// PRECOND: no connection to the file before it is open.
void ChatFile::beginBeside(int number, const QString& cause) {
    const QString damaged = pathOf(number - 1), path = pathOf(number);
    if (!QFileInfo::exists(path)) {
        const QString part = path + QStringLiteral(".part");
        QFile::remove(part);
        QSqlDatabase fresh = openConnection(part);
        try {
            migrate(fresh, 0);
            if (QFileInfo(damaged).isFile()) {
                QSqlDatabase old = openConnection(damaged, QStringLiteral("mode=ro"));
                salvage(old, fresh);
                closeConnection(old);
            }
        } catch (const SqlError&) {
            closeConnection(fresh);
            QFile::remove(part);
            throw;
        }
        closeConnection(fresh);
        setApplicationId(part, fingerprint(damaged));
        QFile::rename(part, path);
    } else {
        setApplicationId(path, fingerprint(damaged));
    }
    notice_ =
        ConversationStore::tr("%1 is damaged or no chat database (%2): it is left as it is. What can be "
                              "read of it is shown, and chats are kept in %3 from now on.")
            .arg(damaged, cause, path);
}

/// Adds a later file's chats to the open one.
void ChatFile::addLater(int number) {
    const QString later = pathOf(number);
    if (!isReadableChatFile(later))
        return;
    mergeChats(file_, later);
    const QString done = QDir(folder_).filePath(
        QStringLiteral("chats.%1.added-%2.sqlite").arg(number).arg(QDateTime::currentMSecsSinceEpoch()));
    QFile::rename(later, done);
}

bool ChatFile::isMoved() const { return identity(path_) != std::pair(device_, inode_); }

void ChatFile::rescue() {
    if (!QDir().mkpath(folder_))
        throw SqlError(ConversationStore::tr("the folder is gone"), 14);
    int number = number_ + 1;
    while (number < kMostFiles && QFileInfo::exists(pathOf(number)))
        ++number;
    const QString part = pathOf(number) + QStringLiteral(".part");
    QFile::remove(part);
    execute(file_, QStringLiteral("VACUUM INTO ") + quotedSql(part));
    setApplicationId(part, 0);
    // Closing takes away the log of whatever lies at the path: only then the copy gets its name.
    closeConnection(file_);
    QFile::rename(part, pathOf(number));
    use_ = Use::Read;
}

bool ChatFile::repair() {
    if (!std::exchange(searched_, true) && areTablesReadable(file_)) {
        try {
            rebuildSearch(file_);
            return true;
        } catch (const SqlError& error) {
            if (!error.damaged())
                throw;
        }
    }
    if (number_ == kMostFiles || QFileInfo::exists(pathOf(number_ + 1)))
        return false;
    closeConnection(file_);
    use_ = Use::Read;
    beginBeside(number_ + 1, ConversationStore::tr("a part of it cannot be read"));
    path_ = pathOf(++number_);
    use_ = openNumber();
    return use_ == Use::Write;
}

bool ChatFile::backUp(int version) {
    const QString backup = QDir(folder_).filePath(
        QStringLiteral("chats.v%1.%2.backup.sqlite")
            .arg(version)
            .arg(QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"))));
    try {
        // Whole and consistent, with what is still in the write-ahead log.
        execute(file_, QStringLiteral("VACUUM INTO ") + quotedSql(backup));
        return true;
    } catch (const SqlError& error) {
        QFile::remove(backup);
        if (error.busy() || error.damaged())
            throw;
        return false;
    }
}

// ---- The copy in memory ----

QSqlDatabase& ChatFile::memory() {
    closeConnection(memory_);
    memory_ = openConnection(QStringLiteral(":memory:"));
    whole_ = true;
    const int version = use_ != Use::None && QFile::exists(path_) ? copyFile() : 0;
    migrate(memory_, version);
    // With half of the chats a message may come whose chat is not here.
    execute(memory_, QStringLiteral("PRAGMA foreign_keys = %1").arg(whole_ ? 1 : 0));
    return memory_;
}

/// The version of the copy, 0: nothing could be read.
int ChatFile::copyFile() {
    try {
        if (file_.isOpen() && isMoved()) {
            migrate(memory_, 0);
            salvage(file_, memory_);
            return kSchemaVersion;
        }
        // In a folder that cannot be written SQLite cannot make the files it shares with other readers.
        const QString options =
            QFileInfo(folder_).isWritable() ? QStringLiteral("?mode=ro") : QStringLiteral("?immutable=1");
        const QString uri = QString::fromUtf8(QUrl::fromLocalFile(path_).toEncoded()) + options;
        execute(memory_, QStringLiteral("ATTACH %1 AS disk").arg(quotedSql(uri)));
        const int version = copyAttached();
        QSqlQuery(memory_).exec(QStringLiteral("DETACH disk"));
        return version;
    } catch (const SqlError& error) {
        closeConnection(memory_);
        memory_ = openConnection(QStringLiteral(":memory:"));
        if (error.damaged()) {
            QSqlDatabase file = openConnection(path_, QStringLiteral("mode=ro"));
            migrate(memory_, 0);
            salvage(file, memory_);
            closeConnection(file);
            return kSchemaVersion;
        }
        whole_ = false; // the chats of before are not seen; the file keeps them
        return 0;
    }
}

int ChatFile::copyAttached() {
    QSqlQuery query(memory_);
    check(query.exec(QStringLiteral("PRAGMA disk.user_version")) && query.next(), query);
    const int version = query.value(0).toInt();
    query.finish();
    if (version <= 0 || version > kSchemaVersion)
        return 0;
    migrate(memory_, 0, version);
    copyTables(memory_, QStringLiteral("disk"), version);
    return version;
}

void ChatFile::closeMemory() { closeConnection(memory_); }

void ChatFile::setPatience(int milliseconds) {
    if (file_.isOpen())
        QSqlQuery(file_).exec(QStringLiteral("PRAGMA busy_timeout = %1").arg(milliseconds));
}

} // namespace switchyard
