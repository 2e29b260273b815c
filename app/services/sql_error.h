// SQLite's failures as exceptions, with the code that tells a full disk from a broken file.
#pragma once

#include "engine/base/error.h"

#include <QSqlQuery>

namespace switchyard {

class SqlError : public Error {
  public:
    SqlError(const QString& text, int code) : Error(text.toStdString()), code(code) {}
    const int code; ///< SQLite's primary result code
    bool full() const { return code == 13; }
    bool readOnly() const { return code == 8; }
    bool damaged() const { return code == 11 || code == 26; }
    /// The medium refuses: what was to be written may be written later.
    bool cannotWrite() const { return full() || readOnly() || code == 10 || code == 14; }
};

/// Throws SqlError where `ok` is false.
void check(bool ok, const QSqlQuery& query);

} // namespace switchyard
