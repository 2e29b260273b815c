#include "app/services/transfer/chat_transfer.h"

#include "app/services/local_files.h"
#include "app/services/transfer/transfer_error.h"
#include "engine/base/error.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QSaveFile>

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace switchyard {

namespace {

/// A result that comes from another thread.
template <typename T>
struct Coming {
    std::mutex mutex;
    std::condition_variable_any there;
    std::optional<T> value; ///< guarded
    bool dropped = false;   ///< guarded; nobody is left who could give it
};

/// Who is to give it; shared by all that hold the answer.
template <typename T>
struct Giver {
    explicit Giver(std::shared_ptr<Coming<T>> to) : coming(std::move(to)) {}
    Giver(const Giver&) = delete;
    Giver& operator=(const Giver&) = delete;
    ~Giver() {
        const std::lock_guard lock(coming->mutex);
        coming->dropped = true;
        coming->there.notify_all();
    }
    void give(T value) {
        const std::lock_guard lock(coming->mutex);
        coming->value = std::move(value);
        coming->there.notify_all();
    }
    const std::shared_ptr<Coming<T>> coming;
};

/// Where a chat lies among these, -1: in none.
qsizetype placeOf(FolderId folder, const QList<ChatFolder>& folders) {
    const auto found = std::ranges::find(folders, folder, &ChatFolder::id);
    return folder != 0 && found != folders.end() ? found - folders.begin() : -1;
}

/// A chat without its records would not be all that there is.
ConversationStore::Runs checked(ConversationStore::Runs runs) {
    if (!runs)
        throw TransferError(
            ChatTransfer::tr("The chats cannot be read now: try again once they can be saved."));
    return runs;
}

QStringList namesOf(const QList<ChatFolder>& folders) {
    QStringList names;
    for (const ChatFolder& folder : folders)
        names << folder.name;
    return names;
}

} // namespace

ChatTransfer::ChatTransfer(ConversationStore& store, QObject* parent) : QObject(parent), store_(store) {}

ChatTransfer::~ChatTransfer() { ending_.request_stop(); }

void ChatTransfer::exportChats(const ExportRequest& request) {
    start<ExportResult>([this, request](const std::stop_token& stop) { return doExport(request, stop); },
                        &ChatTransfer::exported);
}

void ChatTransfer::importFiles(const QStringList& files) {
    start<ImportResult>([this, files](const std::stop_token& stop) { return doImport(files, stop); },
                        &ChatTransfer::imported);
}

template <typename Result>
void ChatTransfer::start(std::function<Result(const std::stop_token&)> work,
                         void (ChatTransfer::*ended)(const Result&)) {
    try {
        if (!worker_)
            worker_.emplace();
    } catch (const Error&) {
        Result none;
        none.error = tr("The system gives this program no further thread: close other programs.");
        Q_EMIT(this->*ended)(none);
        return;
    }
    ++waiting_;
    worker_->run(this, std::move(work), [this, ended](const Result& result) {
        --waiting_;
        Q_EMIT(this->*ended)(result);
    });
}

void ChatTransfer::cancel() {
    if (worker_)
        worker_->stop();
}

template <typename T>
T ChatTransfer::ask(std::function<void(std::function<void(T)>)> question, const std::stop_token& stop) {
    const auto coming = std::make_shared<Coming<T>>();
    auto ask_here = [question = std::move(question), giver = std::make_shared<Giver<T>>(coming)] {
        question([giver](T value) { giver->give(std::move(value)); });
    };
    QMetaObject::invokeMethod(this, std::move(ask_here), Qt::QueuedConnection);
    std::unique_lock lock(coming->mutex);
    const bool ended = coming->there.wait(lock, stop, [&] { return coming->value || coming->dropped; });
    if (coming->value)
        return std::move(*coming->value);
    if (!ended)
        throw TransferStopped();
    throw TransferError(tr("The chats cannot be read now: try again once they can be saved."));
}

void ChatTransfer::say(double share, bool exporting) {
    QMetaObject::invokeMethod(
        this, [this, share, exporting] { Q_EMIT progress(share, exporting); }, Qt::QueuedConnection);
}

// ---- Export ----

ExportResult ChatTransfer::doExport(const ExportRequest& request, const std::stop_token& stop) {
    ExportResult result;
    result.file = request.file;
    QSaveFile file(request.file);
    try {
        if (const QFileInfo there(request.file); there.exists() && !there.isFile())
            throw TransferError(tr("%1 is not a file: choose another place.").arg(there.fileName()));
        if (!file.open(QIODevice::WriteOnly))
            throw TransferError(
                tr("The file cannot be written (%1): choose another place.").arg(file.errorString()));
        writeAll(request, file, result.chats, stop);
        if (!commitWhole(file))
            throw TransferError(tr("The file cannot be written (%1): make room, or choose another place.")
                                    .arg(file.errorString()));
    } catch (const TransferStopped&) {
        result.cancelled = true;
    } catch (const TransferError& error) {
        result.error = error.sentence();
    } catch (const std::bad_alloc&) {
        result.error = tr("There is not enough memory to export these chats: close other programs.");
    } catch (const std::exception& error) {
        result.error = tr("The chats were not exported: %1.").arg(QString::fromUtf8(error.what()));
    }
    return result; // what is not committed is removed
}

void ChatTransfer::writeAll(const ExportRequest& request, QIODevice& device, int& chats,
                            const std::stop_token& stop) {
    TextOut out(device);
    const auto writer = makeChatWriter(request.options, out);
    if (request.chats.isEmpty())
        writeEvery(request, *writer, chats, stop);
    else
        writeChosen(request, *writer, chats, stop);
    writer->end();
    out.flush();
}

void ChatTransfer::writeEvery(const ExportRequest& request, ChatWriter& writer, int& chats,
                              const std::stop_token& stop) {
    using Page = ConversationStore::ExportPage;
    // Its titles are told before its chats; both are of the same moment, but for what changes in between.
    const auto listed =
        ask<QList<ConversationSummary>>([this](auto answer) { store_.list(this, std::move(answer)); }, stop);
    ExportHead head;
    QList<ConversationSummary> sorted = listed;
    std::ranges::sort(sorted, {}, &ConversationSummary::id);
    for (const ConversationSummary& chat : sorted)
        head.titles << chat.title;
    const auto cursor = std::make_shared<ConversationStore::ExportCursor>(store_);
    QList<ChatFolder> folders;
    for (bool first = true;; first = false) {
        const Page page =
            ask<Page>([this, cursor](auto answer) { cursor->next(this, std::move(answer)); }, stop);
        if (page.broken)
            throw TransferError(tr("The chats cannot be read now: try again once they can be saved."));
        if (first) {
            folders = page.folders;
            head.folders = namesOf(folders);
            writer.begin(head);
        }
        const ReadRuns runs = [&](const QList<MessageId>& messages) {
            return checked(ask<ConversationStore::Runs>(
                [this, cursor, messages](auto answer) {
                    cursor->readRuns(messages, this, std::move(answer));
                },
                stop));
        };
        for (const Conversation& chat : page.chats) {
            if (stop.stop_requested())
                throw TransferStopped();
            if (chat.summary.id == 0)
                continue; // deleted
            writer.write(chat, placeOf(chat.summary.folder, folders), runs);
            ++chats;
            if (request.expected > 0)
                say(std::min(1.0, static_cast<double>(chats) / request.expected), true);
        }
        if (page.last)
            return;
    }
}

void ChatTransfer::writeChosen(const ExportRequest& request, ChatWriter& writer, int& chats,
                               const std::stop_token& stop) {
    const ReadRuns runs = [&](const QList<MessageId>& messages) {
        return checked(ask<ConversationStore::Runs>(
            [this, messages](auto answer) { store_.readRuns(messages, this, std::move(answer)); }, stop));
    };
    const auto all =
        ask<QList<ChatFolder>>([this](auto answer) { store_.listFolders(this, std::move(answer)); }, stop);
    const auto open = [&](ConversationId id) {
        return ask<Conversation>([this, id](auto answer) { store_.open(id, this, std::move(answer)); }, stop);
    };
    // One is what is mostly asked for; of several only their folders and titles are kept for the head.
    std::optional<Conversation> first;
    ExportHead head;
    QList<ChatFolder> folders;
    for (const ConversationId id : request.chats) {
        Conversation chat = open(id);
        head.titles << chat.summary.title;
        const qsizetype place = placeOf(chat.summary.folder, all);
        if (place >= 0 && !folders.contains(all[place]))
            folders << all[place];
        if (!first)
            first = std::move(chat);
    }
    head.folders = namesOf(folders);
    writer.begin(head);
    for (const ConversationId id : request.chats) {
        const Conversation chat = chats == 0 && first ? std::move(*first) : open(id);
        first.reset();
        if (chat.summary.id == 0)
            throw TransferError(tr("The chat is not there any more."));
        writer.write(chat, placeOf(chat.summary.folder, folders), runs);
        ++chats;
    }
}

// ---- Import ----

ImportResult ChatTransfer::doImport(const QStringList& files, const std::stop_token& stop) {
    ImportResult result;
    ImportHooks hooks;
    QElapsedTimer since;
    qsizetype done = 0;
    hooks.store = [&](const std::shared_ptr<const ChatBatch>& batch) { return storeBatch(batch, stop); };
    hooks.progress = [&](double share) {
        if (stop.stop_requested())
            throw TransferStopped();
        constexpr int kPause = 100; // ms
        if (since.isValid() && since.elapsed() < kPause)
            return;
        since.start();
        say((static_cast<double>(done) + share) / static_cast<double>(files.size()), false);
    };
    try {
        for (const QString& file : files) {
            importChatFile(file, hooks, {}, result);
            ++done;
        }
    } catch (const TransferStopped&) {
        result.cancelled = true;
    } catch (const std::exception& error) {
        result.error =
            tr("The chats were not imported to their end: %1.").arg(QString::fromUtf8(error.what()));
    }
    return result;
}

QList<ConversationId> ChatTransfer::storeBatch(const std::shared_ptr<const ChatBatch>& batch,
                                               const std::stop_token& stop) {
    if (stop.stop_requested())
        throw TransferStopped();
    try {
        // What is given to the store is stored: who cancels now is told so, too.
        return ask<QList<ConversationId>>(
            [this, batch](auto answer) { store_.addChats(batch, this, std::move(answer)); },
            ending_.get_token());
    } catch (const TransferError&) { // the store has said why
        throw TransferError(tr("its chats cannot be stored"));
    }
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_transfer.cpp"
