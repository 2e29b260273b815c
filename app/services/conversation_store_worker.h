// The store's own thread: a queue of jobs, each batch one transaction on the only writing connection.
#pragma once

#include "app/services/chat_file.h"
#include "app/services/conversation_database.h"

#include <QElapsedTimer>
#include <QTimer>

#include <deque>
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
    };

    Worker(ConversationStore& store, const QString& folder) : store_(store), file_(folder) {}

    void post(Job job); ///< from any thread
    /// Runs what is queued, then ends the thread.
    void finish();

  private:
    void open();
    void flush();
    void runBatch(std::deque<Job>& batch, std::vector<After>& after);
    /// One transaction over all jobs. Throws SqlError, with nothing changed.
    static std::vector<After> transact(ConversationDatabase& database, std::deque<Job>& batch);
    void runSingly(std::deque<Job>& batch, std::vector<After>& after);
    void toMemory(const QString& sentence);
    void remember(const Job& job);
    void retry();
    void report(const QString& sentence, bool saving);
    void deliver(std::vector<After> after);

    ConversationStore& store_;
    std::mutex mutex_;
    std::deque<Job> queue_; ///< guarded
    bool woken_ = false;    ///< guarded

    ChatFile file_;
    std::optional<ConversationDatabase> disk_, memory_;
    bool opened_ = false;
    std::deque<Job> unwritten_; ///< done in memory only; tried again on the disk
    QElapsedTimer last_try_;
    std::unique_ptr<QTimer> retry_timer_;
};

} // namespace switchyard
