// The database's search through titles and messages.
#include "app/services/chat_title.h"
#include "app/services/conversation_database.h"
#include "app/services/search_words.h"
#include "app/services/sql_error.h"

#include <QSqlQuery>
#include <QVariant>

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kMostHits = 200;

} // namespace

QList<SearchHit> ConversationDatabase::search(const QString& text) {
    const QString expression = searchExpression(text);
    if (expression.isEmpty())
        return {};
    const QList<SearchHit> hits = titleHits(expression) + messageHits(expression, text);
    return hits.first(std::min<qsizetype>(hits.size(), kMostHits));
}

QList<SearchHit> ConversationDatabase::searchSurely(const QString& text) {
    const QList<SearchHit> hits = search(text);
    if (hits.isEmpty())
        checkIndex();
    return hits;
}

/// Broken pages of the index may look like words that are nowhere: where nothing was found, all of it is
/// compared with its words, until that went well once. Throws SqlError (damaged) where it is not as it should
/// be.
void ConversationDatabase::checkIndex() {
    if (index_checked_)
        return;
    try {
        run(QStringLiteral("INSERT INTO search(search) VALUES('integrity-check')"), {});
        index_checked_ = true;
    } catch (const SqlError& error) {
        if (!error.mustWait())
            throw;
    }
}

// In the index titles have the negative of their chat's id. Ids grow with time: the newest come first.
QList<SearchHit> ConversationDatabase::titleHits(const QString& expression) {
    QSqlQuery rows =
        run(QStringLiteral("SELECT c.id, c.title FROM (SELECT rowid FROM search WHERE search MATCH"
                           " ? AND rowid < 0 ORDER BY rowid) s JOIN conversations c"
                           " ON c.id = -s.rowid AND c.deleted IS NULL LIMIT ?"),
            {expression, kMostHits});
    QList<SearchHit> hits;
    while (nextRow(rows)) {
        const QString title = rows.value(1).toString();
        hits.append({rows.value(0).toLongLong(), 0, title, {}});
    }
    rows.finish();
    hits.removeIf(
        [&](const SearchHit& hit) { return questionSays(hit.conversation, hit.title, expression); });
    return hits;
}

/// A title that was made from its question is found where the question is: it is no hit of its own.
bool ConversationDatabase::questionSays(ConversationId id, const QString& title, const QString& expression) {
    QSqlQuery parts = run(QStringLiteral("SELECT m.id, p.kind, p.text, p.name FROM messages m"
                                         " JOIN parts p ON p.message = m.id WHERE m.conversation = ?"
                                         " AND m.parent IS NULL AND m.author = ? AND m.deleted IS NULL"),
                          {id, static_cast<int>(Author::User)});
    while (nextRow(parts)) {
        const bool file = parts.value(1).toInt() == static_cast<int>(PartKind::File);
        const QString said = parts.value(file ? 3 : 2).toString();
        if (titleFrom(said) != title && firstWords(said) != title)
            continue;
        QSqlQuery found = run(QStringLiteral("SELECT 1 FROM search WHERE search MATCH ? AND rowid = ?"),
                              {expression, parts.value(0)});
        if (nextRow(found))
            return true;
    }
    return false;
}

QList<SearchHit> ConversationDatabase::messageHits(const QString& expression, const QString& typed) {
    QSqlQuery rows =
        run(QStringLiteral("SELECT m.id, c.id, c.title, (SELECT group_concat(text, char(10)) FROM"
                           " (SELECT text FROM parts WHERE message = m.id ORDER BY position))"
                           " FROM (SELECT rowid FROM search WHERE search MATCH ? AND rowid > 0"
                           " ORDER BY rowid DESC) s"
                           " JOIN messages m ON m.id = s.rowid AND m.deleted IS NULL"
                           " JOIN conversations c ON c.id = m.conversation AND c.deleted IS NULL"
                           " LIMIT ?"),
            {expression, kMostHits});
    QList<SearchHit> hits;
    while (nextRow(rows))
        hits.append({rows.value(1).toLongLong(), rows.value(0).toLongLong(), rows.value(2).toString(),
                     hitLine(rows.value(3).toString(), typed)});
    return hits;
}

} // namespace switchyard
