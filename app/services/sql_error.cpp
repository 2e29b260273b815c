#include "app/services/sql_error.h"

#include <QSqlError>

namespace switchyard {

void check(bool ok, const QSqlQuery& query) {
    if (ok)
        return;
    const QSqlError error = query.lastError();
    throw SqlError(error.databaseText(), error.nativeErrorCode().toInt() & 0xff);
}

} // namespace switchyard
