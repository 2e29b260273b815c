// Opening the chat database: lock, version, backup, migration, a fresh file beside a damaged one, and a copy
// in memory where none can be used.
//
// chats.sqlite is the first file. Where it is damaged, chats.2.sqlite is made with what can be read of it and
// is used from then on (chats.3.sqlite where that is damaged too, and so on). A file is never overwritten by
// the next: once it is sound again (repaired, replaced, moved back), the later one's chats are added to it.
#pragma once

#include "app/services/folder_lock.h"

#include <QSqlDatabase>
#include <QString>

#include <utility>

namespace switchyard {

class ChatFile {
  public:
    enum class Use {
        Write, ///< opened, of kSchemaVersion
        Read,  ///< cannot be written now; its chats may be read
        None   ///< left alone: from the future, or no folder
    };

    explicit ChatFile(const QString& folder);
    ~ChatFile();
    ChatFile(const ChatFile&) = delete;
    ChatFile& operator=(const ChatFile&) = delete;

    /// Locks, checks, backs up and migrates. An open database that isMoved() is first written beside what
    /// lies at its place now, and added to that. Never throws: what is wrong comes as the sentence of
    /// problem(). May be called again, to see whether it goes now.
    Use open();
    const QString& problem() const { return problem_; }
    /// What the user should know though chats are saved, once: a fresh file was begun. Empty: nothing.
    QString takeNotice() { return std::exchange(notice_, {}); }
    bool isBusy() const { return busy_; }      ///< after Read: only another connection was in the way
    QSqlDatabase& database() { return file_; } ///< where open() gave Write
    const QString& path() const { return path_; }

    /// Whether the open file was deleted or cut short, or another put into its place. Where it became
    /// smaller all of it is read.
    bool isMoved() const;
    /// After open(): the database was moved and could not be written elsewhere. Only its open connection has
    /// the chats; memory() shows them, and open() tries again.
    bool isStranded() const { return stranded_; }
    /// After a change was refused: true where that was the search index's doing, which is made anew. A
    /// damaged one may say anything, also that a constraint failed. Throws SqlError.
    bool mendSearch();
    /// Mends the open database: the search index is made anew or, where that is not it, a fresh file begun
    /// with what can be read. False where neither can be. Throws SqlError.
    bool repair();

    /// A database in memory, with the file's chats where they can be read (isWhole()). Throws SqlError.
    QSqlDatabase& memory();
    bool isWhole() const { return whole_; } ///< memory() has all chats of the file
    void closeMemory();

    /// How long a statement waits for another connection.
    void setPatience(int milliseconds);

  private:
    static constexpr int kMostFiles = 9;
    Use openLocked();
    Use openNumber();
    Use refuse(Use use, const QString& sentence);
    bool takeLock();
    bool isReplaced() const; ///< its name is gone or another file's; while it is open
    void removeOwnLog();
    int activeNumber() const;
    QString pathOf(int number) const;
    bool isStillUnusable(int number) const;
    int beginBeside(int damaged, const QString& cause);
    void rescue();
    void copyOpenFile(const QString& path);
    void addLater(int number);
    void bringSearchUpToDate();
    bool backUp(int version);
    int copyFile();
    void copyLater();
    QString uriForReading(const QString& path) const;
    int copyAttached();

    QString folder_, path_, problem_, notice_;
    Use use_ = Use::None;
    bool busy_ = false, whole_ = false, stranded_ = false;
    int number_ = 1;
    quint64 device_ = 0, inode_ = 0;
    mutable qint64 size_ = 0;         ///< bytes, when it was last whole
    std::pair<quint64, quint64> log_; ///< identity of the open file's log
    bool searched_ = false;           ///< the index was made anew once
    FolderLock lock_;
    QSqlDatabase file_, memory_;
};

} // namespace switchyard
