// What a chat database's file says before SQLite opens it, and what tells it from others.
#pragma once

#include <QString>

#include <utility>

namespace switchyard {

/// Numbers in the file's header, by their place in it; 0 where it is no database. PRECOND: this process has
/// no connection to the file (its locks would end).
qint32 userVersionOf(const QString& path);
qint32 applicationIdOf(const QString& path);
void setApplicationId(const QString& path, qint32 id); ///< throws SqlError

/// Device and number of what lies at the path; zeros where nothing does.
std::pair<quint64, quint64> identity(const QString& path);
/// Tells whether a file is still the same; never 0. Files keep it: of the first four bytes of the SHA-256 of
/// "SIZE MILLISECONDS NUMBER" (when it was changed, since 1970; its inode) 30 bits, the last of them set.
qint32 fingerprint(const QString& path);
/// Of a version that this program knows, and sound.
bool isReadableChatFile(const QString& path);

/// Gives a closed database another name, with its log. What lies there is not overwritten: a log that was
/// left there without its database gets a name of its own. Throws SqlError.
void moveDatabase(const QString& from, const QString& to);
/// A log without its database, which SQLite would delete or take for a new one's, gets a name of its own, and
/// so does what is no file in a log's place.
void setLeftLogsAside(const QString& path);
/// SQLite gives them the rights of the file: those of one that was read-only once would keep it so.
void makeLogsWritable(const QString& path);

} // namespace switchyard
