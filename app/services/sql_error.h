// SQLite's failures as exceptions, with the code that tells a held file or a full disk from a broken file.
#pragma once

#include "engine/base/error.h"

#include <QSqlDatabase>
#include <QSqlQuery>

namespace switchyard {

class SqlError : public Error {
  public:
    static constexpr int kCannotOpen = 14; ///< SQLITE_CANTOPEN: tried again later

    SqlError(const QString& text, int code) : Error(text.toStdString()), code(code) {}
    explicit SqlError(const QSqlDatabase& db); ///< of the connection's last error
    const int code;                            ///< SQLite's primary result code
    bool full() const { return code == 13; }
    bool readOnly() const { return code == 8; }
    /// Another connection holds the file (SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL): the file is sound.
    bool busy() const { return code == 5 || code == 6 || code == 15; }
    /// The file is not what it should be: broken pages, no database, or tables that are gone.
    bool damaged() const;
    /// Damaged, and no fault of a statement.
    bool broken() const { return code == 11 || code == 26; }
    /// Only the medium or another program refuses: what was to be done can be done later. Besides those
    /// above: no permission, memory or descriptor, an interruption, an I/O error.
    bool mustWait() const;
};

/// Throws SqlError where `ok` is false.
void check(bool ok, const QSqlQuery& query);
/// QSqlQuery::next(), which takes a row that cannot be read for the end: throws SqlError there.
bool nextRow(QSqlQuery& query);

} // namespace switchyard
