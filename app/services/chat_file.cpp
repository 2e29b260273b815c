#include "app/services/chat_file.h"

#include "app/services/chat_file_header.h"
#include "app/services/chat_merge.h"
#include "app/services/chat_salvage.h"
#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/local_files.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>

namespace switchyard {

namespace {

constexpr int kDamagedCode = 26; ///< SQLITE_NOTADB

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
    problem_.clear();
    busy_ = false;
    stranded_ = file_.isOpen() && isMoved();
    try {
        // Asked while it is open: afterwards a new file may get its number.
        const bool replaced = stranded_ && isReplaced();
        if (stranded_)
            rescue();
        closeConnection(file_);
        if (replaced)
            removeOwnLog();
        use_ = openLocked();
    } catch (const SqlError& error) {
        const QString cause = QString::fromUtf8(error.what());
        busy_ = error.busy();
        if (stranded_)
            refuse(use_ = Use::Read,
                   ConversationStore::tr("The file of the chats, %1, was taken away (%2): chats are kept in "
                                         "memory until it can be written anew.")
                       .arg(path_, cause));
        else if (busy_)
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
    if (use_ != Use::Write && !stranded_)
        closeConnection(file_);
    return use_;
}

/// SQLite leaves the log of a database that has lost its name, and would play it into the one that has it
/// now. What it held is in the copy. PRECOND: the name is not the database's any more; else the log is in
/// use by whoever else has it open, and what comes into it after that would be lost.
void ChatFile::removeOwnLog() {
    const QString log = path_ + QStringLiteral("-wal");
    if (log_ != std::pair<quint64, quint64>() && identity(log) == log_)
        QFile::remove(log);
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
    if (!makePrivateFolder(folder_))
        return refuse(Use::None,
                      ConversationStore::tr(
                          "The folder %1 cannot be made: chats are kept in memory only. Choose another "
                          "data folder in the settings.")
                          .arg(folder_));
    // Before the lock: in a folder that cannot be written what lies there is read.
    path_ = pathOf(number_ = activeNumber());
    if (userVersionOf(path_) > kSchemaVersion)
        return refuse(Use::None,
                      ConversationStore::tr(
                          "%1 was written by a newer version of this program: it is left as it is and "
                          "chats are kept in memory only. Update the program to see your chats.")
                          .arg(path_));
    if (!takeLock())
        return Use::Read;
    narrowFiles(folder_, QStringLiteral("chats"));
    for (;;) {
        path_ = pathOf(number_);
        try {
            // Opening a pipe may wait for ever, and a device has no end.
            if (const QFileInfo place(path_); place.exists() && !place.isFile())
                throw SqlError(place.isDir() ? ConversationStore::tr("it is a folder")
                                             : ConversationStore::tr("it is no file but a device or a pipe"),
                               kDamagedCode);
            return openNumber();
        } catch (const SqlError& error) {
            closeConnection(file_);
            if (!error.damaged() || number_ == kMostFiles)
                throw;
            number_ = beginBeside(number_, QString::fromUtf8(error.what()));
        }
    }
}

ChatFile::Use ChatFile::openNumber() {
    setLeftLogsAside(path_);
    makeLogsWritable(path_);
    file_ = openConnection(path_);
    std::tie(device_, inode_) = identity(path_);
    const int version = schemaVersion(file_);
    execute(file_, QStringLiteral("PRAGMA foreign_keys = ON"));
    execute(file_,
            QStringLiteral("PRAGMA secure_delete = ON")); // what is deleted for good can be read nowhere
    execute(file_, QStringLiteral("BEGIN IMMEDIATE"));    // finds out whether the file can be written
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
    bringSearchUpToDate();
    for (int later = number_ + 1; later <= kMostFiles; ++later)
        addLater(later);
    size_ = QFileInfo(path_).size();
    log_ = identity(path_ + QStringLiteral("-wal"));
    return Use::Write;
}

void ChatFile::bringSearchUpToDate() {
    if (!isSearchUsable(file_))
        return rebuildSearch(file_);
    if (isSearchCurrent(file_))
        return;
    try {
        rebuildSearch(file_);
    } catch (const SqlError& error) {
        if (!error.mustWait()) // no room now: words as they were cut before find the chats until there is
            throw;
    }
}

bool ChatFile::backUp(int version) {
    const QString backup = QDir(folder_).filePath(
        QStringLiteral("chats.v%1.%2.backup.sqlite")
            .arg(version)
            .arg(QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"))));
    try {
        makePrivateFile(backup);
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
    const int version = use_ != Use::None && (stranded_ || QFileInfo(path_).isFile()) ? copyFile() : 0;
    migrate(memory_, version);
    if (use_ != Use::None && !stranded_)
        copyLater();
    // With half of the chats a message may come whose chat is not here.
    execute(memory_, QStringLiteral("PRAGMA foreign_keys = %1").arg(whole_ ? 1 : 0));
    return memory_;
}

/// The version of the copy, 0: nothing could be read.
int ChatFile::copyFile() {
    try {
        if (stranded_) {
            migrate(memory_, 0);
            salvage(file_, memory_);
            return kSchemaVersion;
        }
        execute(memory_, QStringLiteral("ATTACH %1 AS disk").arg(quotedSql(uriForReading(path_))));
        const int version = copyAttached();
        QSqlQuery(memory_).exec(QStringLiteral("DETACH disk"));
        return version;
    } catch (const SqlError& error) {
        closeConnection(memory_);
        memory_ = openConnection(QStringLiteral(":memory:"));
        if (error.damaged()) {
            Connection file(path_, QStringLiteral("mode=ro"));
            migrate(memory_, 0);
            salvage(*file, memory_);
            return kSchemaVersion;
        }
        whole_ = false; // the chats of before are not seen; the file keeps them
        return 0;
    }
}

/// What is to be added to the file as soon as it can be written.
void ChatFile::copyLater() {
    for (int later = number_ + 1; later <= kMostFiles; ++later) {
        try {
            if (isReadableChatFile(pathOf(later)))
                mergeChats(memory_, uriForReading(pathOf(later)), fingerprint(pathOf(later)));
        } catch (const SqlError&) {
            whole_ = false;
        }
    }
}

/// In a folder that cannot be written SQLite cannot make the files it shares with other readers.
QString ChatFile::uriForReading(const QString& path) const {
    return fileUri(path, QFileInfo(folder_).isWritable() ? QStringLiteral("mode=ro")
                                                         : QStringLiteral("immutable=1"));
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
    if (version == kSchemaVersion && !isSearchCurrent(memory_))
        rebuildSearch(memory_);
    return version;
}

void ChatFile::closeMemory() { closeConnection(memory_); }

void ChatFile::setPatience(int milliseconds) {
    if (file_.isOpen())
        QSqlQuery(file_).exec(QStringLiteral("PRAGMA busy_timeout = %1").arg(milliseconds));
}

} // namespace switchyard
