#include "app/services/conversation_database.h"

#include "app/services/draft_text.h"
#include "app/services/search_words.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"
#include "app/services/thinking_splitter.h"
#include "app/services/tuning_json.h"

#include <QSqlQuery>
#include <QVariant>

#include <algorithm>

namespace switchyard {

namespace {

qint64 now() { return QDateTime::currentMSecsSinceEpoch(); }

QDateTime time(const QVariant& value) { return QDateTime::fromMSecsSinceEpoch(value.toLongLong()); }

Tuning tuningOf(const QByteArray& json) {
    try {
        return tuningFromJson(json);
    } catch (const Error&) {
        return {}; // a dial of another program version: the chat itself matters more
    }
}

/// What a later program may have put there counts as the last that is known.
TitleBy titleBy(const QVariant& value) {
    return static_cast<TitleBy>(std::clamp(value.toInt(), 0, static_cast<int>(TitleBy::Model)));
}

QString inOrder(const QString& what) {
    return QStringLiteral("SELECT %1 FROM messages WHERE conversation = ? AND deleted IS NULL"
                          " ORDER BY position, id")
        .arg(what);
}

} // namespace

QSqlQuery ConversationDatabase::run(const QString& statement, const QVariantList& values) {
    return runQuery(db_, statement, values);
}

// ---- Reading ----

/// `which`: a condition, with its order.
QList<ConversationSummary> ConversationDatabase::summaries(const QString& which) {
    QSqlQuery rows = run(QStringLiteral("SELECT id, title, created, changed, folder, pinned, titled, deleted"
                                        " FROM conversations WHERE id <> 0 AND ") +
                             which,
                         {});
    QList<ConversationSummary> all;
    while (nextRow(rows)) {
        ConversationSummary summary;
        summary.id = rows.value(0).toLongLong();
        summary.title = rows.value(1).toString();
        summary.created = time(rows.value(2));
        summary.changed = time(rows.value(3));
        summary.folder = rows.value(4).toLongLong();
        summary.pinned = rows.value(5).toBool();
        summary.title_by = titleBy(rows.value(6));
        if (!rows.value(7).isNull())
            summary.removed = time(rows.value(7));
        all.append(summary);
    }
    return all;
}

QList<ConversationSummary> ConversationDatabase::list() {
    return summaries(QStringLiteral("deleted IS NULL ORDER BY changed DESC, id DESC"));
}

QList<ConversationSummary> ConversationDatabase::listRemoved() {
    return summaries(QStringLiteral("deleted IS NOT NULL ORDER BY deleted DESC, id DESC"));
}

QList<ConversationId> ConversationDatabase::chatsAfter(ConversationId id, int most) {
    QSqlQuery rows = run(QStringLiteral("SELECT id FROM conversations WHERE deleted IS NULL AND id > ?"
                                        " ORDER BY id LIMIT ?"),
                         {id, most});
    QList<ConversationId> ids;
    while (nextRow(rows))
        ids.append(rows.value(0).toLongLong());
    return ids;
}

/// In the order of their siblings, without parts and runs.
QList<Message> ConversationDatabase::messagesOf(ConversationId id, QHash<MessageId, MessageId>& shown) {
    QList<Message> messages;
    QSqlQuery rows =
        run(inOrder(QStringLiteral("id, parent, author, state, model, error, created, shown")), {id});
    while (nextRow(rows)) {
        Message message;
        message.id = rows.value(0).toLongLong();
        message.conversation = id;
        message.parent = rows.value(1).toLongLong();
        message.author = static_cast<Author>(std::clamp(rows.value(2).toInt(), 0, 2));
        message.state = static_cast<MessageState>(std::clamp(rows.value(3).toInt(), 0, 4));
        message.model = rows.value(4).toString();
        message.error = rows.value(5).toString();
        message.created = time(rows.value(6));
        shown.insert(message.id, rows.value(7).toLongLong());
        messages.append(std::move(message));
    }
    return messages;
}

void ConversationDatabase::readParts(ConversationId id, const MessageById& messages) {
    QSqlQuery rows =
        run(QStringLiteral("SELECT p.message, p.kind, p.text, p.name, p.milliseconds FROM messages m"
                           " JOIN parts p ON p.message = m.id WHERE m.conversation = ?"
                           " ORDER BY p.message, p.position"),
            {id});
    while (nextRow(rows)) {
        Message* message = messages.value(rows.value(0).toLongLong());
        if (!message)
            continue;
        MessagePart part;
        part.kind = static_cast<PartKind>(
            std::clamp(rows.value(1).toInt(), 0, static_cast<int>(PartKind::ToolResult)));
        part.text = rows.value(2).toString();
        part.name = rows.value(3).toString();
        part.milliseconds = rows.value(4).toLongLong();
        message->parts.append(part);
    }
}

Conversation ConversationDatabase::open(ConversationId id) {
    Conversation conversation;
    QSqlQuery row = run(
        QStringLiteral(
            "SELECT title, created, changed, tuning, draft, shown, folder, pinned,"
            " system_prompt, model, model_hash, titled FROM conversations WHERE id = ? AND deleted IS NULL"),
        {id});
    if (!nextRow(row))
        return conversation;
    conversation.summary = {id,    row.value(0).toString(),   time(row.value(1)),    time(row.value(2)),
                            false, row.value(6).toLongLong(), row.value(7).toBool(), titleBy(row.value(11))};
    conversation.own_dials = !row.value(3).toByteArray().isEmpty();
    conversation.tuning = tuningOf(row.value(3).toByteArray());
    conversation.unsent = draftFromText(row.value(4).toString());
    conversation.system_prompt = row.value(8).toString();
    conversation.model = {row.value(9).toString(), row.value(10).toString()};
    QHash<MessageId, MessageId> shown;
    shown.insert(0, row.value(5).toLongLong());
    QList<Message> messages = messagesOf(id, shown);
    MessageById by_id;
    for (Message& message : messages)
        by_id.insert(message.id, &message);
    readParts(id, by_id);
    runs_.readSummaries(id, by_id);
    conversation.tree = MessageTree(messages, shown);
    conversation.removed = removedFrom(id);
    return conversation;
}

// ---- Writing ----

void ConversationDatabase::create(ConversationId id, const QString& title, const Tuning& tuning) {
    run(QStringLiteral(
            "INSERT INTO conversations(id, title, tuning, created, changed, titled) VALUES(?, ?, ?, ?, ?, 0)"
            " ON CONFLICT(id) DO NOTHING"), // may come twice: a failed commit does not say what was written
        {id, notNull(title), QString::fromUtf8(tuningToJson(tuning)), now(), now()});
    index(-id, title);
}

void ConversationDatabase::rename(ConversationId id, const QString& title, TitleBy by) {
    QSqlQuery renamed =
        run(QStringLiteral("UPDATE conversations SET title = ?, titled = ? WHERE id = ? AND (titled = 0 OR ?)"
                           " RETURNING 1"),
            {notNull(title), static_cast<int>(by), id, by == TitleBy::User ? 1 : 0});
    if (!nextRow(renamed))
        return;
    renamed.finish();
    stamp(id, Touched::Title);
    index(-id, title);
}

void ConversationDatabase::saveTuning(ConversationId id, const Tuning& tuning) {
    run(QStringLiteral("UPDATE conversations SET tuning = ? WHERE id = ?"),
        {QString::fromUtf8(tuningToJson(tuning)), id});
    stamp(id, Touched::Tuning);
}

void ConversationDatabase::saveSystemPrompt(ConversationId id, const QString& text) {
    run(QStringLiteral("UPDATE conversations SET system_prompt = ? WHERE id = ?"), {notNull(text), id});
    stamp(id, Touched::SystemPrompt);
}

void ConversationDatabase::saveModel(ConversationId id, const ChatModel& model) {
    run(QStringLiteral("UPDATE conversations SET model = ?, model_hash = ? WHERE id = ?"),
        {notNull(model.key), notNull(model.fingerprint), id});
    stamp(id, Touched::Model);
}

void ConversationDatabase::saveDraft(ConversationId id, const Draft& draft) {
    const QString stored = notNull(draftToText(draft));
    if (id == 0 && !stored.isEmpty()) // the row of the chat that is not begun yet
        run(QStringLiteral(
                "INSERT INTO conversations(id, title, tuning, created, changed) VALUES(0, '', '{}',"
                " 0, 0) ON CONFLICT(id) DO NOTHING"),
            {});
    run(QStringLiteral("UPDATE conversations SET draft = ? WHERE id = ?"), {stored, id});
    stamp(id, Touched::Draft);
}

Draft ConversationDatabase::draft(ConversationId id) {
    QSqlQuery row = run(QStringLiteral("SELECT draft FROM conversations WHERE id = ?"), {id});
    return nextRow(row) ? draftFromText(row.value(0).toString()) : Draft();
}

void ConversationDatabase::append(const Message& message) {
    const qint64 created = message.created.isValid() ? message.created.toMSecsSinceEpoch() : now();
    run(QStringLiteral(
            "INSERT INTO messages(id, conversation, parent, position, author, state, model, error, created)"
            " VALUES(?, ?, ?, (SELECT coalesce(max(position), -1) + 1 FROM messages"
            " WHERE conversation = ? AND parent IS ?), ?, ?, ?, ?, ?)"),
        {message.id, message.conversation, idOrNull(message.parent), message.conversation,
         idOrNull(message.parent), static_cast<int>(message.author), static_cast<int>(message.state),
         notNull(message.model), notNull(message.error), created});
    writeParts(message);
    writeRun(message, nullptr, true);
    if (message.state != MessageState::Streaming)
        indexMessage(message.id);
    select(message.id);
    touch(message.conversation);
}

void ConversationDatabase::update(const Message& message, TokenLog* tokens) {
    run(QStringLiteral("UPDATE messages SET state = ?, model = ?, error = ? WHERE id = ?"),
        {static_cast<int>(message.state), notNull(message.model), notNull(message.error), message.id});
    stamp(message.id, Touched::Content);
    // While it grows its tokens say it: writing the whole text every second would cost more and more.
    const bool whole = !tokens || message.state != MessageState::Streaming;
    if (whole)
        writeParts(message);
    writeRun(message, tokens, whole);
    // While it grows an answer is not searched: indexing it every second would cost more than it gives.
    if (message.state != MessageState::Streaming) {
        indexMessage(message.id);
        touch(message.conversation);
    }
}

void ConversationDatabase::writeRun(const Message& message, TokenLog* tokens, bool told) {
    if (!message.has_run)
        return;
    runs_.write(message, tokens);
    if (told)
        runs_.setToldByParts(message.id, message.tokenCount());
}

void ConversationDatabase::writeParts(const Message& message) {
    run(QStringLiteral("DELETE FROM parts WHERE message = ? AND position >= ?"),
        {message.id, message.parts.size()});
    for (qsizetype i = 0; i < message.parts.size(); ++i) {
        const MessagePart& part = message.parts[i];
        run(QStringLiteral("INSERT OR REPLACE INTO parts(message, position, kind, text, name, milliseconds)"
                           " VALUES(?, ?, ?, ?, ?, ?)"),
            {message.id, i, static_cast<int>(part.kind), notNull(part.text), notNull(part.name),
             part.milliseconds});
    }
}

void ConversationDatabase::index(qint64 row, const QString& text) {
    run(QStringLiteral("DELETE FROM search WHERE rowid = ?"), {row});
    const QString words = searchWords(text);
    if (!words.isEmpty())
        run(QStringLiteral("INSERT INTO search(rowid, words) VALUES(?, ?)"), {row, words});
}

/// PRECOND: its parts are written.
void ConversationDatabase::indexMessage(MessageId id) {
    QSqlQuery row = run(QStringLiteral("SELECT ") + searchedText(QStringLiteral("?")), {id});
    const QString text = nextRow(row) ? row.value(0).toString() : QString();
    row.finish();
    index(id, text);
}

void ConversationDatabase::touch(ConversationId id) {
    run(QStringLiteral("UPDATE conversations SET changed = max(changed + 1, ?) WHERE id = ?"), {now(), id});
}

/// Later than what it was, whatever the clock says.
void ConversationDatabase::stamp(qint64 row, Touched field) {
    run(QStringLiteral("INSERT INTO touched(row, field, at) VALUES(?, ?, ?) ON CONFLICT(row, field)"
                       " DO UPDATE SET at = max(at + 1, excluded.at)"),
        {row, static_cast<int>(field), now()});
}

void ConversationDatabase::setMessageRemoved(MessageId id, bool removed) {
    // What hangs under it goes and comes back with it; branches deleted earlier stay so.
    const QString under = QStringLiteral("WITH RECURSIVE under(id) AS (SELECT ? UNION SELECT m.id FROM"
                                         " messages m JOIN under u ON m.parent = u.id) ");
    run(under + QStringLiteral("INSERT INTO touched(row, field, at) SELECT id, ?, ? FROM under WHERE true"
                               " ON CONFLICT(row, field) DO UPDATE SET at = max(at + 1, excluded.at)"),
        {id, static_cast<int>(Touched::Deleted), now()});
    if (removed)
        // One time for all of them, later than any deletion or message among them whatever the clock says.
        run(under +
                QStringLiteral("UPDATE messages SET deleted = (SELECT max(?, coalesce(max(m.deleted) + 1, 0),"
                               " max(m.created)) FROM messages m JOIN under u ON u.id = m.id)"
                               " WHERE deleted IS NULL AND id IN under"),
            {id, now()});
    else
        run(under + QStringLiteral("UPDATE messages SET deleted = NULL WHERE id IN under AND deleted ="
                                   " (SELECT deleted FROM messages WHERE id = ?)"),
            {id, id});
}

void ConversationDatabase::select(MessageId id) {
    // Every ancestor shows the child through which the branch goes.
    run(QStringLiteral("WITH RECURSIVE up(id, parent) AS (SELECT id, parent FROM messages WHERE id = ?"
                       " UNION SELECT m.id, m.parent FROM messages m JOIN up ON m.id = up.parent)"
                       " UPDATE messages SET shown = (SELECT up.id FROM up WHERE up.parent = messages.id)"
                       " WHERE id IN (SELECT parent FROM up)"),
        {id});
    run(QStringLiteral("WITH RECURSIVE up(id, parent, conversation) AS (SELECT id, parent, conversation FROM"
                       " messages WHERE id = ? UNION SELECT m.id, m.parent, m.conversation FROM messages m"
                       " JOIN up ON m.id = up.parent) UPDATE conversations SET shown ="
                       " (SELECT id FROM up WHERE parent IS NULL) WHERE id = (SELECT conversation FROM up"
                       " WHERE parent IS NULL)"),
        {id});
    stamp(conversationOf(id), Touched::Shown);
}

ConversationId ConversationDatabase::conversationOf(MessageId id) {
    QSqlQuery row = run(QStringLiteral("SELECT conversation FROM messages WHERE id = ?"), {id});
    return nextRow(row) ? row.value(0).toLongLong() : 0;
}

/// What the tokens of an answer say beyond its stored parts is added to these, as it was shown.
void ConversationDatabase::completeParts(MessageId id) {
    std::optional<RunRecord> record = runs_.read(id);
    const auto told = static_cast<std::size_t>(runs_.toldByParts(id));
    if (!record || record->tokens.size() <= told)
        return;
    Message message;
    message.id = id;
    readParts(conversationOf(id), {{id, &message}});
    const std::vector<TokenRecord> rest(record->tokens.begin() + static_cast<std::ptrdiff_t>(told),
                                        record->tokens.end());
    record->tokens.resize(told);
    ReadAnswer read(*record);
    if (!read.makes(message.parts)) { // it was edited, and then went on
        read.parts = message.parts;
        read.splitter = ThinkingSplitter(record->reading, message.parts);
    }
    for (const TokenRecord& token : rest)
        read.splitter.push(token, read.parts, read.places);
    read.splitter.finish(read.parts, read.places);
    message.parts = read.parts;
    writeParts(message);
    runs_.setToldByParts(id, static_cast<int>(told + rest.size()));
}

void ConversationDatabase::markInterrupted() {
    endStreaming(QStringLiteral("true"), MessageState::Interrupted);
}

/// Of the messages for which `which` is true.
void ConversationDatabase::endStreaming(const QString& which, MessageState state) {
    QSqlQuery rows = run(QStringLiteral("SELECT id FROM messages WHERE state = ? AND ") + which,
                         {static_cast<int>(MessageState::Streaming)});
    QList<MessageId> growing;
    while (nextRow(rows))
        growing.append(rows.value(0).toLongLong());
    rows.finish();
    for (const MessageId id : growing) {
        completeParts(id);
        run(QStringLiteral("UPDATE messages SET state = ? WHERE id = ?"), {static_cast<int>(state), id});
        indexMessage(id);
    }
}

std::map<MessageId, RunRecord> ConversationDatabase::readRuns(const QList<MessageId>& messages) {
    std::map<MessageId, RunRecord> runs;
    for (const MessageId id : messages) {
        if (std::optional<RunRecord> record = runs_.read(id))
            runs.emplace(id, std::move(*record));
    }
    return runs;
}

std::optional<qint64> ConversationDatabase::moveOldRuns(qint64 before) { return runs_.moveSome(before); }

bool ConversationDatabase::hasMessage(MessageId id) {
    QSqlQuery row = run(QStringLiteral("SELECT 1 FROM messages WHERE id = ?"), {id});
    return nextRow(row);
}

bool ConversationDatabase::has(ConversationId id) {
    QSqlQuery row = run(QStringLiteral("SELECT 1 FROM conversations WHERE id = ?"), {id});
    return nextRow(row);
}

qint64 ConversationDatabase::largestId() {
    QSqlQuery row = run(QStringLiteral("SELECT max(coalesce((SELECT max(id) FROM messages), 0),"
                                       " coalesce((SELECT max(id) FROM conversations), 0))"),
                        {});
    return nextRow(row) ? row.value(0).toLongLong() : 0;
}

} // namespace switchyard
