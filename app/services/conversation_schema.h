// The chat database's tables, and the steps from one version to the next.
#pragma once

#include <QSqlDatabase>
#include <QString>

namespace switchyard {

inline constexpr int kSchemaVersion = 2;

/// PRAGMA user_version. Throws SqlError where the file is not a database.
int schemaVersion(const QSqlDatabase& db);
/// Brings the tables from version `from` (0: an empty database) to `to`, in one transaction a step.
/// PRECOND: from <= to <= kSchemaVersion. Throws SqlError; the failed step is rolled back.
void migrate(QSqlDatabase& db, int from, int to = kSchemaVersion);
/// Copies every row of the attached database `source` (of version `version`) into main's equal tables.
void copyTables(QSqlDatabase& db, const QString& source, int version);

/// Whether the search index is there and can be asked; broken pages further down it may still have.
bool isSearchUsable(QSqlDatabase& db);
/// Makes the search index anew from the chats, whatever state it is in.
void rebuildSearch(QSqlDatabase& db);

/// Runs one statement. Throws SqlError with SQLite's text.
void execute(QSqlDatabase& db, const QString& statement);

} // namespace switchyard
