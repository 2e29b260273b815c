// What was deleted of the database's chats: until when they can be restored, and how they go for good.
#include "app/services/conversation_database.h"
#include "app/services/sql_error.h"

#include <QSqlQuery>
#include <QVariant>

#include <algorithm>
#include <limits>
#include <utility>

namespace switchyard {

namespace {

qint64 timeNow() { return QDateTime::currentMSecsSinceEpoch(); }

} // namespace

void ConversationDatabase::setRemoved(ConversationId id, bool removed) {
    // Not before its last change: a clock that stood in the past must not make the deletion look old.
    if (removed)
        run(QStringLiteral("UPDATE conversations SET deleted = max(?, changed) WHERE id = ?"),
            {timeNow(), id});
    else
        run(QStringLiteral("UPDATE conversations SET deleted = NULL WHERE id = ?"), {id});
    stamp(id, Touched::Deleted);
}

/// Of what was deleted together, the first message: nothing of that deletion is over it.
QList<MessageId> ConversationDatabase::removedFrom(ConversationId id) {
    QSqlQuery rows = run(QStringLiteral("SELECT m.id FROM messages m LEFT JOIN messages p ON p.id = m.parent"
                                        " WHERE m.conversation = ? AND m.deleted IS NOT NULL"
                                        " AND p.deleted IS NOT m.deleted ORDER BY m.deleted, m.id"),
                         {id});
    QList<MessageId> removed;
    while (nextRow(rows))
        removed.append(rows.value(0).toLongLong());
    return removed;
}

void ConversationDatabase::purge(const QDateTime& before) {
    const qint64 limit = before.isValid() ? before.toMSecsSinceEpoch() : std::numeric_limits<qint64>::max();
    run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT -id FROM conversations"
                       " WHERE deleted < ?)"),
        {limit});
    run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT m.id FROM messages m JOIN conversations c"
                       " ON c.id = m.conversation WHERE c.deleted < ? OR m.deleted < ?)"),
        {limit, limit});
    for (const char* table : {"messages", "conversations"}) {
        const QString gone = QStringLiteral("FROM %1 WHERE deleted < ?").arg(QLatin1String(table));
        run(QStringLiteral("INSERT OR REPLACE INTO touched(row, field, at) SELECT id, ?, ? ") + gone,
            {static_cast<int>(Touched::Purged), timeNow(), limit});
        run(QStringLiteral("DELETE ") + gone, {limit});
    }
}

void ConversationDatabase::purgeAll() {
    purge();
    sweep();
}

/// The index keeps the words of what was taken out of it until its parts are joined.
void ConversationDatabase::sweep() {
    run(QStringLiteral("INSERT INTO search(search) VALUES('optimize')"), {});
    sweep_log_ = true;
}

void ConversationDatabase::emptyLog() {
    if (std::exchange(sweep_log_, false))
        QSqlQuery(db_).exec(
            QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)")); // busy: when the file is closed
}

void ConversationDatabase::purge(const QList<ConversationId>& ids) {
    for (const ConversationId id : ids) {
        QSqlQuery removed =
            run(QStringLiteral("SELECT 1 FROM conversations WHERE id = ? AND deleted IS NOT NULL"), {id});
        if (nextRow(removed)) {
            removed.finish();
            purgeChat(id);
        }
    }
    sweep();
}

void ConversationDatabase::purgeChat(ConversationId id) {
    const QString messages = QStringLiteral("SELECT id FROM messages WHERE conversation = ?");
    run(QStringLiteral("DELETE FROM search WHERE rowid = ?"), {-id});
    run(QStringLiteral("DELETE FROM search WHERE rowid IN (%1)").arg(messages), {id});
    run(QStringLiteral("INSERT OR REPLACE INTO touched(row, field, at) SELECT id, ?, ? FROM messages"
                       " WHERE conversation = ?"),
        {static_cast<int>(Touched::Purged), timeNow(), id});
    // By hand: with a part of the chats in memory foreign keys are not looked after.
    run(QStringLiteral("DELETE FROM run_tokens WHERE run IN (SELECT id FROM runs WHERE message IN (%1))")
            .arg(messages),
        {id});
    for (const char* table : {"runs", "parts"})
        run(QStringLiteral("DELETE FROM %1 WHERE message IN (%2)").arg(QLatin1String(table), messages), {id});
    run(QStringLiteral("DELETE FROM messages WHERE conversation = ?"), {id});
    run(QStringLiteral("DELETE FROM conversations WHERE id = ?"), {id});
    stamp(id, Touched::Purged);
}

void ConversationDatabase::purgeOld() {
    run(QStringLiteral("CREATE TABLE IF NOT EXISTS starts (at INTEGER NOT NULL)"), {});
    QSqlQuery row = run(QStringLiteral("SELECT max(at) FROM starts"), {});
    const QVariant before = nextRow(row) ? row.value(0) : QVariant();
    row.finish();
    // By the earlier of two starts: a clock that is ahead once, or was at the last start, deletes nothing.
    const qint64 today = before.isNull() ? timeNow() : std::min(timeNow(), before.toLongLong());
    purge(QDateTime::fromMSecsSinceEpoch(today).addDays(-kDaysDeletedIsKept));
    run(QStringLiteral("DELETE FROM starts"), {});
    run(QStringLiteral("INSERT INTO starts(at) VALUES(?)"), {timeNow()});
}

} // namespace switchyard
