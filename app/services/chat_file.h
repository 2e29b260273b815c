// Opening the chat database: lock, version, backup, migration, and a copy in memory where the file cannot be
// used.
#pragma once

#include <QLockFile>
#include <QSqlDatabase>
#include <QString>

#include <memory>

namespace switchyard {

class ChatFile {
  public:
    enum class Use {
        Write,         ///< opened, of kSchemaVersion
        ReadUntilFree, ///< cannot be written now; its chats can be read
        Read,          ///< must not be written by this program; its chats can be read
        None           ///< left alone: from the future, damaged, or no folder
    };

    explicit ChatFile(const QString& folder);
    ~ChatFile();
    ChatFile(const ChatFile&) = delete;
    ChatFile& operator=(const ChatFile&) = delete;

    /// Locks, checks, backs up and migrates. Never throws: what is wrong comes as the sentence of problem().
    Use open();
    const QString& problem() const { return problem_; }
    QSqlDatabase& database() { return file_; } ///< where open() gave Write or ReadUntilFree
    /// A database in memory, with the file's chats where they can be read. Throws SqlError.
    QSqlDatabase& memory();
    void closeMemory();

  private:
    Use openLocked();
    Use refuse(Use use, const QString& sentence);
    bool backUp(int version);
    int copyFile(); ///< of its chats to memory; the version of the copy, 0: nothing could be read
    int versionInHeader() const;
    void close(QSqlDatabase& db);

    QString folder_, path_, problem_;
    Use use_ = Use::None;
    int version_ = 0;
    std::unique_ptr<QLockFile> lock_;
    QSqlDatabase file_, memory_;
};

} // namespace switchyard
