// Connections of their own to SQLite files.
#pragma once

#include <QSqlDatabase>
#include <QSqlQuery>
#include <QString>
#include <QVariant>

namespace switchyard {

/// An open connection to a database; `options` of SQLite's URI, such as "mode=ro". A file that is made is
/// this user's alone, as then are the log and journal beside it. Throws SqlError. To be closed by
/// closeConnection().
QSqlDatabase openConnection(const QString& path, const QString& options = {});
void closeConnection(QSqlDatabase& db);
QString quotedSql(QString text);
/// A path as SQLite's URI.
QString fileUri(const QString& path, const QString& options);

/// Runs a statement with these values for its question marks. Throws SqlError.
QSqlQuery runQuery(const QSqlDatabase& db, const QString& statement, const QVariantList& values);

/// SQLite's NOT NULL columns refuse Qt's null strings.
QString notNull(const QString& text);
/// NULL for 0.
QVariant idOrNull(qint64 id);

/// A connection for one scope.
class Connection {
  public:
    explicit Connection(const QString& path, const QString& options = {})
        : db_(openConnection(path, options)) {}
    ~Connection() { closeConnection(db_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    QSqlDatabase& operator*() { return db_; }

  private:
    QSqlDatabase db_;
};

} // namespace switchyard
