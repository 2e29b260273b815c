#include "app/services/conversation_schema.h"

#include "app/services/conversation.h"
#include "app/services/search_words.h"
#include "app/services/sql_error.h"

#include <QSqlQuery>
#include <QStringList>

#include <limits>

namespace switchyard {

namespace {

// Times are milliseconds since 1970 in UTC. `deleted` is the time of a deletion that can be taken back.
// conversations.shown and messages.shown name the child that is on the shown branch.
const char* const kVersion1[] = {
    "CREATE TABLE folders ("
    " id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL, position INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE conversations ("
    " id INTEGER PRIMARY KEY, folder INTEGER REFERENCES folders(id) ON DELETE SET NULL,"
    " title TEXT NOT NULL, tuning TEXT NOT NULL, draft TEXT NOT NULL DEFAULT '',"
    " pinned INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, changed INTEGER NOT NULL,"
    " deleted INTEGER, shown INTEGER)",
    "CREATE INDEX conversations_by_change ON conversations(changed)",
    "CREATE TABLE messages ("
    " id INTEGER PRIMARY KEY,"
    " conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
    " parent INTEGER REFERENCES messages(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, author INTEGER NOT NULL, state INTEGER NOT NULL,"
    " model TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',"
    " created INTEGER NOT NULL, deleted INTEGER, shown INTEGER)",
    "CREATE INDEX messages_by_conversation ON messages(conversation)",
    "CREATE INDEX messages_by_parent ON messages(parent)",
    "CREATE INDEX messages_by_state ON messages(state)",
    "CREATE TABLE parts ("
    " message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, kind INTEGER NOT NULL, text TEXT NOT NULL,"
    " name TEXT NOT NULL DEFAULT '', milliseconds INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (message, position))",
    // record: JSON (encoding 0) or JSON compressed by zlib behind its length in four bytes (encoding 1).
    "CREATE TABLE runs ("
    " id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
    " message INTEGER UNIQUE REFERENCES messages(id) ON DELETE CASCADE,"
    " model TEXT NOT NULL DEFAULT '', model_hash TEXT NOT NULL DEFAULT '',"
    " finish TEXT NOT NULL DEFAULT '', prompt_tokens INTEGER NOT NULL DEFAULT 0,"
    " generated_tokens INTEGER NOT NULL DEFAULT 0, prefill_ms REAL NOT NULL DEFAULT 0,"
    " first_token_ms REAL NOT NULL DEFAULT 0, decode_ms REAL NOT NULL DEFAULT 0,"
    " encoding INTEGER NOT NULL DEFAULT 0, record BLOB NOT NULL)",
};

// Row ids of the index: a message's id, or the negative of a conversation's id for its title (0: the chat
// that is not begun). The first of all says how words were cut; it is missing where there are no signs among
// them.
const char* const kVersion2[] = {
    "CREATE VIRTUAL TABLE search USING fts5(words, prefix = '1 2',"
    " tokenize = 'unicode61 remove_diacritics 2')",
};

// What the line under an answer says, apart from its record: that is JSON without the tokens then (encoding
// 2), which lie in run_tokens, `count` of them from number `first` on (packTokens; kind 0). tokens: how many
// there are; told: how many of them the stored parts say. Records of before are moved into chunks one by one.
const char* const kVersion3[] = {
    "ALTER TABLE runs ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN told INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN experts TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs ADD COLUMN precisions TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE runs ADD COLUMN speed REAL NOT NULL DEFAULT 0",
    "CREATE INDEX runs_to_move ON runs(id) WHERE encoding < 2",
    "CREATE TABLE run_tokens ("
    " run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL DEFAULT 0, first INTEGER NOT NULL, count INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY (run, kind, first))",
};

const char* const kVersion4[] = {
    "ALTER TABLE conversations ADD COLUMN system_prompt TEXT NOT NULL DEFAULT ''",
};

// Which model answered last: its key, or the name of its file where that is all that is known, and its
// fingerprint. titled: TitleBy; a chat of before counts as the user's, so that nothing renames it.
const char* const kVersion5[] = {
    "ALTER TABLE conversations ADD COLUMN model TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE conversations ADD COLUMN model_hash TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE conversations ADD COLUMN titled INTEGER NOT NULL DEFAULT 1",
    "UPDATE conversations SET (model, model_hash) = (SELECT coalesce(nullif(m.model, ''), r.model),"
    " r.model_hash FROM messages m JOIN runs r ON r.message = m.id WHERE m.conversation = conversations.id"
    " AND m.deleted IS NULL AND (m.model <> '' OR r.model <> '') ORDER BY m.id DESC LIMIT 1)"
    " WHERE EXISTS (SELECT 1 FROM messages m JOIN runs r ON r.message = m.id WHERE m.conversation ="
    " conversations.id AND m.deleted IS NULL AND (m.model <> '' OR r.model <> ''))",
};

const char* const kLateTables[] = {
    "CREATE TABLE IF NOT EXISTS touched (row INTEGER NOT NULL, field INTEGER NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY (row, field))",
    "CREATE TABLE IF NOT EXISTS added (mark INTEGER PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS imported (conversation INTEGER PRIMARY KEY, source BLOB NOT NULL)",
};

const char* const kCut = "signs"; ///< to be changed with what searchWords() makes of a text
constexpr qint64 kCutRow = -std::numeric_limits<qint64>::max();
const QString kAskedCut = QStringLiteral("SELECT words FROM search WHERE rowid = %1").arg(kCutRow);

void indexExisting(QSqlDatabase& db) {
    QSqlQuery insert(db);
    check(insert.prepare(QStringLiteral("INSERT INTO search(rowid, words) VALUES(?, ?)")), insert);
    const auto index = [&](const QString& select) {
        QSqlQuery rows(db);
        rows.setForwardOnly(true);
        check(rows.exec(select), rows);
        while (nextRow(rows)) {
            insert.bindValue(0, rows.value(0));
            insert.bindValue(1, searchWords(rows.value(1).toString()));
            check(insert.exec(), insert);
        }
    };
    insert.bindValue(0, kCutRow);
    insert.bindValue(1, QString::fromLatin1(kCut));
    check(insert.exec(), insert);
    index(QStringLiteral("SELECT -id, title FROM conversations"));
    index(QStringLiteral("SELECT id, %1 FROM messages WHERE state <> %2")
              .arg(searchedText(QStringLiteral("messages.id")))
              .arg(static_cast<int>(MessageState::Streaming)));
}

template <std::size_t N>
void executeAll(QSqlDatabase& db, const char* const (&statements)[N]) {
    for (const char* statement : statements)
        execute(db, QString::fromLatin1(statement));
}

void step(QSqlDatabase& db, int to) {
    if (to == 1)
        executeAll(db, kVersion1);
    if (to == 2) {
        executeAll(db, kVersion2);
        indexExisting(db);
    }
    if (to == 3)
        executeAll(db, kVersion3);
    if (to == 4)
        executeAll(db, kVersion4);
    if (to == 5)
        executeAll(db, kVersion5);
    execute(db, QStringLiteral("PRAGMA user_version = %1").arg(to));
}

} // namespace

QString searchedText(const QString& message) {
    return QStringLiteral("(SELECT group_concat(text || char(10) || name, char(10)) FROM"
                          " (SELECT text, name FROM parts WHERE message = %1 ORDER BY position))")
        .arg(message);
}

void execute(QSqlDatabase& db, const QString& statement) {
    QSqlQuery query(db);
    check(query.exec(statement), query);
}

int schemaVersion(const QSqlDatabase& db) {
    QSqlQuery query(db);
    check(query.exec(QStringLiteral("PRAGMA user_version")) && query.next(), query);
    const int version = query.value(0).toInt();
    // A file that is no database is noticed only when it is read.
    check(query.exec(QStringLiteral("SELECT count(*) FROM sqlite_master")), query);
    return version;
}

void migrate(QSqlDatabase& db, int from, int to) {
    for (int version = from + 1; version <= to; ++version) {
        execute(db, QStringLiteral("BEGIN IMMEDIATE"));
        try {
            step(db, version);
            execute(db, QStringLiteral("COMMIT"));
        } catch (...) {
            QSqlQuery(db).exec(QStringLiteral("ROLLBACK"));
            throw;
        }
    }
    if (to == kSchemaVersion)
        executeAll(db, kLateTables);
}

/// False where the index refuses; throws where it is only not to be had now.
static bool searchTakes(QSqlDatabase& db, const QString& statement) {
    QSqlQuery query(db);
    try {
        check(query.exec(statement), query);
        return true;
    } catch (const SqlError& error) {
        if (error.mustWait())
            throw;
        return false;
    }
}

bool isSearchUsable(QSqlDatabase& db) {
    return searchTakes(db, QStringLiteral("SELECT rowid FROM search WHERE search MATCH '\"a\"' LIMIT 1")) &&
           searchTakes(db, kAskedCut);
}

bool isSearchCurrent(QSqlDatabase& db) {
    QSqlQuery cut(db);
    check(cut.exec(kAskedCut), cut);
    return nextRow(cut) && cut.value(0).toString() == QLatin1String(kCut);
}

bool isSearchSound(QSqlDatabase& db) {
    return searchTakes(db, QStringLiteral("INSERT INTO search(search) VALUES('integrity-check')"));
}

void rebuildSearch(QSqlDatabase& db) {
    execute(db, QStringLiteral("BEGIN IMMEDIATE"));
    try {
        QSqlQuery drop(db);
        if (!drop.exec(QStringLiteral("DROP TABLE IF EXISTS search"))) {
            // Its module cannot open what is left of it: the entry goes, then the tables under it.
            execute(db, QStringLiteral("PRAGMA writable_schema = ON"));
            execute(db, QStringLiteral("DELETE FROM sqlite_master WHERE name = 'search'"));
            execute(db, QStringLiteral("PRAGMA writable_schema = RESET"));
        }
        for (const char* table : {"data", "idx", "content", "docsize", "config"})
            execute(db, QStringLiteral("DROP TABLE IF EXISTS search_%1").arg(QLatin1String(table)));
        executeAll(db, kVersion2);
        indexExisting(db);
        execute(db, QStringLiteral("COMMIT"));
    } catch (...) {
        QSqlQuery(db).exec(QStringLiteral("ROLLBACK"));
        QSqlQuery(db).exec(QStringLiteral("PRAGMA writable_schema = RESET"));
        throw;
    }
}

void copyTables(QSqlDatabase& db, const QString& source, int version) {
    QStringList tables = {QStringLiteral("folders"), QStringLiteral("conversations"),
                          QStringLiteral("messages"), QStringLiteral("parts"), QStringLiteral("runs")};
    if (version >= 3)
        tables.append(QStringLiteral("run_tokens"));
    for (const QString& table : tables)
        execute(db, QStringLiteral("INSERT INTO main.%1 SELECT * FROM %2.%1").arg(table, source));
    if (version < 2)
        return;
    // With how the source's words are cut, which may be another way than now.
    execute(db, QStringLiteral("DELETE FROM main.search WHERE rowid = %1").arg(kCutRow));
    execute(db, QStringLiteral("INSERT INTO main.search(rowid, words) SELECT rowid, words FROM %1.search")
                    .arg(source));
}

} // namespace switchyard
