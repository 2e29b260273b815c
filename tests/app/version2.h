// A database of chats as version 2 of its tables had it: frozen here, whatever the program's own tables
// become.
#pragma once

#include "stranger.h"

#include "engine/run/record.h"

#include <nlohmann/json.hpp>

namespace switchyard {

class Version2 : public Stranger {
  public:
    explicit Version2(const QString& path) : Stranger(path) {
        for (const char* statement :
             {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF",
              "CREATE TABLE folders (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders(id) ON DELETE"
              " CASCADE, name TEXT NOT NULL, position INTEGER NOT NULL DEFAULT 0)",
              "CREATE TABLE conversations (id INTEGER PRIMARY KEY, folder INTEGER REFERENCES folders(id) ON"
              " DELETE SET NULL, title TEXT NOT NULL, tuning TEXT NOT NULL, draft TEXT NOT NULL DEFAULT '',"
              " pinned INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, changed INTEGER NOT NULL,"
              " deleted INTEGER, shown INTEGER)",
              "CREATE INDEX conversations_by_change ON conversations(changed)",
              "CREATE TABLE messages (id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES"
              " conversations(id) ON DELETE CASCADE, parent INTEGER REFERENCES messages(id) ON DELETE"
              " CASCADE, position INTEGER NOT NULL, author INTEGER NOT NULL, state INTEGER NOT NULL, model"
              " TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL, deleted"
              " INTEGER, shown INTEGER)",
              "CREATE INDEX messages_by_conversation ON messages(conversation)",
              "CREATE INDEX messages_by_parent ON messages(parent)",
              "CREATE INDEX messages_by_state ON messages(state)",
              "CREATE TABLE parts (message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
              " position INTEGER NOT NULL, kind INTEGER NOT NULL, text TEXT NOT NULL, name TEXT NOT NULL"
              " DEFAULT '', milliseconds INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (message, position))",
              "CREATE TABLE runs (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, message INTEGER UNIQUE"
              " REFERENCES messages(id) ON DELETE CASCADE, model TEXT NOT NULL DEFAULT '', model_hash TEXT"
              " NOT NULL DEFAULT '', finish TEXT NOT NULL DEFAULT '', prompt_tokens INTEGER NOT NULL DEFAULT"
              " 0, generated_tokens INTEGER NOT NULL DEFAULT 0, prefill_ms REAL NOT NULL DEFAULT 0,"
              " first_token_ms REAL NOT NULL DEFAULT 0, decode_ms REAL NOT NULL DEFAULT 0, encoding INTEGER"
              " NOT NULL DEFAULT 0, record BLOB NOT NULL)",
              "CREATE VIRTUAL TABLE search USING fts5(words, prefix = '1 2', tokenize = 'unicode61"
              " remove_diacritics 2')",
              "CREATE TABLE touched (row INTEGER NOT NULL, field INTEGER NOT NULL, at INTEGER NOT NULL,"
              " PRIMARY KEY (row, field))",
              "CREATE TABLE added (mark INTEGER PRIMARY KEY)", "PRAGMA user_version = 2",
              "INSERT INTO conversations(id, title, tuning, created, changed) VALUES(1, 'Old', '{}', 1, 1)"})
            run(QString::fromLatin1(statement));
        run(QStringLiteral("BEGIN"));
    }
    ~Version2() { run(QStringLiteral("COMMIT")); }

    /// Adds message `id` under the one of the number before it: an answer with this record. `state`: 0
    /// complete, 1 streaming.
    void add(qint64 id, const RunRecord& record, const QString& text, int state = 0) {
        run(QStringLiteral("INSERT INTO messages(id, conversation, parent, position, author, state, created)"
                           " VALUES(?, 1, ?, 0, 2, ?, ?)"),
            {id, id > 1 ? QVariant(id - 1) : QVariant(QMetaType::fromType<qint64>()), state, id});
        run(QStringLiteral("INSERT INTO parts(message, position, kind, text) VALUES(?, 0, 0, ?)"),
            {id, text});
        const std::string json = to_json(record).dump();
        const bool plain = json.size() <= 4096;
        QByteArray bytes = QByteArray::fromStdString(json);
        run(QStringLiteral("INSERT INTO runs(kind, message, model, model_hash, finish, encoding, record)"
                           " VALUES('chat', ?, 'm.gguf', 'abc', 'end_of_turn', ?, ?)"),
            {id, plain ? 0 : 1, plain ? bytes : qCompress(bytes, 1)});
    }
};

} // namespace switchyard
