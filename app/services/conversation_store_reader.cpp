#include "app/services/conversation_store_reader.h"

#include "app/services/chat_file_header.h"
#include "app/services/conversation_database.h"
#include "app/services/conversation_store_worker.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"

#include <QSqlQuery>

#include <iterator>
#include <utility>

namespace switchyard {

namespace {

/// A connection to `path` as it is read here; a writer never holds it up, and another program not for long.
QSqlDatabase connectionForReading(const QString& path) {
    QSqlDatabase db = openConnection(path, QStringLiteral("mode=ro"));
    QSqlQuery(db).exec(QStringLiteral("PRAGMA busy_timeout = 50"));
    return db;
}

const QString kCopiedTables[] = {QStringLiteral("folders"), QStringLiteral("conversations"),
                                 QStringLiteral("messages"), QStringLiteral("parts"), QStringLiteral("runs")};

} // namespace

/// A database in memory for one chat of a file, with what is still to be written of it.
class ConversationStore::Reader::ChatCopy {
  public:
    ChatCopy() : memory_(QStringLiteral(":memory:")) { migrate(*memory_, 0); }

    ConversationDatabase& of(const QString& path, ConversationId chat,
                             const std::vector<std::function<After(ConversationDatabase&)>>& changes) {
        copy(path, chat);
        for (const auto& change : changes) {
            try {
                change(database_);
            } catch (const SqlError&) {
                // It was written meanwhile, or is about another chat.
            }
        }
        return database_;
    }

  private:
    void copy(const QString& path, ConversationId chat) {
        for (const QString& table : kCopiedTables)
            execute(*memory_, QStringLiteral("DELETE FROM %1").arg(table));
        for (const char* table : {"run_tokens", "search", "touched"})
            execute(*memory_, QStringLiteral("DELETE FROM %1").arg(QLatin1String(table)));
        execute(*memory_,
                QStringLiteral("ATTACH %1 AS disk").arg(quotedSql(fileUri(path, QStringLiteral("mode=ro")))));
        try {
            execute(*memory_, QStringLiteral("BEGIN")); // all of it as at one time
            copyAttached(chat);
            execute(*memory_, QStringLiteral("COMMIT"));
        } catch (...) {
            QSqlQuery(*memory_).exec(QStringLiteral("ROLLBACK"));
            QSqlQuery(*memory_).exec(QStringLiteral("DETACH disk"));
            throw;
        }
        execute(*memory_, QStringLiteral("DETACH disk"));
    }

    void copyAttached(ConversationId chat) {
        const QString under =
            QStringLiteral("message IN (SELECT id FROM disk.messages WHERE conversation = %1)").arg(chat);
        const QString which[] = {QStringLiteral("true"), QStringLiteral("id = %1").arg(chat),
                                 QStringLiteral("conversation = %1").arg(chat), under, under};
        for (std::size_t i = 0; i < std::size(which); ++i)
            execute(*memory_, QStringLiteral("INSERT INTO main.%1 SELECT * FROM disk.%1 WHERE %2")
                                  .arg(kCopiedTables[i], which[i]));
    }

    Connection memory_;
    ConversationDatabase database_{*memory_};
};

/// A connection of its own in one long transaction.
struct ConversationStore::Reader::Export {
    explicit Export(const QString& path) : file(path, QStringLiteral("mode=ro")) {
        execute(*file, QStringLiteral("BEGIN"));
    }

    ExportPage next() {
        constexpr int kMostChats = 64, kMostMessages = 500;
        ConversationDatabase database(*file);
        ExportPage page;
        if (last == 0)
            page.folders = database.folders();
        const QList<ConversationId> ids = database.chatsAfter(last, kMostChats);
        page.last = ids.size() < kMostChats;
        qsizetype messages = 0;
        for (const ConversationId id : ids) {
            if (messages >= kMostMessages) {
                page.last = false;
                break;
            }
            page.chats.append(database.open(id));
            messages += page.chats.last().tree.size();
            last = id;
        }
        return page;
    }

    Connection file;
    ConversationId last = 0; ///< that was given
};

ConversationStore::Reader::Reader(ConversationStore& store, const Worker& writer)
    : store_(store), writer_(writer) {}

ConversationStore::Reader::~Reader() { disconnect(); }

// ---- From outside ----

void ConversationStore::Reader::begin(QThread& thread) {
    moveToThread(&thread);
    const std::lock_guard lock(mutex_);
    running_ = true;
}

void ConversationStore::Reader::ask(ConversationId chat, Work work, After otherwise) {
    {
        const std::lock_guard lock(mutex_);
        if (running_ && !path_.isEmpty()) {
            QMetaObject::invokeMethod(
                this, [this, chat, work = std::move(work), otherwise] { run(chat, work, otherwise); },
                Qt::QueuedConnection);
            return;
        }
    }
    otherwise();
}

void ConversationStore::Reader::use(const QString& path) {
    const std::lock_guard lock(mutex_);
    path_ = path;
}

void ConversationStore::Reader::release() {
    std::unique_lock lock(mutex_);
    path_.clear();
    if (connected_)
        QMetaObject::invokeMethod(
            this, [this] { disconnect(); }, Qt::QueuedConnection);
    closed_.wait(lock, [this] { return !connected_; });
}

void ConversationStore::Reader::finish() {
    {
        const std::lock_guard lock(mutex_);
        running_ = false;
    }
    release();
}

void ConversationStore::Reader::readExport(quint64 cursor, std::shared_ptr<std::atomic<bool>> closed,
                                           TellPage tell) {
    const auto read = [this, cursor, closed = std::move(closed), tell] {
        if (*closed)
            return;
        ExportPage page;
        try {
            page = nextPage(cursor);
        } catch (const SqlError&) {
            page.broken = true;
        } catch (const std::bad_alloc&) {
            page.broken = true;
        }
        QMetaObject::invokeMethod(&store_, tell(std::move(page)), Qt::QueuedConnection);
    };
    const std::lock_guard lock(mutex_);
    if (running_) {
        QMetaObject::invokeMethod(this, read, Qt::QueuedConnection);
        return;
    }
    ExportPage broken;
    broken.broken = true;
    QMetaObject::invokeMethod(&store_, tell(std::move(broken)), Qt::QueuedConnection);
}

void ConversationStore::Reader::closeExport(quint64 cursor) {
    QMetaObject::invokeMethod(
        this, [this, cursor] { exports_.erase(cursor); }, Qt::QueuedConnection);
}

// ---- On its thread ----

ConversationStore::ExportPage ConversationStore::Reader::nextPage(quint64 cursor) {
    const bool connected = connectToFile();
    const auto known = exports_.find(cursor); // what it read before may have ended with another file
    if (!connected || (known != exports_.end() && !known->second)) {
        ExportPage broken;
        broken.broken = true;
        return broken;
    }
    std::unique_ptr<Export>& open = exports_[cursor];
    if (!open)
        open = std::make_unique<Export>(connected_path_);
    return open->next();
}

/// Null where the file that the cursor reads is gone.
ConversationStore::Runs ConversationStore::Reader::exportedRuns(quint64 cursor,
                                                                const QList<MessageId>& messages) {
    const auto open = exports_.find(cursor);
    if (open == exports_.end() || !open->second)
        return {};
    return std::make_shared<std::map<MessageId, RunRecord>>(
        ConversationDatabase(*open->second->file).readRuns(messages));
}

void ConversationStore::Reader::run(ConversationId chat, const Work& work, const After& otherwise) {
    After after;
    try {
        after = answer(chat, work);
    } catch (const SqlError&) {
        disconnect(); // whatever it is, the writer comes upon it, too, and knows what to do
    } catch (const std::bad_alloc&) {
        disconnect();
    }
    if (!after)
        return otherwise();
    QMetaObject::invokeMethod(&store_, std::move(after), Qt::QueuedConnection);
}

ConversationStore::Reader::After ConversationStore::Reader::answer(ConversationId chat, const Work& work) {
    if (!connectToFile())
        return {};
    // Before the file is looked at: what is written in between is then seen twice, which changes nothing.
    const auto pending =
        chat != 0 ? writer_.pendingOf(chat) : std::vector<std::function<After(ConversationDatabase&)>>();
    if (!pending.empty()) {
        if (!copy_)
            copy_ = std::make_unique<ChatCopy>();
        return work(copy_->of(connected_path_, chat, pending));
    }
    ConversationDatabase database(db_);
    execute(db_, QStringLiteral("BEGIN")); // all of it as at one time
    try {
        After after = work(database);
        execute(db_, QStringLiteral("COMMIT"));
        return after;
    } catch (...) {
        QSqlQuery(db_).exec(QStringLiteral("ROLLBACK"));
        throw;
    }
}

/// To the file that is read now. False where there is none, it is gone or another's lies in its place: the
/// writer follows it.
bool ConversationStore::Reader::connectToFile() {
    QString path;
    {
        const std::lock_guard lock(mutex_);
        path = path_;
    }
    if (path.isEmpty())
        return false;
    const auto now = identity(path);
    if (connected_path_ == path && identity_ == now)
        return true;
    disconnect();
    if (now == std::pair<quint64, quint64>())
        return false;
    {
        const std::lock_guard lock(mutex_);
        if (!running_ || path_ != path)
            return false; // released meanwhile
        connected_ = true;
    }
    connected_path_ = path;
    identity_ = now;
    db_ = connectionForReading(path);
    return true;
}

void ConversationStore::Reader::disconnect() {
    copy_.reset();
    for (auto& [cursor, open] : exports_)
        open.reset(); // its chats may not all be in what is read next
    closeConnection(db_);
    connected_path_.clear();
    const std::lock_guard lock(mutex_);
    connected_ = false;
    closed_.notify_all();
}

} // namespace switchyard
