// The tables `runs` and `run_tokens`: a row of summary for every answer, and its tokens in chunks that are
// only ever added to. Used on the store's thread only; everything throws SqlError where SQLite refuses.
#pragma once

#include "app/services/conversation.h"

#include <QHash>
#include <QSqlDatabase>
#include <QSqlQuery>

#include <optional>

namespace switchyard {

class TokenLog;
struct TokenChunk;

using MessageById = QHash<MessageId, Message*>;

class RunTable {
  public:
    explicit RunTable(const QSqlDatabase& db) : db_(db) {}

    /// Everything of the runs of a chat's answers but their tokens; a record that cannot be read is left out.
    void readSummaries(ConversationId conversation, const MessageById& messages);
    /// With its tokens; those behind a lost chunk are left out. Nothing where there is no readable record.
    std::optional<RunRecord> read(MessageId message);
    /// How many of its tokens the stored parts of a message say.
    int toldByParts(MessageId message);

    /// The summary, and the tokens: with `tokens` those up to message.digest.tokens that are not there yet;
    /// without, all of message.run, or where that has none, those that are there stay.
    void write(const Message& message, TokenLog* tokens);
    void setToldByParts(MessageId message, int tokens);
    /// Of a message that is new here: its run with the tokens that message.digest speaks of.
    void add(const Message& message, const std::vector<TokenChunk>& tokens);

    /// Moves records in the form of version 2, one JSON text each, into chunks: those of the rows before
    /// `before`, the latest first, as many as fit into some milliseconds. Returns the number of the row it
    /// came to; nothing: none is left.
    std::optional<qint64> moveSome(qint64 before);

  private:
    struct Row;
    static Row rowOf(const QSqlQuery& query);
    std::optional<Row> row(MessageId message);
    RunRecord readWhole(const Row& row);
    void insertSummary(const Message& message);
    void writeTokens(qint64 run, TokenLog& tokens, int from, int end);
    void writeChunk(qint64 run, const TokenChunk& chunk);
    void writeDigest(qint64 run, const RunDigest& digest);
    void move(const Row& row);

    QSqlDatabase db_;
};

/// After rows were lost: chunks without a run are deleted, and the runs count the tokens that are there.
void recountTokens(QSqlDatabase& db);

} // namespace switchyard
