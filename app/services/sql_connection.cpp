#include "app/services/sql_connection.h"

#include "app/services/local_files.h"
#include "app/services/sql_error.h"

#include <QUrl>
#include <QUuid>

namespace switchyard {

QSqlDatabase openConnection(const QString& path, const QString& options) {
    if (options.isEmpty() && path != QLatin1String(":memory:"))
        makePrivateFile(path);
    QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"),
                                                QUuid::createUuid().toString(QUuid::WithoutBraces));
    db.setDatabaseName(options.isEmpty() ? path : fileUri(path, options));
    db.setConnectOptions(QStringLiteral("QSQLITE_OPEN_URI;QSQLITE_BUSY_TIMEOUT=1000"));
    if (!db.open()) {
        const SqlError error(db);
        closeConnection(db);
        throw error;
    }
    return db;
}

void closeConnection(QSqlDatabase& db) {
    if (!db.isValid())
        return;
    const QString name = db.connectionName();
    db.close();
    db = QSqlDatabase();
    QSqlDatabase::removeDatabase(name);
}

QSqlQuery runQuery(const QSqlDatabase& db, const QString& statement, const QVariantList& values) {
    QSqlQuery query(db);
    query.setForwardOnly(true);
    check(query.prepare(statement), query);
    for (const QVariant& value : values)
        query.addBindValue(value);
    check(query.exec(), query);
    return query;
}

QVariant idOrNull(qint64 id) { return id != 0 ? QVariant(id) : QVariant(QMetaType::fromType<qint64>()); }

QString notNull(const QString& text) { return text.isNull() ? QLatin1String("") : text; }

QString quotedSql(QString text) {
    return QLatin1Char('\'') + text.replace(QLatin1Char('\''), QLatin1String("''")) + QLatin1Char('\'');
}

QString fileUri(const QString& path, const QString& options) {
    return QString::fromUtf8(QUrl::fromLocalFile(path).toEncoded()) + QLatin1Char('?') + options;
}

} // namespace switchyard
