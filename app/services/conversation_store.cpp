#include "app/services/conversation_store.h"

#include "app/services/conversation_store_worker.h"
#include "app/services/token_log.h"

#include <QDeadlineTimer>

#include <QTimer>

#include <algorithm>
#include <atomic>
#include <utility>

namespace switchyard {

namespace {

std::atomic<qint64> last_id{0};

} // namespace

qint64 ConversationStore::newId() {
    // Milliseconds with 12 bits below them: increasing, and exact in a double until the year 2039.
    const qint64 wanted = QDateTime::currentMSecsSinceEpoch() << 12;
    qint64 last = last_id.load();
    while (!last_id.compare_exchange_weak(last, std::max(wanted, last + 1))) {
    }
    return std::max(wanted, last + 1);
}

void ConversationStore::reserveIds(qint64 largest) {
    qint64 last = last_id.load();
    while (last < largest && !last_id.compare_exchange_weak(last, largest)) {
    }
}

ConversationStore::ConversationStore(const QString& folder, QObject* parent)
    : QObject(parent), worker_(new Worker(*this, folder)) {
    thread_.setObjectName(QStringLiteral("store"));
    connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
    worker_->post({[](ConversationDatabase&) -> Worker::After { return {}; }, false, 0, {}});
    startThread();
}

/// The system may give no thread now. Until it does, jobs are kept.
void ConversationStore::startThread() {
    thread_.start();
    if (thread_.isRunning()) {
        worker_->moveToThread(&thread_);
        worker_->begin();
        if (std::exchange(told_, false))
            Q_EMIT problem(tr("Chats are saved again."), true, false);
        return;
    }
    constexpr int kPause = 1000; // ms
    QTimer::singleShot(kPause, this, &ConversationStore::startThread);
    if (std::exchange(told_, true))
        return;
    const auto tell = [this] {
        Q_EMIT problem(
            tr("The system gives this program no further thread: chats are neither shown nor saved "
               "until it does. Close other programs."),
            false, false);
    };
    QMetaObject::invokeMethod(this, tell, Qt::QueuedConnection); // nobody listens yet
}

ConversationStore::~ConversationStore() {
    if (thread_.isRunning()) {
        worker_->finish();
        thread_.wait();
    } else {
        worker_->finishHere(); // better late than lost
        delete worker_;
    }
}

int ConversationStore::unsaved() const { return worker_->unsaved(); }
bool ConversationStore::waitSaved(int milliseconds) {
    const QDeadlineTimer deadline(milliseconds);
    while (unsaved() > 0 && !deadline.hasExpired())
        QThread::msleep(5);
    return unsaved() == 0;
}

void ConversationStore::abandonUnsaved() { worker_->abandon(); }

template <typename T>
void ConversationStore::ask(std::function<T(ConversationDatabase&)> question, Answer<T> answer,
                            std::function<bool(ConversationDatabase&)> answerable) {
    worker_->post({[question = std::move(question), answer = std::move(answer)](ConversationDatabase& db) {
                       return [answer, found = question(db)] { answer(found); };
                   },
                   false, 0, std::move(answerable)});
}

void ConversationStore::write(std::function<void(ConversationDatabase&)> work, ConversationId change,
                              qint64 replaces, std::function<void()> then) {
    worker_->post({[this, work = std::move(work), change, then = std::move(then)](ConversationDatabase& db) {
                       work(db);
                       return [this, change, then] {
                           if (then)
                               then();
                           if (change != 0)
                               Q_EMIT changed(change);
                       };
                   },
                   true, replaces});
}

void ConversationStore::list(Answer<QList<ConversationSummary>> answer) {
    ask<QList<ConversationSummary>>([](ConversationDatabase& db) { return db.list(); }, std::move(answer));
}

void ConversationStore::open(ConversationId id, Answer<Conversation> answer) {
    // With a part of the chats at hand, one that is not among them may be in the file.
    ask<Conversation>([id](ConversationDatabase& db) { return db.open(id); }, std::move(answer),
                      [id](ConversationDatabase& db) { return db.has(id); });
}

void ConversationStore::search(const QString& text, Answer<QList<SearchHit>> answer) {
    ask<QList<SearchHit>>([text](ConversationDatabase& db) { return db.search(text); }, std::move(answer));
}

void ConversationStore::create(const QString& title, const Tuning& tuning, Answer<ConversationId> answer) {
    const ConversationId id = newId();
    write([=](ConversationDatabase& db) { db.create(id, title, tuning); }, id, 0,
          [answer = std::move(answer), id] { answer(id); });
}

void ConversationStore::create(ConversationId id, const QString& title, const Tuning& tuning) {
    write([=](ConversationDatabase& db) { db.create(id, title, tuning); }, id);
}

void ConversationStore::rename(ConversationId id, const QString& title) {
    write([=](ConversationDatabase& db) { db.rename(id, title); }, id);
}

void ConversationStore::moveToFolder(ConversationId id, FolderId folder) {
    write([=](ConversationDatabase& db) { db.moveToFolder(id, folder); }, id);
}

void ConversationStore::setPinned(ConversationId id, bool pinned) {
    write([=](ConversationDatabase& db) { db.setPinned(id, pinned); }, id);
}

void ConversationStore::listFolders(Answer<QList<ChatFolder>> answer) {
    ask<QList<ChatFolder>>([](ConversationDatabase& db) { return db.folders(); }, std::move(answer));
}

void ConversationStore::writeFolder(std::function<void(ConversationDatabase&)> work) {
    write(std::move(work), 0, 0, [this] { Q_EMIT foldersChanged(); });
}

void ConversationStore::createFolder(FolderId id, const QString& name) {
    writeFolder([=](ConversationDatabase& db) { db.createFolder(id, name); });
}

void ConversationStore::renameFolder(FolderId id, const QString& name) {
    writeFolder([=](ConversationDatabase& db) { db.renameFolder(id, name); });
}

void ConversationStore::removeFolder(FolderId id) {
    writeFolder([=](ConversationDatabase& db) { db.removeFolder(id); });
}

void ConversationStore::orderFolders(const QList<FolderId>& order) {
    writeFolder([=](ConversationDatabase& db) { db.orderFolders(order); });
}

void ConversationStore::remove(ConversationId id) {
    write([=](ConversationDatabase& db) { db.setRemoved(id, true); }, id);
}

void ConversationStore::restore(ConversationId id) {
    write([=](ConversationDatabase& db) { db.setRemoved(id, false); }, id);
}

void ConversationStore::purge() {
    write([](ConversationDatabase& db) { db.purge(); });
}

void ConversationStore::saveTuning(ConversationId id, const Tuning& tuning) {
    write([=](ConversationDatabase& db) { db.saveTuning(id, tuning); }, 0, -2 * id);
}

void ConversationStore::saveDraft(ConversationId id, const Draft& draft) {
    const auto earlier = id == 0 ? earlier_draft_ : nullptr;
    write(
        [=](ConversationDatabase& db) {
            db.saveDraft(id, earlier && *earlier ? joined(**earlier, draft) : draft);
        },
        0, -2 * id - 1);
}

void ConversationStore::takeEarlierDraft(Answer<Draft> answer) {
    earlier_draft_ = std::make_shared<std::optional<Draft>>();
    const auto take = [this, found = earlier_draft_, answer = std::move(answer)](ConversationDatabase& db) {
        if (!*found)
            *found = db.draft(0);
        return [this, found, answer] {
            earlier_draft_.reset();
            answer(**found);
        };
    };
    // A part of the chats may have what was written since, but not what was there before.
    worker_->post({take, false, 0, [](ConversationDatabase&) { return false; }});
}

void ConversationStore::addDraftFile(ConversationId id, const MessagePart& file) {
    write([=](ConversationDatabase& db) {
        Draft draft = db.draft(id);
        draft.files.append(file);
        db.saveDraft(id, draft);
    });
}

void ConversationStore::append(const Message& message, Answer<MessageId> answer) {
    Message stored = message;
    if (stored.id == 0)
        stored.id = newId();
    std::function<void()> then;
    if (answer)
        then = [answer = std::move(answer), id = stored.id] { answer(id); };
    write([stored](ConversationDatabase& db) { db.append(stored); }, stored.conversation, 0, std::move(then));
}

void ConversationStore::update(const Message& message) {
    const bool growing = message.state == MessageState::Streaming;
    write([message](ConversationDatabase& db) { db.update(message); }, growing ? 0 : message.conversation,
          message.id);
}

void ConversationStore::updateRun(const Message& message, std::shared_ptr<TokenLog> tokens) {
    const bool growing = message.state == MessageState::Streaming;
    // One that leaves the text as it is makes none superfluous that writes it.
    constexpr qint64 kWithoutText = qint64{1} << 62;
    write(
        [message, tokens = std::move(tokens)](ConversationDatabase& db) { db.update(message, tokens.get()); },
        growing ? 0 : message.conversation, growing ? message.id | kWithoutText : message.id);
}

void ConversationStore::readRuns(const QList<MessageId>& messages, Answer<Runs> answer) {
    ask<Runs>(
        [messages](ConversationDatabase& db) {
            auto runs = std::make_shared<std::map<MessageId, RunRecord>>();
            for (const MessageId id : messages) {
                if (std::optional<RunRecord> record = db.readRun(id))
                    runs->emplace(id, std::move(*record));
            }
            return runs;
        },
        std::move(answer),
        [messages](ConversationDatabase& db) {
            return std::ranges::all_of(messages, [&](MessageId id) { return db.hasMessage(id); });
        });
}

void ConversationStore::removeMessage(MessageId id) {
    write([=](ConversationDatabase& db) { db.setMessageRemoved(id, true); });
}

void ConversationStore::restoreMessage(MessageId id) {
    write([=](ConversationDatabase& db) { db.setMessageRemoved(id, false); });
}

void ConversationStore::select(MessageId id) {
    write([=](ConversationDatabase& db) { db.select(id); });
}

} // namespace switchyard

// Here, so that only programs that use the store link it.
#include "moc_conversation_store.cpp"
