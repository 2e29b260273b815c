// The database's copies of whole chats.
#include "app/services/conversation_database.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"

#include <QSqlQuery>
#include <QVariant>

namespace switchyard {

void ConversationDatabase::duplicate(ConversationId from, ConversationId to, MessageId first,
                                     const QString& title) {
    QSqlQuery there =
        run(QStringLiteral("SELECT 1 FROM conversations WHERE id = ? AND deleted IS NULL AND NOT EXISTS"
                           " (SELECT 1 FROM conversations WHERE id = ?)"), // may come twice: see create()
            {from, to});
    if (!nextRow(there))
        return;
    there.finish();
    // What was removed is left out, with all under it. Siblings are in the order of their ids, too.
    execute(db_, QStringLiteral("DROP TABLE IF EXISTS temp.copied"));
    execute(db_, QStringLiteral("CREATE TEMP TABLE copied (old INTEGER PRIMARY KEY, new INTEGER UNIQUE)"));
    run(QStringLiteral(
            "WITH RECURSIVE kept(id) AS (SELECT id FROM messages WHERE conversation = ? AND parent IS NULL"
            " AND deleted IS NULL UNION SELECT m.id FROM messages m JOIN kept k ON m.parent = k.id"
            " WHERE m.deleted IS NULL)"
            " INSERT INTO temp.copied(old, new) SELECT id, ? + row_number() OVER (ORDER BY id) - 1"
            " FROM kept"),
        {from, first});
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    run(QStringLiteral(
            "INSERT INTO conversations(id, folder, title, tuning, created, changed, shown, system_prompt,"
            " model, model_hash, titled) SELECT ?, folder, ?, tuning, ?, ?, (SELECT new FROM temp.copied"
            " WHERE old = shown), system_prompt, model, model_hash, ? FROM conversations WHERE id = ?"),
        {to, notNull(title), now, now, static_cast<int>(TitleBy::User), from});
    copyMessages(to);
    index(-to, title);
    execute(db_, QStringLiteral("DROP TABLE temp.copied"));
}

/// Those of the table `copied`, with all that hangs on them.
void ConversationDatabase::copyMessages(ConversationId to) {
    run(QStringLiteral("INSERT INTO messages(id, conversation, parent, position, author, state, model, error,"
                       " created, shown) SELECT c.new, ?, (SELECT new FROM temp.copied WHERE old = m.parent),"
                       " m.position, m.author, m.state, m.model, m.error, m.created, (SELECT new FROM"
                       " temp.copied WHERE old = m.shown) FROM temp.copied c JOIN messages m ON m.id = c.old"
                       " ORDER BY c.new"),
        {to});
    execute(db_, QStringLiteral("INSERT INTO parts(message, position, kind, text, name, milliseconds) SELECT"
                                " c.new, p.position, p.kind, p.text, p.name, p.milliseconds FROM temp.copied"
                                " c JOIN parts p ON p.message = c.old"));
    const QString columns = QStringLiteral("kind, model, model_hash, finish, prompt_tokens, generated_tokens,"
                                           " prefill_ms, first_token_ms, decode_ms, encoding, record, tokens,"
                                           " told, experts, precisions, speed");
    execute(db_, QStringLiteral("INSERT INTO runs(message, %1) SELECT c.new, r.%2 FROM temp.copied c JOIN"
                                " runs r ON r.message = c.old")
                     .arg(columns, QString(columns).replace(QLatin1String(", "), QLatin1String(", r."))));
    execute(db_, QStringLiteral("INSERT INTO run_tokens(run, kind, first, count, bytes) SELECT n.id, t.kind,"
                                " t.first, t.count, t.bytes FROM temp.copied c JOIN runs o ON o.message ="
                                " c.old JOIN runs n ON n.message = c.new JOIN run_tokens t ON t.run = o.id"));
    execute(db_, QStringLiteral("INSERT INTO search(rowid, words) SELECT c.new, s.words FROM temp.copied c"
                                " JOIN search s ON s.rowid = c.old"));
    endStreaming(QStringLiteral("conversation = %1").arg(to), MessageState::Stopped);
}

} // namespace switchyard
