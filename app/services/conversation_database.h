// What the store does with its SQLite connection. Used on the store's thread only; everything throws
// SqlError where SQLite refuses.
#pragma once

#include "app/services/conversation_schema.h"
#include "app/services/conversation_store.h"
#include "app/services/run_table.h"

#include <QSqlDatabase>

#include <vector>

namespace switchyard {

struct ChatBatch;
struct WholeChat;

class ConversationDatabase {
  public:
    /// `db` is open and of kSchemaVersion.
    explicit ConversationDatabase(QSqlDatabase db) : db_(std::move(db)), runs_(db_) {}

    QList<ConversationSummary> list();
    /// Chats that were deleted and can be restored, the latest first; `removed` says when.
    QList<ConversationSummary> listRemoved();
    Conversation open(ConversationId id);
    QList<SearchHit> search(const QString& text);
    /// The same where nothing found may not come from a broken index: that throws SqlError (damaged).
    QList<SearchHit> searchSurely(const QString& text);
    bool isIndexChecked() const { return index_checked_; } ///< by searchSurely(), and it was sound
    QList<ChatFolder> folders();
    /// The chats after this one in the order of their ids, at most so many.
    QList<ConversationId> chatsAfter(ConversationId id, int most);

    void create(ConversationId id, const QString& title, const Tuning& tuning);
    /// A chat that has a title of its user's or of a model's keeps it where a model would rename it.
    void rename(ConversationId id, const QString& title, TitleBy by);
    /// A chat as it is stored, with all branches and records, as chat `to`; its messages have the ids from
    /// `first` on. What still streams has ended there. Nothing where there is no such chat.
    void duplicate(ConversationId from, ConversationId to, MessageId first, const QString& title);
    void moveToFolder(ConversationId id, FolderId folder);
    void setPinned(ConversationId id, bool pinned);
    void createFolder(FolderId id, const QString& name);
    void renameFolder(FolderId id, const QString& name);
    void removeFolder(FolderId id);
    void orderFolders(const QList<FolderId>& order);
    void restoreFolder(FolderId id, const QString& name, qsizetype position,
                       const QList<ConversationId>& chats);
    void setRemoved(ConversationId id, bool removed);
    /// Deletes for good what was removed before then; without a time all of it.
    void purge(const QDateTime& before = {});
    /// Deletes for good those of these chats that were removed; emptyLog() is to follow.
    void purge(const QList<ConversationId>& ids);
    void purgeAll(); ///< the same, of all that was removed
    /// What was purged is in the write-ahead log no more. PRECOND: no transaction.
    void emptyLog();
    /// At a start: deletes for good what was removed more than kDaysDeletedIsKept days ago.
    void purgeOld();
    void saveTuning(ConversationId id, const Tuning& tuning);
    void saveSystemPrompt(ConversationId id, const QString& text);
    void saveModel(ConversationId id, const ChatModel& model);
    void saveDraft(ConversationId id, const Draft& draft);
    Draft draft(ConversationId id);
    void append(const Message& message);
    /// With `tokens`: those that are not stored yet up to message.digest.tokens, and while the message
    /// streams its parts stay what they were. Without: the message as it is (RunTable::write).
    void update(const Message& message, TokenLog* tokens = nullptr);
    /// Those that are neither here themselves nor were added before; their ids.
    QList<ConversationId> addChats(const ChatBatch& batch);
    void setMessageRemoved(MessageId id, bool removed);
    void select(MessageId id);

    /// Answers that were growing when the program ended are marked as interrupted.
    void markInterrupted();
    qint64 largestId();
    bool has(ConversationId id);
    bool hasMessage(MessageId id);
    /// The whole records of these messages; one that has none is left out.
    std::map<MessageId, RunRecord> readRuns(const QList<MessageId>& messages);
    std::optional<qint64> moveOldRuns(qint64 before); ///< RunTable::moveSome

    QSqlDatabase& handle() { return db_; }

  private:
    QSqlQuery run(const QString& statement, const QVariantList& values);
    QList<MessageId> removedFrom(ConversationId id);
    QList<Message> messagesOf(ConversationId id, QHash<MessageId, MessageId>& shown);
    QList<SearchHit> titleHits(const QString& expression);
    QList<SearchHit> messageHits(const QString& expression, const QString& typed);
    bool questionSays(ConversationId id, const QString& title, const QString& expression);
    QList<ConversationSummary> summaries(const QString& which);
    void copyMessages(ConversationId to);
    void endStreaming(const QString& which, MessageState state);
    void purgeChat(ConversationId id);
    void readParts(ConversationId id, const MessageById& messages);
    void writeParts(const Message& message);
    void writeRun(const Message& message, TokenLog* tokens, bool told);
    void completeParts(MessageId id);
    void checkIndex();
    void index(qint64 row, const QString& text);
    void indexMessage(MessageId id);
    void touch(ConversationId id);
    void stamp(qint64 row, Touched field);
    ConversationId conversationOf(MessageId id);
    bool isNew(const WholeChat& chat);
    QList<FolderId> takeFolders(const QList<ChatFolder>& wanted, const std::vector<bool>& used);
    void addChat(const WholeChat& chat, FolderId folder);

    void sweep();

    QSqlDatabase db_;
    bool sweep_log_ = false; ///< something was purged since the log was emptied
    RunTable runs_;
    bool index_checked_ = false;
};

} // namespace switchyard
