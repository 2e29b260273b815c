#include "app/services/chat_salvage.h"

#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/run_table.h"
#include "app/services/sql_error.h"

#include <QSqlError>
#include <QSqlRecord>
#include <QVariant>

#include <deque>
#include <limits>
#include <numeric>
#include <optional>

namespace switchyard {

namespace {

const char* const kTables[] = {"folders", "conversations", "messages", "parts",
                               "runs",    "run_tokens",    "touched"};

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

} // namespace

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
    // Files of earlier versions have none.
    QSqlQuery has(db);
    if (!has.exec(QStringLiteral("SELECT count(*) FROM sqlite_master WHERE name = 'run_tokens'")) ||
        !has.next())
        return false;
    if (has.value(0).toInt() == 0)
        return true;
    has.finish();
    return has.exec(QStringLiteral("SELECT sum(length(bytes || '')) FROM run_tokens NOT INDEXED")) &&
           has.next();
}

void joinLooseRows(QSqlDatabase& db) {
    // A file that still has such a chat's title, dials and draft has the better ones, whatever the times say.
    for (const Touched field : {Touched::Title, Touched::Tuning, Touched::Draft})
        execute(db, QStringLiteral("INSERT OR REPLACE INTO touched(row, field, at) SELECT DISTINCT"
                                   " conversation, %1, -1 FROM messages WHERE conversation NOT IN"
                                   " (SELECT id FROM conversations)")
                        .arg(static_cast<int>(field)));
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
    recountTokens(db);
    execute(db, QStringLiteral("UPDATE conversations SET folder = NULL WHERE folder NOT IN"
                               " (SELECT id FROM folders)"));
    execute(db,
            QStringLiteral("UPDATE folders SET parent = NULL WHERE parent NOT IN (SELECT id FROM folders)"));
}

qint64 salvage(QSqlDatabase& from, QSqlDatabase& to) {
    // With this SQLite also reads a file that was cut short, and what it knows of damaged table definitions:
    // from the second statement on.
    for (const char* statement : {"PRAGMA writable_schema = ON", "SELECT count(*) FROM sqlite_master"})
        QSqlQuery(from).exec(QLatin1String(statement));
    execute(to, QStringLiteral("PRAGMA foreign_keys = OFF"));
    execute(to, QStringLiteral("BEGIN IMMEDIATE"));
    qint64 messages = 0;
    try {
        for (const char* table : kTables) {
            const qint64 rows = RowCopier(from, to, QLatin1String(table)).copy();
            if (QLatin1String(table) == QLatin1String("messages"))
                messages = rows;
        }
        joinLooseRows(to);
        execute(to, QStringLiteral("COMMIT"));
        rebuildSearch(to);
    } catch (...) {
        QSqlQuery(to).exec(QStringLiteral("ROLLBACK"));
        throw;
    }
    execute(to, QStringLiteral("PRAGMA foreign_keys = ON"));
    return messages;
}

} // namespace switchyard
