// The store's own thread: a queue of jobs, each batch one transaction on the only writing connection. What
// the file does not take now is done in memory, kept, and tried again until it does.
#pragma once

#include "app/services/chat_file.h"
#include "app/services/conversation_database.h"
#include "app/services/sql_error.h"

#include <QTimer>

#include <atomic>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace switchyard {

class ConversationStore::Worker : public QObject {
  public:
    /// What a job leaves to be done on the caller's thread once its transaction is written.
    using After = std::function<void()>;

    struct Job {
        std::function<After(ConversationDatabase&)> work;
        bool writes = false;
        qint64 replaces = 0; ///< a later write with the same number makes this one superfluous
        Answerable answerable = {};
        About about = {};   ///< of writes
        quint64 serial = 0; ///< given by post()
    };

    Worker(ConversationStore& store, const QString& folder) : store_(store), file_(folder) {}

    void post(Job job); ///< from any thread
    /// Begins with what was posted; until then nothing is run.
    void begin();
    /// Runs what is queued, waits a while for a held file, then ends the thread.
    void finish();
    /// The same on the calling thread, where begin() never came.
    void finishHere();
    /// From any thread: how many changes are not on the disk.
    int unsaved() const { return unsaved_; }
    /// From any thread: finish() shall not wait for a held file.
    void abandon() { abandoned_ = true; }

    /// Before begin(): tells the reader which file can be read.
    void readBy(Reader& reader) { reader_ = &reader; }
    /// From any thread: what is to be written of a chat and is not yet, in order. A part of it may just be
    /// written.
    std::vector<std::function<After(ConversationDatabase&)>> pendingOf(ConversationId chat) const;
    bool isPending(const QList<MessageId>& messages) const;
    /// From any thread: nothing found means that there is nothing, as the index of the present file is whole.
    bool isIndexSound() const { return index_sound_; }
    void setIndexSound() { index_sound_ = true; }

  private:
    using Jobs = std::deque<Job>;
    static constexpr int kRetryOther = 5000; ///< ms; of a full or broken disk
    static constexpr qint64 kNoneMoved = std::numeric_limits<qint64>::max();

    void wake();
    void end();
    void openFirst();
    bool openFile();
    void lend();
    void closeDisk();
    void flush();
    void runBatch(Jobs& batch, std::vector<After>& after);
    /// On the disk. True where all was written; else what is left in the batch must wait: see trouble_.
    bool write(Jobs& batch, std::vector<After>& after);
    /// One transaction over all jobs. Throws SqlError, with nothing changed.
    static std::vector<After> transact(ConversationDatabase& database, Jobs& batch);
    bool writeSingly(Jobs& batch, std::vector<After>& after);
    bool mend(const SqlError& error);
    void watch();
    void moveOldRuns();
    void followMovedFile();
    void countStranded();
    void runInMemory(Jobs& batch, std::vector<After>& after);
    void toMemory(const QString& sentence);
    QString sentenceFor(const SqlError& error) const;
    bool doInMemory(Job& job, std::vector<After>& after);
    void remember(Job job, bool done);
    void retry();
    void leaveMemory();
    void waitForHeldFile();
    void written(const Jobs& jobs);
    void dropReplaced(Jobs& jobs, qint64 number);
    void count(int change);
    void report(const QString& sentence, bool saving, bool stays = false);
    void reportNotice();
    void announce();
    void deliver(std::vector<After> after);

    ConversationStore& store_;
    mutable std::mutex mutex_;
    Jobs queue_;                     ///< guarded
    bool woken_ = true;              ///< guarded; true also before begin()
    quint64 serial_ = 0;             ///< guarded; of the last job
    std::map<quint64, Job> pending_; ///< guarded; by their serial
    Reader* reader_ = nullptr;
    std::atomic<bool> index_sound_ = false;
    std::atomic<int> unsaved_ = 0;
    std::atomic<bool> abandoned_ = false;

    ChatFile file_;
    std::optional<ConversationDatabase> disk_, memory_;
    bool opened_ = false;
    bool marked_ = false; ///< answers of an earlier process are marked as interrupted
    bool away_ = false;   ///< the file is not written now: chats are kept in memory and in unwritten_
    bool held_ = false;   ///< in memory because another connection holds the file
    std::optional<SqlError> trouble_;
    bool stranded_ = false; ///< chats of before are in memory only, and counted as one change
    /// Tried again on the disk, in order: what was done in memory, and questions only the file can answer.
    Jobs unwritten_;
    std::unique_ptr<QTimer> retry_timer_, watch_timer_, move_timer_;
    qint64 moved_ = kNoneMoved; ///< the row of `runs` that was moved to chunks last, or passed over
};

} // namespace switchyard
