// The files beside the first one: begun where it is damaged, written where it was taken away, and added to
// it.
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

/// A database under a name that nobody reads, until it is whole; removed where it does not come to that.
class PartFile {
  public:
    explicit PartFile(const QString& path) : path_(path + QStringLiteral(".part")) { remove(); }
    ~PartFile() { remove(); }
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    const QString& path() const { return path_; }

  private:
    void remove() {
        for (const char* suffix : {"", "-wal", "-shm", "-journal"})
            QFile::remove(path_ + QLatin1String(suffix));
    }
    QString path_;
};

enum class Reading { Whole, Damaged, Busy };

/// Whether a file that became smaller has all its pages: after a VACUUM it has, cut short it has not. Asked
/// of SQLite, as what the header counts may still be in the log, and as closing another handle of the file
/// would end this process's locks; by a fresh connection, as the open one remembers pages.
Reading readAgain(const QString& path) {
    try {
        Connection fresh(path, QStringLiteral("mode=ro"));
        QSqlQuery query(*fresh);
        check(query.exec(QStringLiteral("PRAGMA quick_check(1)")), query);
        return nextRow(query) && query.value(0).toString() == QLatin1String("ok") ? Reading::Whole
                                                                                  : Reading::Damaged;
    } catch (const SqlError& error) {
        return error.mustWait() ? Reading::Busy : Reading::Damaged;
    }
}

/// A chat, or a folder for them.
bool hasChats(QSqlDatabase& db) {
    QSqlQuery query(db);
    check(query.exec(
              QStringLiteral("SELECT EXISTS(SELECT 1 FROM conversations) OR EXISTS(SELECT 1 FROM folders)")),
          query);
    return nextRow(query) && query.value(0).toBool();
}

} // namespace

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
    const qint32 known = applicationIdOf(pathOf(number + 1));
    if (known == 0) // written beside because this one was gone or replaced
        return false;
    const QString path = pathOf(number);
    return !QFileInfo::exists(path) || fingerprint(path) == known || !isReadableChatFile(path);
}

/// Returns the number of the file that is to be used from now on. PRECOND: no connection to the damaged one.
int ChatFile::beginBeside(int damaged, const QString& cause) {
    int number = damaged + 1;
    while (number < kMostFiles && QFileInfo::exists(pathOf(number)) && !isReadableChatFile(pathOf(number)))
        ++number;
    const QString path = pathOf(number);
    const PartFile part(path);
    bool any = false;
    {
        Connection fresh(part.path());
        migrate(*fresh, 0);
        if (QFileInfo(pathOf(damaged)).isFile()) {
            Connection old(pathOf(damaged), QStringLiteral("mode=ro"));
            salvage(*old, *fresh);
        }
        any = hasChats(*fresh);
    }
    const qint32 mark = fingerprint(pathOf(number - 1)); // by it the next start finds the way here
    if (QFileInfo::exists(path)) {
        {
            Connection later(path);
            migrate(*later, schemaVersion(*later));
            mergeChats(*later, part.path(), fingerprint(part.path()));
        }
        setApplicationId(path, mark);
    } else {
        setApplicationId(part.path(), mark);
        moveDatabase(part.path(), path);
    }
    notice_ = any ? ConversationStore::tr("%1 is damaged or no chat database (%2): it is left as it is. "
                                          "What can be read of it is shown, and chats are kept in %3 "
                                          "from now on.")
                  : ConversationStore::tr("%1 is damaged or no chat database (%2): it is left as it is. "
                                          "Nothing of it could be read, and chats are kept in %3 from "
                                          "now on. Put a sound copy in its place to see its chats again.");
    notice_ = notice_.arg(pathOf(damaged), cause, path);
    return number;
}

/// Adds a later file's chats to the open one.
void ChatFile::addLater(int number) {
    const QString later = pathOf(number);
    if (!QFileInfo(later).isFile())
        return;
    if (!isReadableChatFile(later)) {
        notice_ =
            ConversationStore::tr("%1 cannot be read now or is damaged: its chats are not shown. They are "
                                  "added as soon as it can be read.")
                .arg(later);
        return;
    }
    // Its log goes into it: from then on its mark stays the same.
    {
        Connection log(later);
        QSqlQuery(*log).exec(QStringLiteral("PRAGMA journal_mode = DELETE"));
    }
    const qint32 mark = fingerprint(later);
    if (!isAdded(file_, mark))
        mergeChats(file_, fileUri(later, QStringLiteral("mode=ro")), mark);
    try {
        moveDatabase(later, QDir(folder_).filePath(QStringLiteral("chats.%1.added-%2.sqlite")
                                                       .arg(number)
                                                       .arg(QDateTime::currentMSecsSinceEpoch())));
    } catch (const SqlError& error) {
        // Its mark keeps it from being added twice.
        notice_ = ConversationStore::tr("The chats of %1 were added to %2, but it keeps its name (%3).")
                      .arg(later, path_, QString::fromUtf8(error.what()));
    }
}

bool ChatFile::isReplaced() const { return identity(path_) != std::pair(device_, inode_); }

bool ChatFile::isMoved() const {
    if (isReplaced())
        return true;
    const qint64 size = QFileInfo(path_).size();
    if (size == 0)
        return size_ > 0;
    if (size < size_) {
        const Reading reading = readAgain(path_);
        if (reading != Reading::Whole)
            return reading == Reading::Damaged; // busy: size_ stays, and it is asked again
    }
    size_ = size;
    return false;
}

/// Writes the open database beside, so that opening adds it to what lies at its place now, and closes it.
/// Throws SqlError; then all is as before.
void ChatFile::rescue() {
    if (!makePrivateFolder(folder_))
        throw SqlError(ConversationStore::tr("the folder is gone"), SqlError::kCannotOpen);
    int number = number_ + 1;
    while (QFileInfo::exists(pathOf(number)) || QFileInfo(pathOf(number)).isSymLink()) {
        if (++number > kMostFiles)
            throw SqlError(ConversationStore::tr("%1 and all further names are taken: move some away")
                               .arg(pathOf(number_ + 1)),
                           SqlError::kCannotOpen);
    }
    {
        const PartFile part(pathOf(number));
        copyOpenFile(part.path());
        setApplicationId(part.path(), 0);
        moveDatabase(part.path(), pathOf(number));
    }
    stranded_ = false;
    notice_ = ConversationStore::tr("The file of the chats, %1, was taken away or replaced while it was in "
                                    "use: your chats were written again and are added to what lies there.")
                  .arg(path_);
}

/// Of a database that has no name any more; where a part of it cannot be read, the rest.
void ChatFile::copyOpenFile(const QString& path) {
    makePrivateFile(path);
    try {
        execute(file_, QStringLiteral("VACUUM INTO ") + quotedSql(path));
    } catch (const SqlError& error) {
        if (!error.damaged())
            throw;
        QFile::remove(path);
        Connection fresh(path);
        migrate(*fresh, 0);
        salvage(file_, *fresh);
    }
}

bool ChatFile::mendSearch() {
    if (isSearchSound(file_))
        return false;
    rebuildSearch(file_);
    return true;
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
    if (number_ == kMostFiles)
        return false;
    closeConnection(file_);
    use_ = Use::Read;
    number_ = beginBeside(number_, ConversationStore::tr("a part of it cannot be read"));
    path_ = pathOf(number_);
    try {
        use_ = openNumber();
    } catch (...) {
        closeConnection(file_); // half opened it is no file that could be missed
        throw;
    }
    if (use_ != Use::Write)
        closeConnection(file_);
    return use_ == Use::Write;
}

} // namespace switchyard
