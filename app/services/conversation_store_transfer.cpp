// What the store does for whole chats that come from a file and go into one.
#include "app/services/conversation_store.h"

#include "app/services/conversation_store_reader.h"
#include "app/services/conversation_store_worker.h"
#include "app/services/whole_chat.h"

#include <utility>

namespace switchyard {

void ConversationStore::addChats(std::shared_ptr<const ChatBatch> batch, QObject* context,
                                 Answer<QList<ConversationId>> answer) {
    Worker::Job job;
    job.writes = true;
    job.work = [this, batch = std::move(batch), context = QPointer(context),
                answer = std::move(answer)](ConversationDatabase& db) -> Worker::After {
        const QList<ConversationId> added = db.addChats(*batch);
        return [this, context, answer, added] {
            if (!added.isEmpty()) {
                Q_EMIT foldersChanged();
                Q_EMIT changed(added.last()); // the list is read as a whole
            }
            if (context)
                answer(added);
        };
    };
    worker_->post(std::move(job));
}

void ConversationStore::ExportCursor::readRuns(const QList<MessageId>& messages, QObject* context,
                                               Answer<Runs> answer) {
    store_.reader_->readExportRuns(number_, closed_, messages,
                                   [closed = closed_, guard = QPointer(context), answer](const Runs& runs) {
                                       return [closed, guard, answer, runs] {
                                           if (!*closed && guard)
                                               answer(runs);
                                       };
                                   });
}

void ConversationStore::Reader::readExportRuns(quint64 cursor, std::shared_ptr<std::atomic<bool>> closed,
                                               const QList<MessageId>& messages, TellRuns tell) {
    const auto read = [this, cursor, closed = std::move(closed), messages, tell] {
        if (*closed)
            return;
        Runs runs;
        try {
            runs = exportedRuns(cursor, messages);
        } catch (const SqlError&) {
        } catch (const std::bad_alloc&) {
        }
        QMetaObject::invokeMethod(&store_, tell(runs), Qt::QueuedConnection);
    };
    const std::lock_guard lock(mutex_);
    if (running_)
        QMetaObject::invokeMethod(this, read, Qt::QueuedConnection);
    else
        QMetaObject::invokeMethod(&store_, tell({}), Qt::QueuedConnection);
}

} // namespace switchyard
