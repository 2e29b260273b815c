// The store's thread while the file cannot be written: what is to be done is done in memory, kept, and tried
// again until the file takes it.
#include "app/services/conversation_store_reader.h"
#include "app/services/conversation_store_worker.h"

#include <utility>

namespace switchyard {

namespace {

// A held file is asked for often and shortly. In ms.
constexpr int kRetryHeld = 400;
constexpr int kPatience = 1000, kPatienceInRetry = 50;

} // namespace

void ConversationStore::Worker::runInMemory(Jobs& batch, std::vector<After>& after) {
    for (Job& job : batch) {
        const bool done = doInMemory(job, after);
        if (job.writes || !done)
            remember(std::move(job), done);
    }
}

/// False where it is left to the file alone.
bool ConversationStore::Worker::doInMemory(Job& job, std::vector<After>& after) {
    if (!memory_)
        return false;
    Jobs one = {job};
    try {
        if (!file_.isWhole() && job.answerable && !job.answerable(*memory_))
            return false;
        for (After& done : transact(*memory_, one))
            after.push_back(std::move(done));
        return true;
    } catch (const SqlError& error) {
        if (job.writes && !file_.isWhole())
            return false; // of a chat that is in the file only
        report(ConversationStore::tr("A change to a chat could not be stored (%1).")
                   .arg(QString::fromUtf8(error.what())),
               false, true);
        return true;
    }
}

QString ConversationStore::Worker::sentenceFor(const SqlError& error) const {
    if (error.busy())
        return ConversationStore::tr("Another program is using %1: what is written is kept in memory and "
                                     "saved by itself as soon as the file is free.")
            .arg(file_.path());
    if (error.full())
        return ConversationStore::tr("The disk is full: chats are kept in memory until there is room. Make "
                                     "room and they are saved by themselves.");
    return ConversationStore::tr("Chats cannot be saved now (%1): they are kept in memory until they can.")
        .arg(QString::fromUtf8(error.what()));
}

void ConversationStore::Worker::toMemory(const QString& sentence) {
    away_ = true;
    reader_->release();
    held_ = trouble_ ? trouble_->busy() : file_.isBusy();
    if (!retry_timer_) {
        retry_timer_ = std::make_unique<QTimer>();
        QObject::connect(retry_timer_.get(), &QTimer::timeout, this, &Worker::retry);
    }
    retry_timer_->start(held_ ? kRetryHeld : kRetryOther);
    try {
        memory_.emplace(file_.memory());
        if (!marked_)
            memory_->markInterrupted();
    } catch (const SqlError& error) {
        report(ConversationStore::tr("Chats can be kept neither on the disk nor in memory (%1).")
                   .arg(QString::fromUtf8(error.what())),
               false);
        return;
    }
    report(sentence, false);
}

void ConversationStore::Worker::remember(Job job, bool done) {
    if (job.replaces != 0) {
        const std::lock_guard lock(mutex_);
        dropReplaced(unwritten_, job.replaces);
    }
    if (done) // what follows from it was said then
        job.work = [work = std::move(job.work)](ConversationDatabase& db) -> After {
            work(db);
            return {};
        };
    unwritten_.push_back(std::move(job));
}

void ConversationStore::Worker::retry() {
    if (!away_)
        return;
    bool saved = (disk_ && !file_.isMoved()) || openFile();
    std::vector<After> after;
    if (saved) {
        file_.setPatience(kPatienceInRetry);
        saved = write(unwritten_, after);
        file_.setPatience(kPatience);
    }
    if (saved)
        leaveMemory();
    deliver(std::move(after));
    if (saved)
        return;
    const bool held = trouble_ ? trouble_->busy() : file_.isBusy();
    if (std::exchange(held_, held) != held)
        retry_timer_->setInterval(held ? kRetryHeld : kRetryOther);
}

void ConversationStore::Worker::leaveMemory() {
    away_ = false;
    memory_.reset();
    file_.closeMemory();
    retry_timer_->stop();
    held_ = false;
    lend();
    report(ConversationStore::tr("Chats are saved again."), true);
    announce();
}

} // namespace switchyard
