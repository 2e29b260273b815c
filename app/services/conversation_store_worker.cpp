#include "app/services/conversation_store_worker.h"

#include "app/services/conversation_store_reader.h"

#include <QDeadlineTimer>
#include <QSqlQuery>

#include <algorithm>

namespace switchyard {

namespace {

// All in ms.
constexpr int kLongestWaitAtEnd = 5000;
constexpr int kWatch = 3000;
constexpr int kMovePause = 20;

} // namespace

// ---- The queue ----

void ConversationStore::Worker::post(Job job) {
    const std::lock_guard lock(mutex_);
    if (job.replaces != 0)
        dropReplaced(queue_, job.replaces);
    job.serial = ++serial_;
    if (job.writes) {
        ++unsaved_;
        pending_.emplace(job.serial, job);
    }
    queue_.push_back(std::move(job));
    if (!woken_)
        wake();
}

/// PRECOND: mutex_ is held.
void ConversationStore::Worker::dropReplaced(Jobs& jobs, qint64 number) {
    count(-static_cast<int>(std::erase_if(jobs, [&](const Job& job) {
        if (job.replaces == number)
            pending_.erase(job.serial);
        return job.replaces == number;
    })));
}

std::vector<std::function<ConversationStore::Worker::After(ConversationDatabase&)>>
ConversationStore::Worker::pendingOf(ConversationId chat) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::function<After(ConversationDatabase&)>> works;
    for (const auto& [serial, job] : pending_) {
        const bool by_message = job.about.chat == 0 && job.about.message != 0; // of whichever chat
        if (job.about.chat == chat || by_message)
            works.push_back(job.work);
    }
    return works;
}

bool ConversationStore::Worker::isPending(const QList<MessageId>& messages) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(pending_,
                               [&](const auto& job) { return messages.contains(job.second.about.message); });
}

/// PRECOND: mutex_ is held.
void ConversationStore::Worker::wake() {
    woken_ = true;
    QMetaObject::invokeMethod(
        this, [this] { flush(); }, Qt::QueuedConnection);
}

void ConversationStore::Worker::begin() {
    const std::lock_guard lock(mutex_);
    wake();
}

void ConversationStore::Worker::finish() {
    QMetaObject::invokeMethod(
        this,
        [this] {
            end();
            thread()->quit();
        },
        Qt::QueuedConnection);
}

void ConversationStore::Worker::finishHere() { end(); }

void ConversationStore::Worker::end() {
    flush();
    watch(); // a file that was taken away since the last change
    if (unsaved_ > 0)
        waitForHeldFile();
    retry_timer_.reset();
    watch_timer_.reset();
    move_timer_.reset();
    closeDisk();
    memory_.reset();
}

void ConversationStore::Worker::waitForHeldFile() {
    const QDeadlineTimer deadline(kLongestWaitAtEnd);
    retry();
    while (unsaved_ > 0 && held_ && !abandoned_ && !deadline.hasExpired()) {
        QThread::msleep(50);
        retry();
    }
}

void ConversationStore::Worker::flush() {
    if (!opened_)
        openFirst();
    Jobs batch;
    {
        const std::lock_guard lock(mutex_);
        batch.swap(queue_);
        woken_ = false;
    }
    if (batch.empty())
        return;
    std::vector<After> after;
    runBatch(batch, after);
    deliver(std::move(after));
}

// ---- The file ----

void ConversationStore::Worker::openFirst() {
    opened_ = true;
    if (!openFile())
        toMemory(trouble_ ? sentenceFor(*trouble_) : file_.problem());
    lend();
    watch_timer_ = std::make_unique<QTimer>();
    QObject::connect(watch_timer_.get(), &QTimer::timeout, this, &Worker::watch);
    watch_timer_->start(kWatch);
    move_timer_ = std::make_unique<QTimer>();
    move_timer_->setSingleShot(true);
    QObject::connect(move_timer_.get(), &QTimer::timeout, this, &Worker::moveOldRuns);
    move_timer_->start(kMovePause);
    announce();
}

/// Records in the form of before: a few a transaction, and what is asked meanwhile comes between.
void ConversationStore::Worker::moveOldRuns() {
    if (away_ || !disk_ || file_.isMoved())
        return move_timer_->start(kRetryOther);
    Jobs some;
    std::optional<qint64> last;
    some.push_back({[this, &last](ConversationDatabase& db) -> After {
                        last = db.moveOldRuns(moved_);
                        return {};
                    },
                    true, 0});
    try {
        transact(*disk_, some);
    } catch (const SqlError& error) {
        if (error.mustWait())
            move_timer_->start(kRetryOther);
        return; // broken: whatever is done with the file next comes upon it, too
    }
    if (!last)
        return;
    moved_ = *last;
    move_timer_->start(kMovePause);
}

/// To the reader, where what it has is all there is.
void ConversationStore::Worker::lend() {
    index_sound_ = false;
    if (disk_ && !away_)
        reader_->use(file_.path());
}

/// Before the file is closed: while another connection is open it is not tidied up.
void ConversationStore::Worker::closeDisk() {
    reader_->release();
    disk_.reset();
}

/// True where the file is open and can be written.
bool ConversationStore::Worker::openFile() {
    closeDisk();
    trouble_.reset();
    const ChatFile::Use use = file_.open();
    countStranded();
    if (use != ChatFile::Use::Write) {
        held_ = file_.isBusy();
        return false;
    }
    disk_.emplace(file_.database());
    moved_ = kNoneMoved; // another file's rows may have been added
    if (move_timer_)
        move_timer_->start(kMovePause);
    reportNotice();
    if (marked_)
        return true;
    Jobs first;
    first.push_back({[](ConversationDatabase& db) -> After {
                         db.markInterrupted();
                         db.purgeOld();
                         return {};
                     },
                     true, 0});
    std::vector<After> after;
    ++unsaved_;
    if (!write(first, after)) {
        --unsaved_;
        disk_.reset();
        return false;
    }
    marked_ = true;
    return true;
}

/// The store can be asked, or has more to tell than before.
void ConversationStore::Worker::announce() {
    ConversationDatabase* database = memory_ ? &*memory_ : disk_ ? &*disk_ : nullptr;
    qint64 largest = 0;
    try {
        largest = database ? database->largestId() : 0;
    } catch (const SqlError&) {
        largest = 0; // ids are times: those of before are smaller
    }
    std::vector<After> after;
    after.push_back([this, largest] {
        ConversationStore::reserveIds(largest);
        Q_EMIT store_.ready();
    });
    deliver(std::move(after));
}

/// Also while nothing is written: what was taken away may be the only copy.
void ConversationStore::Worker::watch() {
    if (!away_ && disk_ && file_.isMoved()) {
        followMovedFile();
        announce();
    }
}

/// Chats whose file is gone, and could not be written elsewhere, are not on the disk.
void ConversationStore::Worker::countStranded() {
    if (const int change = int{file_.isStranded()} - int{stranded_}; change != 0) {
        stranded_ = file_.isStranded();
        count(change);
    }
}

/// Where the open file was deleted or replaced while it was in use: its chats are added to what lies there.
void ConversationStore::Worker::followMovedFile() {
    if (!disk_ || !file_.isMoved())
        return;
    if (!openFile())
        toMemory(trouble_ ? sentenceFor(*trouble_) : file_.problem());
    lend();
}

/// After an error: true where the file was damaged and can be used again.
bool ConversationStore::Worker::mend(const SqlError& error) {
    if (error.mustWait() || !disk_)
        return false;
    bool mended = false;
    try {
        if (!error.damaged())
            return file_.mendSearch();
        closeDisk();
        mended = file_.repair();
    } catch (const SqlError& failure) {
        trouble_.emplace(failure);
    }
    if (file_.database().isOpen())
        disk_.emplace(file_.database());
    lend();
    reportNotice();
    return mended;
}

// ---- Running jobs ----

void ConversationStore::Worker::runBatch(Jobs& batch, std::vector<After>& after) {
    if (!away_)
        followMovedFile();
    if (!away_ && disk_ && write(batch, after))
        return;
    if (!away_)
        toMemory(trouble_ ? sentenceFor(*trouble_) : file_.problem());
    runInMemory(batch, after);
}

bool ConversationStore::Worker::write(Jobs& batch, std::vector<After>& after) {
    trouble_.reset();
    try {
        for (After& done : transact(*disk_, batch))
            after.push_back(std::move(done));
        disk_->emptyLog();
        written(batch);
        batch.clear();
        return true;
    } catch (const SqlError& error) {
        if (!error.mustWait())
            return writeSingly(batch, after);
        trouble_.emplace(error);
        return false;
    }
}

/// PRECOND: called in a handler of an exception.
[[noreturn]] static void throwAsSqlError() {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        constexpr int kNoMemory = 7; // SQLITE_NOMEM: tried again later
        throw SqlError(ConversationStore::tr("there is not enough memory"), kNoMemory);
    }
}

std::vector<ConversationStore::Worker::After>
ConversationStore::Worker::transact(ConversationDatabase& database, Jobs& batch) {
    std::vector<After> after;
    const bool writes = std::ranges::any_of(batch, &Job::writes);
    QSqlQuery begin(database.handle());
    check(begin.exec(writes ? QStringLiteral("BEGIN IMMEDIATE") : QStringLiteral("BEGIN")), begin);
    try {
        for (Job& job : batch)
            after.push_back(job.work(database));
        QSqlQuery commit(database.handle());
        check(commit.exec(QStringLiteral("COMMIT")), commit);
    } catch (...) {
        QSqlQuery(database.handle()).exec(QStringLiteral("ROLLBACK"));
        throwAsSqlError();
    }
    return after;
}

/// Each job by itself: one that cannot be done is reported and does not hold up those after it.
bool ConversationStore::Worker::writeSingly(Jobs& batch, std::vector<After>& after) {
    int mended = 0;
    while (!batch.empty()) {
        Jobs one = {batch.front()};
        try {
            for (After& done : transact(*disk_, one))
                after.push_back(std::move(done));
            disk_->emptyLog();
        } catch (const SqlError& error) {
            if (mended < 2 && mend(error)) {
                ++mended; // first the search index was made anew, then a fresh file begun
                continue;
            }
            if (trouble_ || error.mustWait() || error.broken() || !disk_) {
                if (!trouble_)
                    trouble_.emplace(error);
                return false;
            }
            report(ConversationStore::tr("A change to a chat could not be stored (%1).")
                       .arg(QString::fromUtf8(error.what())),
                   true, true);
        }
        written(one);
        batch.pop_front();
    }
    return true;
}

// ---- What the caller's thread hears ----

void ConversationStore::Worker::written(const Jobs& jobs) {
    {
        const std::lock_guard lock(mutex_);
        for (const Job& job : jobs)
            pending_.erase(job.serial);
    }
    count(-static_cast<int>(std::ranges::count_if(jobs, &Job::writes)));
}

void ConversationStore::Worker::count(int change) {
    if (change == 0)
        return;
    const int left = unsaved_ += change;
    if (left == 0)
        QMetaObject::invokeMethod(
            &store_, [store = &store_] { Q_EMIT store->saved(); }, Qt::QueuedConnection);
}

void ConversationStore::Worker::report(const QString& sentence, bool saving, bool stays) {
    QMetaObject::invokeMethod(
        &store_,
        [store = &store_, sentence, saving, stays] { Q_EMIT store->problem(sentence, saving, stays); },
        Qt::QueuedConnection);
}

void ConversationStore::Worker::reportNotice() {
    if (const QString notice = file_.takeNotice(); !notice.isEmpty())
        report(notice, true, true);
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
