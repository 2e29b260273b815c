// What can still be read of a damaged chat database.
#pragma once

#include <QSqlDatabase>
#include <QString>

namespace switchyard {

/// Whether every page of the database can be read and its tables are sound. Reads all of it.
bool isSound(QSqlDatabase& db);
/// The same of the tables alone, without the search index and the keys.
bool areTablesReadable(QSqlDatabase& db);

/// Copies what can be read of `from` into `to` (of kSchemaVersion), where that does not have it, and joins
/// what is left. Returns the number of messages. Throws SqlError where `to` cannot be written.
qint64 salvage(QSqlDatabase& from, QSqlDatabase& to);
/// Messages whose chat is lost get one, those whose parent is lost hang under the message before them, and
/// what belongs to a lost message goes. Throws SqlError.
void joinLooseRows(QSqlDatabase& db);

} // namespace switchyard
