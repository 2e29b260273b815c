#include "app/services/chat_salvage.h"

#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/sql_error.h"

#include <QSqlError>
#include <QSqlRecord>
#include <QUrl>
#include <QUuid>
#include <QVariant>

#include <deque>
#include <limits>
#include <numeric>
#include <optional>

namespace switchyard {

namespace {

const char* const kTables[] = {"folders", "conversations", "messages", "parts", "runs"};

/// Copies one table's rows by their number, around the pages that cannot be read: each stretch is read from
/// both ends, and what is left between them is halved.
class RowCopier {
  public:
    RowCopier(QSqlDatabase& from, QSqlDatabase& to, const QString& table)
        : from_(from), to_(to), table_(table) {}

    qint64 copy() {
        constexpr int kMostStretches = 600;
        std::deque<Stretch> left = {{std::numeric_limits<qint64>::min(), std::numeric_limits<qint64>::max()}};
        for (int i = 0; i < kMostStretches && !left.empty(); ++i) {
            Stretch stretch = left.front();
            left.pop_front();
            const bool whole = read(stretch, true) || read(stretch, false);
            if (whole || stretch.last - stretch.first < 2)
                continue;
            const qint64 middle = std::midpoint(stretch.first, stretch.last);
            left.push_back({stretch.first, middle});
            left.push_back({middle, stretch.last});
        }
        return rows_;
    }

  private:
    struct Stretch {
        qint64 first, last; ///< row numbers that are done, or stand for the end
    };

    /// True where it came to the stretch's other end; else its end is moved to where it came.
    bool read(Stretch& stretch, bool up) {
        QSqlQuery rows(from_);
        rows.setForwardOnly(true);
        // NOT INDEXED: the table's own pages, whatever became of the keys.
        const bool ok = rows.exec(QStringLiteral("SELECT rowid, * FROM %1 NOT INDEXED WHERE rowid > %2 AND "
                                                 "rowid < %3 ORDER BY rowid %4")
                                      .arg(table_)
                                      .arg(stretch.first)
                                      .arg(stretch.last)
                                      .arg(up ? QLatin1String("ASC") : QLatin1String("DESC")));
        if (!ok)
            return false;
        while (rows.next()) {
            (up ? stretch.first : stretch.last) = rows.value(0).toLongLong();
            insert(rows);
        }
        return !rows.lastError().isValid();
    }

    void insert(const QSqlQuery& row) {
        const int columns = row.record().count() - 1;
        if (!insert_) {
            QStringList names, marks;
            for (int i = 1; i <= columns; ++i) {
                names.append(row.record().fieldName(i));
                marks.append(QStringLiteral("?"));
            }
            insert_.emplace(to_);
            check(insert_->prepare(
                      QStringLiteral("INSERT OR IGNORE INTO %1(%2) VALUES(%3)")
                          .arg(table_, names.join(QLatin1Char(',')), marks.join(QLatin1Char(',')))),
                  *insert_);
        }
        for (int i = 0; i < columns; ++i)
            insert_->bindValue(i, row.value(i + 1));
        if (insert_->exec()) {
            ++rows_;
            return;
        }
        const QSqlQuery& query = *insert_;
        try {
            check(false, query);
        } catch (const SqlError& error) {
            if (error.mustWait())
                throw; // else a row that is no row of this table: left out
        }
    }

    QSqlDatabase &from_, &to_;
    QString table_;
    std::optional<QSqlQuery> insert_;
    qint64 rows_ = 0;
};

/// Chats that changed later in the other file come from there whole; of the others only messages that are
/// not here.
const char* const kMerge[] = {
    "CREATE TEMP TABLE newer AS SELECT b.id FROM beside.conversations b LEFT JOIN main.conversations m"
    " ON m.id = b.id WHERE m.id IS NULL OR b.changed > m.changed",
    "CREATE TEMP TABLE moved AS SELECT id FROM beside.messages WHERE conversation IN newer"
    " OR id NOT IN (SELECT id FROM main.messages)",
    "INSERT OR IGNORE INTO main.folders SELECT * FROM beside.folders",
    "INSERT OR REPLACE INTO main.conversations SELECT * FROM beside.conversations WHERE id IN newer",
    "DELETE FROM main.parts WHERE message IN moved",
    "DELETE FROM main.runs WHERE message IN moved",
    "INSERT OR REPLACE INTO main.messages SELECT * FROM beside.messages WHERE id IN moved",
    "INSERT INTO main.parts SELECT * FROM beside.parts WHERE message IN moved",
};

void joinWhatIsLeft(QSqlDatabase& db) {
    QSqlQuery chats(db);
    check(chats.prepare(QStringLiteral(
              "INSERT INTO conversations(id, title, tuning, created, changed) SELECT conversation, ?, '{}',"
              " min(created), max(created) FROM messages WHERE conversation NOT IN"
              " (SELECT id FROM conversations) GROUP BY conversation")),
          chats);
    chats.addBindValue(ConversationStore::tr("Recovered chat"));
    check(chats.exec(), chats);
    execute(db, QStringLiteral("UPDATE messages SET parent = (SELECT max(b.id) FROM messages b WHERE"
                               " b.conversation = messages.conversation AND b.id < messages.id)"
                               " WHERE parent NOT IN (SELECT id FROM messages)"));
    execute(db, QStringLiteral("DELETE FROM parts WHERE message NOT IN (SELECT id FROM messages)"));
    execute(db, QStringLiteral("DELETE FROM runs WHERE message NOT IN (SELECT id FROM messages)"));
    execute(db, QStringLiteral("UPDATE conversations SET folder = NULL WHERE folder NOT IN"
                               " (SELECT id FROM folders)"));
    execute(db,
            QStringLiteral("UPDATE folders SET parent = NULL WHERE parent NOT IN (SELECT id FROM folders)"));
}

} // namespace

QSqlDatabase openConnection(const QString& path, const QString& options) {
    QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"),
                                                QUuid::createUuid().toString(QUuid::WithoutBraces));
    const QString file = QString::fromUtf8(QUrl::fromLocalFile(path).toEncoded());
    db.setDatabaseName(options.isEmpty() ? path : file + QLatin1Char('?') + options);
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

QString quotedSql(QString text) {
    return QLatin1Char('\'') + text.replace(QLatin1Char('\''), QLatin1String("''")) + QLatin1Char('\'');
}

bool isSound(QSqlDatabase& db) {
    QSqlQuery query(db);
    return query.exec(QStringLiteral("PRAGMA quick_check(1)")) && query.next() &&
           query.value(0).toString() == QLatin1String("ok") && areTablesReadable(db);
}

bool areTablesReadable(QSqlDatabase& db) {
    // Each row's last column: to come to it SQLite passes over the whole row.
    const std::pair<const char*, const char*> last_columns[] = {{"folders", "position"},
                                                                {"conversations", "shown"},
                                                                {"messages", "shown"},
                                                                {"parts", "milliseconds"},
                                                                {"runs", "length(record || '')"}};
    for (const auto& [table, column] : last_columns) {
        QSqlQuery query(db);
        if (!query.exec(QStringLiteral("SELECT sum(%1) FROM %2 NOT INDEXED")
                            .arg(QLatin1String(column), QLatin1String(table))) ||
            !query.next())
            return false;
    }
    return true;
}

qint64 salvage(QSqlDatabase& from, QSqlDatabase& to) {
    execute(to, QStringLiteral("PRAGMA foreign_keys = OFF"));
    execute(to, QStringLiteral("BEGIN IMMEDIATE"));
    qint64 messages = 0;
    try {
        for (const char* table : kTables) {
            const qint64 rows = RowCopier(from, to, QLatin1String(table)).copy();
            if (QLatin1String(table) == QLatin1String("messages"))
                messages = rows;
        }
        joinWhatIsLeft(to);
        execute(to, QStringLiteral("COMMIT"));
        rebuildSearch(to);
    } catch (...) {
        QSqlQuery(to).exec(QStringLiteral("ROLLBACK"));
        throw;
    }
    execute(to, QStringLiteral("PRAGMA foreign_keys = ON"));
    return messages;
}

void mergeChats(QSqlDatabase& db, const QString& other) {
    execute(db, QStringLiteral("PRAGMA foreign_keys = OFF")); // rows are replaced before what hangs on them
    execute(db, QStringLiteral("ATTACH %1 AS beside").arg(quotedSql(other)));
    try {
        execute(db, QStringLiteral("BEGIN IMMEDIATE"));
        for (const char* statement : kMerge)
            execute(db, QLatin1String(statement));
        // Runs are numbered by each file for itself: by their message.
        QSqlQuery columns(db);
        check(columns.exec(QStringLiteral("SELECT group_concat(name) FROM pragma_table_info('runs')"
                                          " WHERE name <> 'id'")) &&
                  columns.next(),
              columns);
        execute(db, QStringLiteral("INSERT INTO main.runs(%1) SELECT %1 FROM beside.runs"
                                   " WHERE message IN moved")
                        .arg(columns.value(0).toString()));
        columns.finish();
        execute(db, QStringLiteral("DROP TABLE temp.newer"));
        execute(db, QStringLiteral("DROP TABLE temp.moved"));
        execute(db, QStringLiteral("COMMIT"));
    } catch (...) {
        QSqlQuery(db).exec(QStringLiteral("ROLLBACK"));
        QSqlQuery(db).exec(QStringLiteral("DETACH beside"));
        throw;
    }
    execute(db, QStringLiteral("DETACH beside"));
    rebuildSearch(db);
    execute(db, QStringLiteral("PRAGMA foreign_keys = ON"));
}

} // namespace switchyard
