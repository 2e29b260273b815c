#include "app/services/conversation_store_worker.h"

#include "app/services/sql_error.h"

#include <QSqlQuery>

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kRetryMs = 10000;

void rollBack(ConversationDatabase& database) {
    QSqlQuery(database.handle()).exec(QStringLiteral("ROLLBACK"));
}

} // namespace

void ConversationStore::Worker::post(Job job) {
    const std::lock_guard lock(mutex_);
    if (job.replaces != 0)
        std::erase_if(queue_, [&](const Job& queued) { return queued.replaces == job.replaces; });
    queue_.push_back(std::move(job));
    if (woken_)
        return;
    woken_ = true;
    QMetaObject::invokeMethod(
        this, [this] { flush(); }, Qt::QueuedConnection);
}

void ConversationStore::Worker::finish() {
    QMetaObject::invokeMethod(
        this,
        [this] {
            flush();
            if (!unwritten_.empty())
                retry();
            retry_timer_.reset();
            disk_.reset();
            memory_.reset();
            thread()->quit();
        },
        Qt::QueuedConnection);
}

void ConversationStore::Worker::open() {
    opened_ = true;
    const ChatFile::Use use = file_.open();
    if (use == ChatFile::Use::Write || use == ChatFile::Use::ReadUntilFree)
        disk_.emplace(file_.database());
    if (use != ChatFile::Use::Write) {
        toMemory(file_.problem());
    } else {
        try {
            disk_->markInterrupted();
            disk_->purge();
        } catch (const SqlError& error) {
            toMemory(ConversationStore::tr(
                         "Chats cannot be saved now (%1): they are kept in memory until they can.")
                         .arg(QString::fromUtf8(error.what())));
        }
    }
    std::vector<After> after;
    ConversationDatabase* database = memory_ ? &*memory_ : disk_ ? &*disk_ : nullptr;
    const qint64 largest = database ? database->largestId() : 0;
    after.push_back([this, largest] {
        ConversationStore::reserveIds(largest);
        Q_EMIT store_.ready();
    });
    deliver(std::move(after));
}

void ConversationStore::Worker::flush() {
    if (!opened_)
        open();
    std::deque<Job> batch;
    {
        const std::lock_guard lock(mutex_);
        batch.swap(queue_);
        woken_ = false;
    }
    if (batch.empty())
        return;
    const bool writes = std::ranges::any_of(batch, &Job::writes);
    if (writes && !unwritten_.empty() && last_try_.elapsed() > kRetryMs)
        retry();
    std::vector<After> after;
    runBatch(batch, after);
    deliver(std::move(after));
}

void ConversationStore::Worker::runBatch(std::deque<Job>& batch, std::vector<After>& after) {
    if (!memory_) {
        try {
            after = transact(*disk_, batch);
            return;
        } catch (const SqlError& error) {
            if (!error.cannotWrite())
                return runSingly(batch, after);
            const QString cause = QString::fromUtf8(error.what());
            toMemory(error.full()
                         ? ConversationStore::tr(
                               "The disk is full: chats are kept in memory until there is room. Make "
                               "room and they are saved by themselves.")
                         : ConversationStore::tr(
                               "Chats cannot be saved now (%1): they are kept in memory until they can.")
                               .arg(cause));
        }
    }
    for (const Job& job : batch)
        remember(job);
    try {
        after = transact(*memory_, batch);
    } catch (const SqlError&) {
        runSingly(batch, after);
    }
}

std::vector<ConversationStore::Worker::After>
ConversationStore::Worker::transact(ConversationDatabase& database, std::deque<Job>& batch) {
    std::vector<After> after;
    QSqlQuery begin(database.handle());
    check(begin.exec(QStringLiteral("BEGIN")), begin);
    try {
        for (Job& job : batch)
            after.push_back(job.work(database));
        QSqlQuery commit(database.handle());
        check(commit.exec(QStringLiteral("COMMIT")), commit);
    } catch (...) {
        rollBack(database);
        throw;
    }
    return after;
}

void ConversationStore::Worker::runSingly(std::deque<Job>& batch, std::vector<After>& after) {
    ConversationDatabase& database = memory_ ? *memory_ : *disk_;
    for (Job& job : batch) {
        std::deque<Job> one;
        one.push_back(job);
        try {
            for (After& done : transact(database, one))
                after.push_back(std::move(done));
        } catch (const SqlError& error) {
            report(ConversationStore::tr("A change to a chat could not be stored (%1).")
                       .arg(QString::fromUtf8(error.what())),
                   !memory_);
        }
    }
}

void ConversationStore::Worker::toMemory(const QString& sentence) {
    try {
        memory_.emplace(file_.memory());
        memory_->markInterrupted();
    } catch (const SqlError& error) {
        report(ConversationStore::tr("Chats can be kept neither on the disk nor in memory (%1).")
                   .arg(QString::fromUtf8(error.what())),
               false);
        return;
    }
    last_try_.start();
    if (disk_) {
        retry_timer_ = std::make_unique<QTimer>();
        QObject::connect(retry_timer_.get(), &QTimer::timeout, this, [this] {
            if (!unwritten_.empty())
                retry();
        });
        retry_timer_->start(kRetryMs);
    }
    report(sentence, false);
}

void ConversationStore::Worker::remember(const Job& job) {
    if (!disk_ || !job.writes)
        return;
    if (job.replaces != 0)
        std::erase_if(unwritten_, [&](const Job& old) { return old.replaces == job.replaces; });
    unwritten_.push_back(job);
}

void ConversationStore::Worker::retry() {
    last_try_.start();
    try {
        transact(*disk_, unwritten_);
    } catch (const SqlError&) {
        return; // still no room
    }
    unwritten_.clear();
    memory_.reset();
    file_.closeMemory();
    retry_timer_.reset();
    report(ConversationStore::tr("Chats are saved again."), true);
}

void ConversationStore::Worker::report(const QString& sentence, bool saving) {
    QMetaObject::invokeMethod(
        &store_, [store = &store_, sentence, saving] { Q_EMIT store->problem(sentence, saving); },
        Qt::QueuedConnection);
}

void ConversationStore::Worker::deliver(std::vector<After> after) {
    std::erase_if(after, [](const After& done) { return !done; });
    if (after.empty())
        return;
    QMetaObject::invokeMethod(
        &store_,
        [after = std::move(after)] {
            for (const After& done : after)
                done();
        },
        Qt::QueuedConnection);
}

} // namespace switchyard
