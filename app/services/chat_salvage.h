// What can still be read of a damaged chat database, and joining two databases into one.
#pragma once

#include <QSqlDatabase>
#include <QString>

namespace switchyard {

/// An open connection of its own to a chat database; `options` of SQLite's URI, such as "mode=ro". Throws
/// SqlError. To be closed by closeConnection().
QSqlDatabase openConnection(const QString& path, const QString& options = {});
void closeConnection(QSqlDatabase& db);
QString quotedSql(QString text);

/// Whether every page of the database can be read and its tables are sound. Reads all of it.
bool isSound(QSqlDatabase& db);
/// The same of the tables alone, without the search index and the keys.
bool areTablesReadable(QSqlDatabase& db);

/// Copies what can be read of `from` into the new, empty `to` (of kSchemaVersion) and joins what is left:
/// messages whose chat is lost get one, those whose parent is lost hang under the message before them.
/// Returns the number of messages. Throws SqlError where `to` cannot be written.
qint64 salvage(QSqlDatabase& from, QSqlDatabase& to);

/// Adds to `db` the rows of the sound chat database `other` (a path) that it does not have.
void mergeChats(QSqlDatabase& db, const QString& other);

} // namespace switchyard
