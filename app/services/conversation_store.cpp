#include "app/services/conversation_store.h"

#include "app/services/conversation_store_reader.h"
#include "app/services/conversation_store_worker.h"
#include "app/services/token_log.h"

#include <QDeadlineTimer>
#include <QPointer>
#include <QTimer>

#include <algorithm>
#include <utility>

namespace switchyard {

ConversationStore::ConversationStore(const QString& folder, QObject* parent)
    : QObject(parent), worker_(new Worker(*this, folder)),
      reader_(std::make_unique<Reader>(*this, *worker_)) {
    thread_.setObjectName(QStringLiteral("store"));
    reading_thread_.setObjectName(QStringLiteral("store reader"));
    connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
    worker_->readBy(*reader_);
    Worker::Job nothing;
    nothing.work = [](ConversationDatabase&) -> Worker::After { return {}; };
    worker_->post(std::move(nothing));
    startThread();
    reading_thread_.start();
    if (reading_thread_.isRunning()) // else the writer answers
        reader_->begin(reading_thread_);
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
    reader_->finish(); // first: the last connection to close tidies the file up
    reading_thread_.quit();
    reading_thread_.wait();
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

namespace {

/// What is done on the caller's thread with what was found.
template <typename T>
std::function<void()> telling(const QPointer<QObject>& context, const std::function<void(T)>& answer,
                              T found) {
    return [context, answer, found = std::move(found)]() mutable {
        if (context)
            answer(std::move(found));
    };
}

} // namespace

template <typename T>
void ConversationStore::ask(Question<T> question, const QPointer<QObject>& context, Answer<T> answer,
                            Answerable answerable) {
    Worker::Job job;
    job.work = [question = std::move(question), context, answer = std::move(answer)](
                   ConversationDatabase& db) { return telling<T>(context, answer, question(db)); };
    job.answerable = std::move(answerable);
    worker_->post(std::move(job));
}

template <typename T>
void ConversationStore::read(ConversationId chat, Question<std::optional<T>> question, Question<T> at_writer,
                             const QPointer<QObject>& context, Answer<T> answer, Answerable answerable) {
    const auto here = [question = std::move(question), context, answer](ConversationDatabase& db) {
        std::optional<T> found = question(db);
        return found ? telling<T>(context, answer, std::move(*found)) : std::function<void()>();
    };
    const auto there = [this, at_writer = std::move(at_writer), context, answer,
                        answerable = std::move(answerable)] {
        ask<T>(at_writer, context, answer, answerable);
    };
    reader_->ask(chat, here, there);
}

void ConversationStore::write(About about, std::function<void(ConversationDatabase&)> work,
                              std::function<void()> then, qint64 replaces) {
    Worker::Job job;
    job.work = [work = std::move(work), then = std::move(then)](ConversationDatabase& db) {
        work(db);
        return then;
    };
    job.writes = true;
    job.replaces = replaces;
    job.about = about;
    worker_->post(std::move(job));
}

void ConversationStore::writeChat(ConversationId id, std::function<void(ConversationDatabase&)> work) {
    write({id, 0}, std::move(work), [this, id] { Q_EMIT changed(id); });
}

void ConversationStore::writeFolder(std::function<void(ConversationDatabase&)> work) {
    write({}, std::move(work), [this] { Q_EMIT foldersChanged(); });
}

// ---- Questions ----

void ConversationStore::list(QObject* context, Answer<QList<ConversationSummary>> answer) {
    ask<QList<ConversationSummary>>([](ConversationDatabase& db) { return db.list(); }, QPointer(context),
                                    std::move(answer));
}

void ConversationStore::listRemoved(QObject* context, Answer<QList<ConversationSummary>> answer) {
    ask<QList<ConversationSummary>>([](ConversationDatabase& db) { return db.listRemoved(); },
                                    QPointer(context), std::move(answer));
}

void ConversationStore::listFolders(QObject* context, Answer<QList<ChatFolder>> answer) {
    ask<QList<ChatFolder>>([](ConversationDatabase& db) { return db.folders(); }, QPointer(context),
                           std::move(answer));
}

void ConversationStore::open(ConversationId id, QObject* context, Answer<Conversation> answer) {
    const auto question = [id](ConversationDatabase& db) { return db.open(id); };
    // With a part of the chats at hand, one that is not among them may be in the file.
    const auto answerable = [id](ConversationDatabase& db) { return db.has(id); };
    if (id == 0) // its draft may wait for what an earlier session left
        return ask<Conversation>(question, QPointer(context), std::move(answer), answerable);
    read<Conversation>(id, question, question, QPointer(context), std::move(answer), answerable);
}

void ConversationStore::search(const QString& text, QObject* context, Answer<QList<SearchHit>> answer) {
    using Hits = QList<SearchHit>;
    const auto begun = std::make_shared<bool>(false);
    const auto begin = [this, text, begun, guard = QPointer(context), answer = std::move(answer)] {
        if (std::exchange(*begun, true) || !guard)
            return;
        const auto look = [this, text](ConversationDatabase& db) -> std::optional<Hits> {
            Hits hits = db.search(text);
            // Nothing: perhaps by a broken index, which the writer can tell and mend.
            return hits.isEmpty() && !worker_->isIndexSound() ? std::optional<Hits>() : hits;
        };
        const auto at_writer = [this, text](ConversationDatabase& db) {
            Hits hits = db.searchSurely(text);
            if (db.isIndexChecked())
                worker_->setIndexSound();
            return hits;
        };
        read<Hits>(0, look, at_writer, guard, answer);
    };
    if (unsaved() == 0)
        return begin();
    Worker::Job behind;
    behind.work = [begin](ConversationDatabase&) { return begin; };
    worker_->post(std::move(behind));
    QTimer::singleShot(kLongestSearchWait, context, begin);
}

void ConversationStore::readRuns(const QList<MessageId>& messages, QObject* context, Answer<Runs> answer) {
    const auto question = [messages](ConversationDatabase& db) {
        return std::make_shared<std::map<MessageId, RunRecord>>(db.readRuns(messages));
    };
    const auto answerable = [messages](ConversationDatabase& db) {
        return std::ranges::all_of(messages, [&](MessageId id) { return db.hasMessage(id); });
    };
    if (worker_->isPending(messages))
        return ask<Runs>(question, QPointer(context), std::move(answer), answerable);
    read<Runs>(0, question, question, QPointer(context), std::move(answer), answerable);
}

ConversationStore::ExportCursor::ExportCursor(ConversationStore& store) : store_(store) {
    static std::atomic<quint64> last{0};
    number_ = ++last;
}

ConversationStore::ExportCursor::~ExportCursor() {
    *closed_ = true;
    store_.reader_->closeExport(number_);
}

void ConversationStore::ExportCursor::next(QObject* context, Answer<ExportPage> answer) {
    const Answer<ExportPage> tell = [closed = closed_, answer = std::move(answer)](const ExportPage& page) {
        if (!*closed)
            answer(page);
    };
    const auto read = [this_store = &store_, number = number_, closed = closed_, guard = QPointer(context),
                       tell] {
        this_store->reader_->readExport(number, closed, [guard, tell](ExportPage page) {
            return telling<ExportPage>(guard, tell, std::move(page));
        });
    };
    if (std::exchange(begun_, true))
        return read();
    Worker::Job behind; // all that was written before
    behind.work = [read](ConversationDatabase&) { return read; };
    store_.worker_->post(std::move(behind));
}

void ConversationStore::takeEarlierDraft(QObject* context, Answer<Draft> answer) {
    earlier_draft_ = std::make_shared<std::optional<Draft>>();
    Worker::Job job;
    job.work = [this, found = earlier_draft_, context = QPointer(context),
                answer = std::move(answer)](ConversationDatabase& db) {
        if (!*found)
            *found = db.draft(0);
        return [this, found, context, answer] {
            earlier_draft_.reset();
            if (context)
                answer(**found);
        };
    };
    // A part of the chats may have what was written since, but not what was there before.
    job.answerable = [](ConversationDatabase&) { return false; };
    worker_->post(std::move(job));
}

// ---- Chats and folders ----

void ConversationStore::create(ConversationId id, const QString& title, const Tuning& tuning) {
    writeChat(id, [=](ConversationDatabase& db) { db.create(id, title, tuning); });
}

void ConversationStore::rename(ConversationId id, const QString& title, TitleBy by) {
    writeChat(id, [=](ConversationDatabase& db) { db.rename(id, title, by); });
}

void ConversationStore::duplicate(ConversationId from, ConversationId to, const QString& title,
                                  QObject* context, std::function<void()> done) {
    constexpr qint64 kMostMessages = 1 << 20; // the same ids where it is done in memory and on the disk
    Worker::Job job;
    job.work = [this, from, to, title, first = newIds(kMostMessages), context = QPointer(context),
                done = std::move(done)](ConversationDatabase& db) -> Worker::After {
        db.duplicate(from, to, first, title);
        return [this, to, context, done] {
            Q_EMIT changed(to);
            if (context)
                done();
        };
    };
    job.writes = true;
    job.answerable = [from](ConversationDatabase& db) { return db.has(from); };
    worker_->post(std::move(job));
}

void ConversationStore::moveToFolder(ConversationId id, FolderId folder) {
    writeChat(id, [=](ConversationDatabase& db) { db.moveToFolder(id, folder); });
}

void ConversationStore::setPinned(ConversationId id, bool pinned) {
    writeChat(id, [=](ConversationDatabase& db) { db.setPinned(id, pinned); });
}

void ConversationStore::remove(ConversationId id) {
    writeChat(id, [=](ConversationDatabase& db) { db.setRemoved(id, true); });
}

void ConversationStore::restore(ConversationId id) {
    writeChat(id, [=](ConversationDatabase& db) { db.setRemoved(id, false); });
}

void ConversationStore::purge() {
    write({}, [](ConversationDatabase& db) { db.purgeAll(); });
}

void ConversationStore::purge(const QList<ConversationId>& ids) {
    write(
        {}, [ids](ConversationDatabase& db) { db.purge(ids); },
        [this, ids] {
            for (const ConversationId id : ids)
                Q_EMIT changed(id);
        });
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

void ConversationStore::restoreFolder(FolderId id, const QString& name, qsizetype position,
                                      const QList<ConversationId>& chats) {
    writeFolder([=](ConversationDatabase& db) { db.restoreFolder(id, name, position, chats); });
}

void ConversationStore::orderFolders(const QList<FolderId>& order) {
    writeFolder([=](ConversationDatabase& db) { db.orderFolders(order); });
}

void ConversationStore::saveTuning(ConversationId id, const Tuning& tuning) {
    write(
        {id, 0}, [=](ConversationDatabase& db) { db.saveTuning(id, tuning); }, {}, -2 * id);
}

void ConversationStore::saveSystemPrompt(ConversationId id, const QString& text) {
    write({id, 0}, [=](ConversationDatabase& db) { db.saveSystemPrompt(id, text); });
}

void ConversationStore::saveModel(ConversationId id, const ChatModel& model) {
    write({id, 0}, [=](ConversationDatabase& db) { db.saveModel(id, model); });
}

void ConversationStore::saveDraft(ConversationId id, const Draft& draft) {
    const auto earlier = id == 0 ? earlier_draft_ : nullptr;
    write(
        {id, 0},
        [=](ConversationDatabase& db) {
            db.saveDraft(id, earlier && *earlier ? joined(**earlier, draft) : draft);
        },
        {}, -2 * id - 1);
}

void ConversationStore::addDraftFile(ConversationId id, const MessagePart& file) {
    write({id, 0}, [=](ConversationDatabase& db) {
        Draft draft = db.draft(id);
        if (draft.files.contains(file)) // may come twice: a failed commit does not say what was written
            return;
        draft.files.append(file);
        db.saveDraft(id, draft);
    });
}

// ---- Messages ----

void ConversationStore::append(const Message& message) {
    write(
        {message.conversation, message.id}, [message](ConversationDatabase& db) { db.append(message); },
        [this, id = message.conversation] { Q_EMIT changed(id); });
}

void ConversationStore::update(const Message& message) { updateRun(message, nullptr); }

void ConversationStore::updateRun(const Message& message, std::shared_ptr<TokenLog> tokens) {
    const bool growing = message.state == MessageState::Streaming;
    // One that leaves the text as it is makes none superfluous that writes it.
    constexpr qint64 kWithoutText = qint64{1} << 62;
    const qint64 replaces = growing && tokens ? message.id | kWithoutText : message.id;
    const auto work = [message, tokens = std::move(tokens)](ConversationDatabase& db) {
        db.update(message, tokens.get());
    };
    std::function<void()> then;
    if (!growing)
        then = [this, id = message.conversation] { Q_EMIT changed(id); };
    write({message.conversation, message.id}, work, std::move(then), replaces);
}

void ConversationStore::removeMessage(MessageId id) {
    write({0, id}, [=](ConversationDatabase& db) { db.setMessageRemoved(id, true); });
}

void ConversationStore::restoreMessage(MessageId id) {
    write({0, id}, [=](ConversationDatabase& db) { db.setMessageRemoved(id, false); });
}

void ConversationStore::select(MessageId id) {
    write({0, id}, [=](ConversationDatabase& db) { db.select(id); });
}

} // namespace switchyard

// Here, so that only programs that use the store link it.
#include "moc_conversation_store.cpp"
