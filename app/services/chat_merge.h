// Joining two chat databases that were one.
#pragma once

#include <QSqlDatabase>
#include <QString>

namespace switchyard {

/// Adds to `db` what the sound chat database `other` (a path, or SQLite's URI) has and `db` does not, and
/// takes over what was changed there later: each title, draft, setting, deletion, shown branch and message by
/// the time of its own last change (Touched). What either has deleted for good does not come back, unless
/// its chat went on in the other afterwards. Written by an earlier program, which kept no such times, `other`
/// is the later one. Done twice it changes nothing more. `mark` is noted down for isAdded() at the end.
/// Throws SqlError, with the chats as they were or all of them added.
void mergeChats(QSqlDatabase& db, const QString& other, qint64 mark);
/// Whether a file with this mark was merged into `db`.
bool isAdded(QSqlDatabase& db, qint64 mark);

} // namespace switchyard
