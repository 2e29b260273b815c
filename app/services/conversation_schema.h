// The chat database's tables, and the steps from one version to the next.
#pragma once

#include <QSqlDatabase>
#include <QString>

namespace switchyard {

inline constexpr int kSchemaVersion = 5;

/// What of a chat or message was changed, in the table `touched` (row: its id, field, at: ms since 1970). By
/// it two files that were one are joined (chat_merge.h). What was never changed has no row. Purged: the row
/// itself is deleted for good.
/// Of folders: Title is the name, Order the place among them.
enum class Touched {
    Title = 1,
    Tuning,
    Draft,
    Deleted,
    Shown,
    Content,
    Purged,
    Folder,
    Pinned,
    Order,
    SystemPrompt,
    Model
};

/// PRAGMA user_version. Throws SqlError where the file is not a database.
int schemaVersion(const QSqlDatabase& db);
/// Brings the tables from version `from` (0: an empty database) to `to`, in one transaction a step.
/// At kSchemaVersion also the tables are made that earlier programs pass over: `touched`, `added` (files
/// whose chats were added to this one), and `imported` (of chats that came from a file what they are known
/// by). PRECOND: from <= to <= kSchemaVersion. Throws SqlError; the failed step is rolled back.
void migrate(QSqlDatabase& db, int from, int to = kSchemaVersion);
/// Copies every row of the attached database `source` (of version `version`) into main's equal tables.
void copyTables(QSqlDatabase& db, const QString& source, int version);

/// What a search looks through of a message, as an expression of SQL: its words, with its files' names.
/// `message`: an expression for its id.
QString searchedText(const QString& message);
/// Whether the search index is there and can be asked; broken pages further down it may still have.
bool isSearchUsable(QSqlDatabase& db);
/// Whether a usable index has words as they are cut now.
bool isSearchCurrent(QSqlDatabase& db);
/// Whether the whole search index is as it should be; reads all of it.
bool isSearchSound(QSqlDatabase& db);
/// Makes the search index anew from the chats, whatever state it is in.
void rebuildSearch(QSqlDatabase& db);

/// Runs one statement. Throws SqlError with SQLite's text.
void execute(QSqlDatabase& db, const QString& statement);

} // namespace switchyard
