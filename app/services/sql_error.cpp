#include "app/services/sql_error.h"

#include <QSqlError>

namespace switchyard {

namespace {

int primaryCode(const QSqlError& error) { return error.nativeErrorCode().toInt() & 0xff; }

} // namespace

SqlError::SqlError(const QSqlDatabase& db)
    : SqlError(db.lastError().databaseText(), primaryCode(db.lastError())) {}

bool SqlError::damaged() const {
    const QLatin1String text(what());
    const auto says = [&text](const char* words) { return text.contains(QLatin1String(words)); };
    return broken() || (code == 1 && (says("no such table") || says("no such column") ||
                                      says("vtable constructor") || says("malformed database schema")));
}

bool SqlError::mustWait() const {
    return busy() || full() || readOnly() || code == 3 || code == 7 || code == 9 || code == 10 ||
           code == kCannotOpen;
}

void check(bool ok, const QSqlQuery& query) {
    if (!ok)
        throw SqlError(query.lastError().databaseText(), primaryCode(query.lastError()));
}

bool nextRow(QSqlQuery& query) {
    if (query.next())
        return true;
    check(!query.lastError().isValid(), query);
    return false;
}

} // namespace switchyard
