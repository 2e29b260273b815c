// Whole chats into the database: each is as it was where it came from, times and branches included.
#include "app/services/conversation_database.h"
#include "app/services/draft_text.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"
#include "app/services/tuning_json.h"
#include "app/services/whole_chat.h"

#include <QSet>
#include <QSqlQuery>
#include <QVariant>

#include <algorithm>
#include <ranges>
#include <vector>

namespace switchyard {

namespace {

qint64 milliseconds(const QDateTime& time, qint64 otherwise) {
    return time.isValid() ? time.toMSecsSinceEpoch() : otherwise;
}

} // namespace

QList<ConversationId> ConversationDatabase::addChats(const ChatBatch& batch) {
    std::vector<const WholeChat*> wanted;
    std::vector<bool> used(static_cast<std::size_t>(batch.folders.size()));
    for (const WholeChat& chat : batch.chats) {
        if (!isNew(chat))
            continue;
        wanted.push_back(&chat);
        if (chat.folder && *chat.folder < used.size())
            used[*chat.folder] = true;
    }
    const bool any = std::ranges::find(used, true) != used.end();
    const QList<FolderId> folders = any ? takeFolders(batch.folders, used) : QList<FolderId>();
    QList<ConversationId> added;
    for (const WholeChat* chat : wanted) {
        if (!isNew(*chat)) // the batch has it twice
            continue;
        addChat(*chat, chat->folder && *chat->folder < static_cast<std::size_t>(folders.size())
                           ? folders[static_cast<qsizetype>(*chat->folder)]
                           : 0);
        added.append(chat->summary.id);
    }
    return added;
}

/// Neither itself nor a copy of it is listed. One that is deleted may come again.
bool ConversationDatabase::isNew(const WholeChat& chat) {
    QSqlQuery itself = run(QStringLiteral("SELECT 1 FROM conversations WHERE id = ? AND changed = ? AND"
                                          " deleted IS NULL AND id <> 0"),
                           {chat.first_id, milliseconds(chat.summary.changed, 0)});
    if (nextRow(itself))
        return false;
    QSqlQuery copy =
        run(QStringLiteral("SELECT 1 FROM imported i JOIN conversations c ON c.id ="
                           " i.conversation WHERE i.source = ? AND c.deleted IS NULL AND c.id <> ?"),
            {chat.source, chat.summary.id});
    return chat.source.isEmpty() || !nextRow(copy);
}

/// The ids of these folders; of those that are used each is made where there is none of its name yet, others
/// have 0 then. A folder that a batch before has made is known by its id.
QList<FolderId> ConversationDatabase::takeFolders(const QList<ChatFolder>& wanted,
                                                  const std::vector<bool>& used) {
    QSet<FolderId> wanted_ids;
    for (const ChatFolder& folder : wanted)
        wanted_ids.insert(folder.id);
    QSet<FolderId> made;
    QHash<QString, QList<FolderId>> left; ///< by their names, the last one first
    const QList<ChatFolder> present = folders();
    for (const ChatFolder& folder : present | std::views::reverse) {
        if (wanted_ids.contains(folder.id))
            made.insert(folder.id);
        else
            left[folder.name].append(folder.id);
    }
    QList<FolderId> ids;
    for (qsizetype i = 0; i < wanted.size(); ++i) {
        const ChatFolder& folder = wanted[i];
        const auto same = left.find(folder.name);
        FolderId id = 0;
        if (made.contains(folder.id)) {
            id = folder.id;
        } else if (same != left.end() && !same->isEmpty()) {
            id = same->takeLast();
        } else if (used[static_cast<std::size_t>(i)] && !folder.name.isEmpty()) {
            createFolder(folder.id, folder.name);
            id = folder.id;
        }
        ids.append(id);
    }
    return ids;
}

void ConversationDatabase::addChat(const WholeChat& chat, FolderId folder) {
    const ConversationId id = chat.summary.id;
    if (has(id))
        return; // may come twice: a failed commit does not say what was written
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    run(QStringLiteral("INSERT INTO conversations(id, folder, title, tuning, draft, pinned, created, changed,"
                       " shown, system_prompt, model, model_hash, titled)"
                       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        {id, idOrNull(folder), notNull(chat.summary.title),
         QString::fromUtf8(chat.own_dials ? tuningToJson(chat.tuning) : QByteArray("")),
         notNull(draftToText(chat.unsent)), chat.summary.pinned ? 1 : 0,
         milliseconds(chat.summary.created, now), milliseconds(chat.summary.changed, now),
         idOrNull(chat.shown.value(0)), notNull(chat.system_prompt), notNull(chat.model.key),
         notNull(chat.model.fingerprint), static_cast<int>(chat.summary.title_by)});
    index(-id, chat.summary.title);
    QHash<MessageId, int> siblings; ///< so far, by their parent
    for (const Message& message : chat.messages) {
        run(QStringLiteral("INSERT INTO messages(id, conversation, parent, position, author, state, model,"
                           " error, created, shown) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
            {message.id, id, idOrNull(message.parent), siblings[message.parent]++,
             static_cast<int>(message.author), static_cast<int>(message.state), notNull(message.model),
             notNull(message.error), milliseconds(message.created, now),
             idOrNull(chat.shown.value(message.id))});
        writeParts(message);
        if (message.has_run)
            runs_.add(message, chat.tokens.value(message.id));
        indexMessage(message.id);
    }
    if (!chat.source.isEmpty())
        run(QStringLiteral("INSERT OR REPLACE INTO imported(conversation, source) VALUES(?, ?)"),
            {id, chat.source});
}

} // namespace switchyard
