#include "app/services/run_table.h"

#include "app/services/conversation_schema.h"
#include "app/services/run_blob.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"
#include "app/services/token_chunk.h"
#include "app/services/token_log.h"

#include <QElapsedTimer>
#include <QVariant>

#include <algorithm>

namespace switchyard {

namespace {

const QString kRowColumns =
    QStringLiteral("SELECT id, encoding, record, model_hash, tokens, experts, precisions, speed");

constexpr int kInChunks = 2; ///< runs.encoding: the record is a summary, the tokens are in run_tokens

QString joinedExperts(const std::vector<int>& counts) {
    QStringList texts;
    for (const int count : counts)
        texts.append(QString::number(count));
    return notNull(texts.join(QLatin1Char(' ')));
}

QString joinedPrecisions(const std::vector<std::string>& names) {
    QStringList texts;
    for (const std::string& name : names)
        texts.append(QString::fromStdString(name));
    return notNull(texts.join(QLatin1Char(' ')));
}

QByteArray bytesOfSummary(const RunSummary& summary) {
    RunRecord record;
    static_cast<RunSummary&>(record) = summary;
    return packRun(record).bytes;
}

} // namespace

struct RunTable::Row {
    qint64 id = 0;
    RunBlob blob;
    QString model_hash;
    RunDigest digest;
    bool inChunks() const { return blob.encoding == kInChunks; }
};

/// PRECOND: it asked for kRowColumns.
RunTable::Row RunTable::rowOf(const QSqlQuery& query) {
    Row row;
    row.id = query.value(0).toLongLong();
    row.blob = {query.value(1).toInt(), query.value(2).toByteArray()};
    row.model_hash = query.value(3).toString();
    row.digest.tokens = query.value(4).toInt();
    for (const QString& count : query.value(5).toString().split(QLatin1Char(' '), Qt::SkipEmptyParts))
        row.digest.experts.push_back(count.toInt());
    for (const QString& name : query.value(6).toString().split(QLatin1Char(' '), Qt::SkipEmptyParts))
        row.digest.precisions.push_back(name.toStdString());
    row.digest.speed = query.value(7).toDouble();
    return row;
}

std::optional<RunTable::Row> RunTable::row(MessageId message) {
    QSqlQuery rows = runQuery(db_, kRowColumns + QStringLiteral(" FROM runs WHERE message = ?"), {message});
    if (!nextRow(rows))
        return {};
    return rowOf(rows);
}

void RunTable::readSummaries(ConversationId conversation, const MessageById& messages) {
    QSqlQuery rows =
        runQuery(db_,
                 kRowColumns + QStringLiteral(", message FROM runs WHERE message IN"
                                              " (SELECT id FROM messages WHERE conversation = ?)"),
                 {conversation});
    while (nextRow(rows)) {
        Message* message = messages.value(rows.value(8).toLongLong());
        if (!message)
            continue; // it is deleted
        const Row stored = rowOf(rows);
        try {
            const RunRecord record = unpackRun(stored.blob);
            static_cast<RunSummary&>(message->run) = record;
            message->digest = stored.digest;
            if (!stored.inChunks())
                message->digest.take(record.tokens);
            message->model_fingerprint = stored.model_hash;
            message->has_run = true;
        } catch (const Error&) {
            message->has_run = false; // the text stands without its record
        }
    }
}

RunRecord RunTable::readWhole(const Row& row) {
    RunRecord record = unpackRun(row.blob);
    if (!row.inChunks())
        return record;
    QSqlQuery chunks = runQuery(db_,
                                QStringLiteral("SELECT first, count, bytes FROM run_tokens WHERE run = ? AND"
                                               " kind = 0 ORDER BY first"),
                                {row.id});
    try {
        while (nextRow(chunks) && chunks.value(0).toULongLong() == record.tokens.size())
            unpackTokens(chunks.value(2).toByteArray(), chunks.value(1).toInt(), record.tokens);
    } catch (const SqlError&) {
        throw;
    } catch (const Error&) {
        // those before it stand
    }
    return record;
}

std::optional<RunRecord> RunTable::read(MessageId message) {
    const std::optional<Row> stored = row(message);
    if (!stored)
        return {};
    try {
        return readWhole(*stored);
    } catch (const SqlError&) {
        throw;
    } catch (const Error&) {
        return {};
    }
}

int RunTable::toldByParts(MessageId message) {
    // Before there were chunks the parts were written with every record.
    QSqlQuery row =
        runQuery(db_,
                 QStringLiteral(
                     "SELECT CASE WHEN encoding < 2 THEN 1 << 30 ELSE told END FROM runs WHERE message = ?"),
                 {message});
    return nextRow(row) ? row.value(0).toInt() : 0;
}

void RunTable::setToldByParts(MessageId message, int tokens) {
    runQuery(db_, QStringLiteral("UPDATE runs SET told = ? WHERE message = ?"), {tokens, message});
}

void RunTable::insertSummary(const Message& message) {
    const RunTimings& t = message.run.timings;
    runQuery(db_,
             QStringLiteral(
                 "INSERT INTO runs(kind, message, model, model_hash, finish, prompt_tokens, generated_tokens,"
                 " prefill_ms, first_token_ms, decode_ms, encoding, record)"
                 " VALUES('chat', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                 " ON CONFLICT(message) DO UPDATE SET model = excluded.model,"
                 " model_hash = excluded.model_hash, finish = excluded.finish,"
                 " prompt_tokens = excluded.prompt_tokens,"
                 " generated_tokens = excluded.generated_tokens, prefill_ms = excluded.prefill_ms,"
                 " first_token_ms = excluded.first_token_ms, decode_ms = excluded.decode_ms,"
                 " encoding = excluded.encoding, record = excluded.record"),
             {message.id, notNull(message.model), notNull(message.model_fingerprint),
              QString::fromUtf8(finish_name(message.run.finish)), t.prompt_tokens, t.generated_tokens,
              t.prefill_ms, t.time_to_first_token_ms, t.decode_ms, kInChunks, bytesOfSummary(message.run)});
}

void RunTable::write(const Message& message, TokenLog* tokens) {
    if (const std::optional<Row> before = row(message.id); before && !before->inChunks())
        move(*before);
    insertSummary(message);
    QSqlQuery found =
        runQuery(db_, QStringLiteral("SELECT id, tokens FROM runs WHERE message = ?"), {message.id});
    if (!nextRow(found))
        return;
    const qint64 run = found.value(0).toLongLong();
    const int stored = found.value(1).toInt();
    found.finish();
    if (tokens) {
        // The last one that is there may have grown since: what a token began may be held back.
        const int end = std::min(message.digest.tokens, tokens->size());
        writeTokens(run, *tokens, std::clamp(stored - 1, 0, end), end);
        writeDigest(run, message.digest);
    } else if (!message.run.tokens.empty()) {
        TokenLog all(message.run.tokens);
        runQuery(db_, QStringLiteral("DELETE FROM run_tokens WHERE run = ?"), {run});
        writeTokens(run, all, 0, all.size());
        RunDigest digest;
        digest.take(message.run.tokens);
        writeDigest(run, digest);
    }
}

void RunTable::add(const Message& message, const std::vector<TokenChunk>& tokens) {
    insertSummary(message);
    QSqlQuery found = runQuery(db_, QStringLiteral("SELECT id FROM runs WHERE message = ?"), {message.id});
    if (!nextRow(found))
        return;
    const qint64 run = found.value(0).toLongLong();
    found.finish();
    for (const TokenChunk& chunk : tokens)
        writeChunk(run, chunk);
    writeDigest(run, message.digest);
    setToldByParts(message.id, message.digest.tokens);
}

void RunTable::writeTokens(qint64 run, TokenLog& tokens, int from, int end) {
    for (const TokenChunk& chunk : tokens.chunks(from, end))
        writeChunk(run, chunk);
}

void RunTable::writeChunk(qint64 run, const TokenChunk& chunk) {
    runQuery(db_,
             QStringLiteral("INSERT OR REPLACE INTO run_tokens(run, kind, first, count, bytes)"
                            " VALUES(?, 0, ?, ?, ?)"),
             {run, chunk.first, chunk.count, chunk.bytes});
}

void RunTable::writeDigest(qint64 run, const RunDigest& digest) {
    runQuery(
        db_,
        QStringLiteral("UPDATE runs SET tokens = ?, experts = ?, precisions = ?, speed = ? WHERE id = ?"),
        {digest.tokens, joinedExperts(digest.experts), joinedPrecisions(digest.precisions), digest.speed,
         run});
}

// ---- From version 2 ----

void RunTable::move(const Row& row) {
    RunRecord record;
    try {
        record = unpackRun(row.blob);
    } catch (const Error&) {
        return; // left as it is
    }
    TokenLog tokens(record.tokens);
    runQuery(db_, QStringLiteral("DELETE FROM run_tokens WHERE run = ?"), {row.id});
    writeTokens(row.id, tokens, 0, tokens.size());
    RunDigest digest;
    digest.take(record.tokens);
    writeDigest(row.id, digest);
    runQuery(db_, QStringLiteral("UPDATE runs SET encoding = ?, record = ?, told = ? WHERE id = ?"),
             {kInChunks, bytesOfSummary(record), digest.tokens, row.id});
}

std::optional<qint64> RunTable::moveSome(qint64 before) {
    constexpr int kMostMs = 20;
    QElapsedTimer timer;
    timer.start();
    std::optional<qint64> last;
    do {
        QSqlQuery next = runQuery(db_,
                                  QStringLiteral("SELECT id, encoding, record FROM runs WHERE encoding < 2"
                                                 " AND id < ? ORDER BY id DESC LIMIT 1"),
                                  {last.value_or(before)});
        if (!nextRow(next))
            break;
        Row row;
        row.id = next.value(0).toLongLong();
        row.blob = {next.value(1).toInt(), next.value(2).toByteArray()};
        next.finish();
        move(row);
        last = row.id;
    } while (timer.elapsed() < kMostMs);
    return last;
}

void recountTokens(QSqlDatabase& db) {
    execute(db, QStringLiteral("DELETE FROM run_tokens WHERE run NOT IN (SELECT id FROM runs)"));
    // Up to the first chunk that none follows.
    execute(db, QStringLiteral("UPDATE runs SET tokens = CASE WHEN EXISTS (SELECT 1 FROM run_tokens t WHERE"
                               " t.run = runs.id AND t.kind = 0 AND t.first = 0) THEN"
                               " (SELECT min(t.first + t.count) FROM run_tokens t WHERE t.run = runs.id AND"
                               " t.kind = 0 AND NOT EXISTS (SELECT 1 FROM run_tokens n WHERE n.run = t.run"
                               " AND n.kind = 0 AND n.first = t.first + t.count)) ELSE 0 END"
                               " WHERE encoding = 2"));
}

} // namespace switchyard
