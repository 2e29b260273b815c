// Every chat, in SQLite. All that is written is written on the store's own thread; chats are opened and
// searched on a second one, from a read-only connection, so that nothing that is written holds that up.
// Answers come back on the caller's thread, and not any more once their context object is gone. Nothing here
// blocks the window.
#pragma once

#include "app/services/conversation.h"

#include <QObject>
#include <QPointer>
#include <QThread>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace switchyard {

class ConversationDatabase;
class TokenLog;
struct ChatBatch;

struct SearchHit {
    ConversationId conversation = 0;
    MessageId message = 0; ///< 0: the title matched
    QString title;
    QString line; ///< of the message
};

class ConversationStore : public QObject {
    Q_OBJECT
  public:
    /// Opens `folder`/chats.sqlite, creating or migrating it (a backup is made first). What goes wrong comes
    /// by problem(). A file that is held by another program, full, read-only or gone is tried again: until
    /// then chats are kept in memory. One from the future is left untouched. Beside a damaged one a fresh
    /// file is begun with what can be read (ChatFile).
    explicit ConversationStore(const QString& folder, QObject* parent = nullptr);
    /// Writes what is queued; a file that another program holds is waited for, at most 5 s.
    ~ConversationStore() override;

    template <typename T>
    using Answer = std::function<void(T)>;

    /// An id for a chat or message of the caller's own, so that it can be shown before it is stored. Unique
    /// in this data folder, increasing.
    static qint64 newId();
    /// The first of so many that follow one another.
    static qint64 newIds(qint64 count);
    static constexpr int kLongestSearchWait = 300; ///< ms

    /// Newest change first.
    void list(QObject* context, Answer<QList<ConversationSummary>> answer);
    /// As it is with all that was written before, whether that is on the disk or waits for it.
    void open(ConversationId id, QObject* context, Answer<Conversation> answer);
    /// `id` is from newId().
    void create(ConversationId id, const QString& title, const Tuning& tuning);
    /// A model renames only what has the gist of its question as its title.
    void rename(ConversationId id, const QString& title, TitleBy by = TitleBy::User);
    /// A chat as it is stored then, with all its branches and records, under an id from newId(); `done` once
    /// it is there. An answer that streams is copied as far as it is, and stopped there.
    void duplicate(ConversationId from, ConversationId to, const QString& title, QObject* context,
                   std::function<void()> done);
    /// Into this folder, or with 0 out of the one that it is in.
    void moveToFolder(ConversationId id, FolderId folder);
    void setPinned(ConversationId id, bool pinned);
    void remove(ConversationId id);               ///< kept for undo: 30 days, or until purge()
    void restore(ConversationId id);              ///< undo
    void purge();                                 ///< what was removed is deleted for good, all of it
    void purge(const QList<ConversationId>& ids); ///< the same, of these chats
    /// What remove() took and is still there, the latest first.
    void listRemoved(QObject* context, Answer<QList<ConversationSummary>> answer);
    /// In their order.
    void listFolders(QObject* context, Answer<QList<ChatFolder>> answer);
    /// `id` is from newId(), or that of one that was removed: then it is there again, empty. Comes last.
    void createFolder(FolderId id, const QString& name);
    void renameFolder(FolderId id, const QString& name);
    void removeFolder(FolderId id); ///< its chats stay, in none
    /// One that was removed, at its place and with those of these chats that are in no folder now.
    void restoreFolder(FolderId id, const QString& name, qsizetype position,
                       const QList<ConversationId>& chats);
    /// Those that are not named keep their order behind these.
    void orderFolders(const QList<FolderId>& order);
    void saveTuning(ConversationId id, const Tuning& tuning);
    void saveSystemPrompt(ConversationId id, const QString& text);
    void saveModel(ConversationId id, const ChatModel& model); ///< that answers in it
    /// Conversation 0: of the chat that is not begun yet; open(0) has it.
    void saveDraft(ConversationId id, const Draft& draft);
    /// Once, for the draft that an earlier session left in the chat that is not begun yet. Until the answer
    /// came what saveDraft(0) is given is stored behind that draft.
    void takeEarlierDraft(QObject* context, Answer<Draft> answer);
    /// Adds a file to what the chat's draft has.
    void addDraftFile(ConversationId id, const MessagePart& file);
    /// What was written before is found, unless it is not written kLongestSearchWait later.
    void search(const QString& text, QObject* context, Answer<QList<SearchHit>> answer);

    /// Adds a message under message.parent; it becomes the shown branch. message.id is from newId().
    void append(const Message& message);
    /// Replaces text, state and run of an answer while it streams and at its end: one transaction.
    void update(const Message& message);
    /// The same while its run goes on: `message` is without its tokens, `tokens` has them,
    /// message.digest.tokens of them or more. Costs in proportion to the tokens that are not stored yet.
    void updateRun(const Message& message, std::shared_ptr<TokenLog> tokens);
    using Runs = std::shared_ptr<std::map<MessageId, RunRecord>>;
    /// The whole records of these answers; one that has none is left out.
    void readRuns(const QList<MessageId>& messages, QObject* context, Answer<Runs> answer);
    struct ExportPage {
        QList<Conversation> chats; ///< whole, but for the tokens of their runs
        QList<ChatFolder> folders; ///< of the first page: all
        bool last = false;
        bool broken = false; ///< the chats cannot be read to their end: to be begun anew, perhaps later
    };
    /// Adds whole chats, in one transaction; the answer are those that were not there yet, from this or an
    /// earlier file or as the chat itself.
    void addChats(std::shared_ptr<const ChatBatch> batch, QObject* context,
                  Answer<QList<ConversationId>> answer);
    /// Reads all chats page by page, in the order of their ids: as they are with all that was written before
    /// the first page was asked for, whatever is written meanwhile. One page at a time is in memory. While
    /// the cursor lives what is written takes more room on the disk. The store must outlive the cursor.
    class ExportCursor {
      public:
        explicit ExportCursor(ConversationStore& store);
        ~ExportCursor();
        ExportCursor(const ExportCursor&) = delete;
        ExportCursor& operator=(const ExportCursor&) = delete;
        /// Not before the page before has come; it does not come once the cursor is gone. Behind the last
        /// one: an empty last one.
        void next(QObject* context, Answer<ExportPage> answer);
        /// The whole records of answers of the pages so far, as of the same time; a null pointer where they
        /// cannot be read any more. One that has none is left out.
        void readRuns(const QList<MessageId>& messages, QObject* context, Answer<Runs> answer);

      private:
        ConversationStore& store_;
        quint64 number_; ///< the reader knows it by
        std::shared_ptr<std::atomic<bool>> closed_ = std::make_shared<std::atomic<bool>>(false);
        bool begun_ = false;
    };

    void removeMessage(MessageId id);  ///< and what hangs under it; kept for undo as remove() does
    void restoreMessage(MessageId id); ///< undo
    /// Makes the branch through this message the shown one.
    void select(MessageId id);

    /// How many changes are not on the disk: queued, or kept in memory until the file can be written.
    int unsaved() const;
    /// Blocks until unsaved() is 0, at most that long. False where it is not.
    bool waitSaved(int milliseconds);
    /// What is not on the disk may be lost: the destructor does not wait for a held file.
    void abandonUnsaved();

  Q_SIGNALS:
    /// The chats can be read, or more of them than before.
    void ready();
    void saved(); ///< unsaved() came to 0
    void changed(switchyard::ConversationId id);
    void foldersChanged();
    /// A sentence with cause and way on; `saving` is false while nothing can be written. `stays`: it does not
    /// pass by itself and has to be read, whatever comes after it.
    void problem(const QString& sentence, bool saving, bool stays);

  private:
    class Worker;
    class Reader;
    template <typename T>
    using Question = std::function<T(ConversationDatabase&)>;
    /// Whether a part of the chats is enough to answer. Empty: it is.
    using Answerable = std::function<bool(ConversationDatabase&)>;
    /// Of the writer, behind all that was written before.
    template <typename T>
    void ask(Question<T> question, const QPointer<QObject>& context, Answer<T> answer,
             Answerable answerable = {});
    /// Of the reader, where it can say; else of the writer. `chat`: what is written of it and not on the disk
    /// yet has to be seen; 0: of none.
    template <typename T>
    void read(ConversationId chat, Question<std::optional<T>> question, Question<T> at_writer,
              const QPointer<QObject>& context, Answer<T> answer, Answerable answerable = {});
    /// What a change is about, for a question that comes before it is written. With neither it is about
    /// more than one chat.
    struct About {
        ConversationId chat = 0;
        MessageId message = 0;
    };
    void write(About about, std::function<void(ConversationDatabase&)> work, std::function<void()> then = {},
               qint64 replaces = 0);
    /// changed() follows.
    void writeChat(ConversationId id, std::function<void(ConversationDatabase&)> work);
    void writeFolder(std::function<void(ConversationDatabase&)> work);
    static void reserveIds(qint64 largest);
    void startThread();

    QThread thread_, reading_thread_;
    Worker* worker_;
    std::unique_ptr<Reader> reader_;
    /// What takeEarlierDraft() found, once it did; set on the worker's thread and not changed after. Null:
    /// nothing is asked, or the answer came.
    std::shared_ptr<std::optional<Draft>> earlier_draft_;
    bool told_ = false; ///< that there is no thread
};

} // namespace switchyard
