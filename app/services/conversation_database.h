// What the store does with its SQLite connection. Used on the store's thread only; everything throws
// SqlError where SQLite refuses.
#pragma once

#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"

#include <QSqlDatabase>

namespace switchyard {

inline constexpr int kDaysDeletedIsKept = 30;

class ConversationDatabase {
  public:
    /// `db` is open and of kSchemaVersion.
    explicit ConversationDatabase(QSqlDatabase db) : db_(std::move(db)) {}

    QList<ConversationSummary> list();
    Conversation open(ConversationId id);
    QList<SearchHit> search(const QString& text);

    void create(ConversationId id, const QString& title, const Tuning& tuning);
    void rename(ConversationId id, const QString& title);
    void setRemoved(ConversationId id, bool removed);
    /// Deletes for good what was removed before then; without a time all of it.
    void purge(const QDateTime& before = {});
    /// At a start: deletes for good what was removed more than kDaysDeletedIsKept days ago.
    void purgeOld();
    void saveTuning(ConversationId id, const Tuning& tuning);
    void saveDraft(ConversationId id, const Draft& draft);
    Draft draft(ConversationId id);
    void append(const Message& message);
    void update(const Message& message);
    void setMessageRemoved(MessageId id, bool removed);
    void select(MessageId id);

    /// Answers that were growing when the program ended are marked as interrupted.
    void markInterrupted();
    qint64 largestId();
    bool has(ConversationId id);

    QSqlDatabase& handle() { return db_; }

  private:
    QSqlQuery run(const QString& statement, const QVariantList& values);
    QHash<MessageId, Message> messagesOf(ConversationId id, QHash<MessageId, MessageId>& shown);
    QList<SearchHit> titleHits(const QString& expression);
    QList<SearchHit> messageHits(const QString& expression, const QString& typed);
    bool questionSays(ConversationId id, const QString& title, const QString& expression);
    void readParts(ConversationId id, QHash<MessageId, Message>& messages);
    void readRun(Message& message);
    void writeParts(const Message& message);
    void writeRun(const Message& message);
    void checkIndex();
    void index(qint64 row, const QString& text);
    void indexMessage(MessageId id);
    void touch(ConversationId id);
    void stamp(qint64 row, Touched field);
    ConversationId conversationOf(MessageId id);

    QSqlDatabase db_;
    bool index_checked_ = false;
};

} // namespace switchyard
