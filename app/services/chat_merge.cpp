#include "app/services/chat_merge.h"

#include "app/services/chat_salvage.h"
#include "app/services/conversation_schema.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"

namespace switchyard {

namespace {

int number(Touched field) { return static_cast<int>(field); }

/// When this field of row `row` was changed, in table `touched`; 0: never.
QString stampIn(const char* table, const QString& row, Touched field) {
    return QStringLiteral("coalesce((SELECT at FROM %1 WHERE row = %2 AND field = %3), 0)")
        .arg(QLatin1String(table), row)
        .arg(number(field));
}

/// Messages of `schema` that were purged by `purges` (a table of stamps, the other file's) but restored here
/// later by `stamps`, with those that they hang under.
QString restoredIn(const char* schema, const char* stamps, const char* purges) {
    const QString id = QStringLiteral("m.id"), purged = stampIn(purges, id, Touched::Purged);
    return QStringLiteral("WITH RECURSIVE restored(id) AS (SELECT m.id FROM %1.messages m WHERE m.deleted"
                          " IS NULL AND %2 > 0 AND %3 > %2 UNION SELECT m.parent FROM %1.messages m JOIN"
                          " restored r ON r.id = m.id WHERE m.parent IS NOT NULL) SELECT id FROM restored")
        .arg(QLatin1String(schema), purged, stampIn(stamps, id, Touched::Deleted));
}

/// When chat `row` was last changed or, where it is not deleted, restored.
QString lastAliveIn(const QString& row, const char* stamps) {
    return QStringLiteral("max(%1.changed, CASE WHEN %1.deleted IS NULL THEN %2 ELSE 0 END)")
        .arg(row, stampIn(stamps, row + QStringLiteral(".id"), Touched::Deleted));
}

/// The statements of one merge. m is a row here, b the same one in the other file.
class Merge {
  public:
    explicit Merge(QSqlDatabase& db) : db_(db) {}

    void run() {
        takeStamps();
        joinFolders();
        deletePurged();
        addMissing();
        takeTitles();
        for (const auto& [column, field] : {std::pair("tuning", Touched::Tuning),
                                            {"draft", Touched::Draft},
                                            {"shown", Touched::Shown},
                                            {"folder", Touched::Folder},
                                            {"pinned", Touched::Pinned}})
            takeOver(column, field);
        takeDeletions();
        takeContents();
        takeOverLate();
        execute(db_, QStringLiteral("UPDATE main.conversations AS m SET changed = max(m.changed, b.changed)"
                                    " FROM beside.conversations b WHERE b.id = m.id"));
        execute(db_, QStringLiteral("INSERT INTO main.touched SELECT * FROM temp.theirs WHERE true"
                                    " ON CONFLICT(row, field) DO UPDATE SET at = max(at, excluded.at)"));
        for (const char* table : {"theirs", "later", "kept"})
            execute(db_, QStringLiteral("DROP TABLE temp.%1").arg(QLatin1String(table)));
        joinLooseRows(db_);
    }

  private:
    void takeStamps() {
        stamped_ = besideHas("touched");
        has_chunks_ = besideHas("run_tokens");
        execute(db_, QStringLiteral("CREATE TEMP TABLE theirs (row INTEGER, field INTEGER, at INTEGER,"
                                    " PRIMARY KEY (row, field))"));
        if (stamped_)
            execute(db_, QStringLiteral("INSERT INTO temp.theirs SELECT row, field, at FROM beside.touched"));
        // Before anything is taken over: which branches are shown, and what is here of itself.
        execute(db_, QStringLiteral("CREATE TEMP TABLE later AS SELECT b.id FROM beside.conversations b JOIN"
                                    " main.conversations m ON m.id = b.id WHERE ") +
                         isLater(Touched::Shown));
        execute(db_, QStringLiteral("CREATE TEMP TABLE kept AS SELECT id FROM main.messages"));
    }

    /// Of a chat's field in both: whether the other's counts.
    static QString isLater(Touched field) {
        const QString id = QStringLiteral("b.id"), theirs = stampIn("temp.theirs", id, field),
                      ours = stampIn("main.touched", id, field);
        return QStringLiteral("(%1 > %2 OR (%1 = %2 AND b.changed >= m.changed))").arg(theirs, ours);
    }

    /// A folder that either removed is gone, unless it was made anew or renamed in the other afterwards.
    void joinFolders() {
        const auto times = [](const char* table, Touched field) {
            return stampIn(table, QStringLiteral("f.id"), field);
        };
        const QString id = QStringLiteral("b.id");
        execute(db_, QStringLiteral("DELETE FROM main.folders WHERE id IN (SELECT f.id FROM main.folders f"
                                    " WHERE %1 > %2)")
                         .arg(times("temp.theirs", Touched::Purged), times("main.touched", Touched::Title)));
        execute(db_,
                QStringLiteral("INSERT OR IGNORE INTO main.folders SELECT f.* FROM beside.folders f WHERE"
                               " %1 <= %2")
                    .arg(times("main.touched", Touched::Purged), times("temp.theirs", Touched::Title)));
        for (const auto& [column, field] : {std::pair("name", Touched::Title), {"position", Touched::Order}})
            execute(db_, QStringLiteral("UPDATE main.folders AS m SET %1 = b.%1 FROM beside.folders b WHERE"
                                        " b.id = m.id AND %2 > %3")
                             .arg(QLatin1String(column), stampIn("temp.theirs", id, field),
                                  stampIn("main.touched", id, field)));
    }

    void deletePurged() {
        // What went on or was restored here after the other deleted it is kept.
        const QString gone = QStringLiteral("SELECT m.id FROM main.conversations m JOIN temp.theirs t ON"
                                            " t.row = m.id WHERE t.field = %1 AND t.at >= %2")
                                 .arg(number(Touched::Purged))
                                 .arg(lastAliveIn(QStringLiteral("m"), "main.touched"));
        execute(db_, QStringLiteral("DELETE FROM main.messages WHERE conversation IN (%1) OR id IN (SELECT"
                                    " row FROM temp.theirs WHERE field = %2) AND id NOT IN (%3)")
                         .arg(gone)
                         .arg(number(Touched::Purged))
                         .arg(restoredIn("main", "main.touched", "temp.theirs")));
        execute(db_, QStringLiteral("DELETE FROM main.conversations WHERE id IN (%1)").arg(gone));
    }

    void addMissing() {
        const QString purged =
            QStringLiteral("SELECT row FROM main.touched WHERE field = %1").arg(number(Touched::Purged));
        execute(db_, QStringLiteral("INSERT OR IGNORE INTO main.conversations(%3) SELECT %3 FROM"
                                    " beside.conversations b WHERE NOT EXISTS (SELECT 1 FROM main.touched t"
                                    " WHERE t.row = b.id AND t.field = %1 AND t.at >= %2)")
                         .arg(number(Touched::Purged))
                         .arg(lastAliveIn(QStringLiteral("b"), "temp.theirs"),
                              columnsOfBoth(QStringLiteral("conversations"))));
        execute(db_, QStringLiteral("INSERT OR IGNORE INTO main.messages SELECT * FROM beside.messages WHERE"
                                    " (id NOT IN (%1) OR id IN (%2)) AND conversation IN (SELECT id FROM"
                                    " main.conversations)")
                         .arg(purged, restoredIn("beside", "temp.theirs", "main.touched")));
        copyContents(
            QStringLiteral("SELECT id FROM main.messages WHERE id NOT IN (SELECT id FROM temp.kept)"));
    }

    void takeOver(const char* column, Touched field) {
        execute(db_, QStringLiteral("UPDATE main.conversations AS m SET %1 = b.%1 FROM"
                                    " beside.conversations b WHERE b.id = m.id AND ")
                             .arg(QLatin1String(column)) +
                         isLater(field));
    }

    /// The later one counts, but for what a user has written: no title of a program's comes in its place.
    void takeTitles() {
        const QString set =
            QStringLiteral("UPDATE main.conversations AS m SET title = b.title, titled = %1 FROM"
                           " beside.conversations b WHERE b.id = m.id AND ");
        const int user = static_cast<int>(TitleBy::User);
        if (!columnsOfBoth(QStringLiteral("conversations"))
                 .split(QLatin1Char(','))
                 .contains(QLatin1String("titled")))
            execute(db_, set.arg(user) + isLater(Touched::Title)); // all were the user's, as far as it knew
        else
            execute(db_, set.arg(QStringLiteral("b.titled")) +
                             QStringLiteral("CASE WHEN (b.titled = %1) = (m.titled = %1) THEN %2"
                                            " ELSE b.titled = %1 END")
                                 .arg(user)
                                 .arg(isLater(Touched::Title)));
    }

    /// Columns that a file of an earlier version lacks.
    void takeOverLate() {
        const QStringList both = columnsOfBoth(QStringLiteral("conversations")).split(QLatin1Char(','));
        for (const auto& [column, field] : {std::pair("system_prompt", Touched::SystemPrompt),
                                            {"model", Touched::Model},
                                            {"model_hash", Touched::Model}}) {
            if (both.contains(QLatin1String(column)))
                takeOver(column, field);
        }
    }

    void takeDeletions() {
        // A deletion does not take what was written in the other file after it.
        const QString id = QStringLiteral("b.id");
        execute(db_, QStringLiteral("UPDATE main.conversations AS m SET deleted = b.deleted FROM"
                                    " beside.conversations b WHERE b.id = m.id AND %1 AND"
                                    " (b.deleted IS NULL OR m.changed <= max(b.deleted, b.changed, %2))")
                         .arg(isLater(Touched::Deleted), stampIn("temp.theirs", id, Touched::Deleted)));
        execute(db_, QStringLiteral("UPDATE main.conversations AS m SET deleted = NULL FROM"
                                    " beside.conversations b WHERE b.id = m.id AND b.deleted IS NULL AND"
                                    " m.deleted IS NOT NULL AND b.changed > max(m.deleted, %1)")
                         .arg(stampIn("main.touched", id, Touched::Deleted)));
        const QString theirs = stampIn("temp.theirs", id, Touched::Deleted),
                      ours = stampIn("main.touched", id, Touched::Deleted);
        // Of files without such times the one beside is the later.
        execute(db_, QStringLiteral("UPDATE main.messages AS m SET deleted = b.deleted FROM"
                                    " beside.messages b WHERE b.id = m.id AND (%1 > %2 OR (%3 AND %2 = 0))")
                         .arg(theirs, ours)
                         .arg(stamped_ ? 0 : 1));
        execute(db_, QStringLiteral("UPDATE main.messages AS m SET shown = b.shown FROM beside.messages b"
                                    " WHERE b.id = m.id AND m.conversation IN temp.later"));
    }

    void takeContents() {
        const QString id = QStringLiteral("b.id"), theirs = stampIn("temp.theirs", id, Touched::Content),
                      ours = stampIn("main.touched", id, Touched::Content);
        // Words that are gone from the other file are not later ones.
        execute(db_, QStringLiteral("CREATE TEMP TABLE rewritten AS SELECT b.id FROM beside.messages b JOIN"
                                    " temp.kept k ON k.id = b.id JOIN main.messages m ON m.id = b.id WHERE"
                                    " (%1 > %2 OR (%3 AND %2 = 0)) AND (%4)")
                         .arg(theirs, ours)
                         .arg(stamped_ ? 0 : 1)
                         .arg(saysSomething()));
        execute(db_, QStringLiteral("UPDATE main.messages AS m SET state = b.state, model = b.model, error ="
                                    " b.error FROM beside.messages b WHERE b.id = m.id AND b.id IN"
                                    " temp.rewritten"));
        copyContents(QStringLiteral("SELECT id FROM temp.rewritten"));
        execute(db_, QStringLiteral("DROP TABLE temp.rewritten"));
    }

    /// Of a message of the other file: an answer that grows has its words in its tokens only.
    QString saysSomething() const {
        const QString parts = QStringLiteral("EXISTS (SELECT 1 FROM beside.parts p WHERE p.message = b.id)");
        return has_chunks_ ? parts + QStringLiteral(" OR EXISTS (SELECT 1 FROM beside.runs r JOIN"
                                                    " beside.run_tokens t ON t.run = r.id WHERE"
                                                    " r.message = b.id)")
                           : parts;
    }

    /// Parts and runs of these messages, as they are in the other file.
    void copyContents(const QString& messages) {
        execute(db_, QStringLiteral("DELETE FROM main.run_tokens WHERE run IN (SELECT id FROM main.runs WHERE"
                                    " message IN (%1))")
                         .arg(messages));
        for (const char* table : {"parts", "runs"}) {
            // Runs are numbered by each file for itself.
            const QString name = QLatin1String(table);
            const QString names = columnsOfBoth(name, QStringLiteral("name <> 'id'"));
            execute(db_, QStringLiteral("DELETE FROM main.%1 WHERE message IN (%2)").arg(name, messages));
            execute(db_, QStringLiteral("INSERT INTO main.%1(%2) SELECT %2 FROM beside.%1 WHERE message IN"
                                        " (%3)")
                             .arg(name, names, messages));
        }
        if (has_chunks_)
            execute(db_,
                    QStringLiteral("INSERT INTO main.run_tokens(run, kind, first, count, bytes) SELECT m.id,"
                                   " t.kind, t.first, t.count, t.bytes FROM beside.run_tokens t JOIN"
                                   " beside.runs b ON b.id = t.run JOIN main.runs m ON m.message = b.message"
                                   " WHERE b.message IN (%1)")
                        .arg(messages));
    }

    /// A file of an earlier version lacks some.
    QString columnsOfBoth(const QString& table, const QString& which = QStringLiteral("true")) {
        return text(QStringLiteral("SELECT group_concat(name) FROM pragma_table_info('%1', 'main') WHERE %2"
                                   " AND name IN (SELECT name FROM pragma_table_info('%1', 'beside'))")
                        .arg(table, which));
    }

    QString text(const QString& question) {
        QSqlQuery query(db_);
        check(query.exec(question) && query.next(), query);
        return query.value(0).toString();
    }

    bool besideHas(const char* table) {
        return text(QStringLiteral("SELECT count(*) FROM beside.sqlite_master WHERE name = '%1'")
                        .arg(QLatin1String(table))) != QLatin1String("0");
    }

    QSqlDatabase& db_;
    bool stamped_ = false;    ///< the other file has times
    bool has_chunks_ = false; ///< the other file has tokens in chunks
};

} // namespace

bool isAdded(QSqlDatabase& db, qint64 mark) {
    QSqlQuery query(db);
    check(query.exec(QStringLiteral("SELECT count(*) FROM added WHERE mark = %1").arg(mark)) && query.next(),
          query);
    return query.value(0).toInt() > 0;
}

void mergeChats(QSqlDatabase& db, const QString& other, qint64 mark) {
    execute(db, QStringLiteral("PRAGMA foreign_keys = OFF")); // rows come before what they hang on
    execute(db, QStringLiteral("ATTACH %1 AS beside").arg(quotedSql(other)));
    try {
        execute(db, QStringLiteral("BEGIN IMMEDIATE"));
        Merge(db).run();
        execute(db, QStringLiteral("COMMIT"));
    } catch (...) {
        QSqlQuery(db).exec(QStringLiteral("ROLLBACK"));
        QSqlQuery(db).exec(QStringLiteral("DETACH beside"));
        QSqlQuery(db).exec(QStringLiteral("PRAGMA foreign_keys = ON"));
        throw;
    }
    execute(db, QStringLiteral("DETACH beside"));
    execute(db, QStringLiteral("PRAGMA foreign_keys = ON"));
    rebuildSearch(db);
    // Last: until then it is done again, which changes nothing.
    execute(db, QStringLiteral("INSERT OR IGNORE INTO added(mark) VALUES(%1)").arg(mark));
}

} // namespace switchyard
