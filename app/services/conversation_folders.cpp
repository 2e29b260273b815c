// The database's folders and pins.
#include "app/services/conversation_database.h"
#include "app/services/sql_connection.h"
#include "app/services/sql_error.h"

#include <QSqlQuery>
#include <QVariant>

namespace switchyard {

QList<ChatFolder> ConversationDatabase::folders() {
    QSqlQuery rows = run(QStringLiteral("SELECT id, name FROM folders ORDER BY position, id"), {});
    QList<ChatFolder> all;
    while (nextRow(rows))
        all.append({rows.value(0).toLongLong(), rows.value(1).toString()});
    return all;
}

void ConversationDatabase::createFolder(FolderId id, const QString& name) {
    run(QStringLiteral("INSERT INTO folders(id, name, position) VALUES(?, ?, (SELECT"
                       " coalesce(max(position), -1) + 1 FROM folders)) ON CONFLICT(id) DO NOTHING"),
        {id, notNull(name)});
    stamp(id, Touched::Title); // later than a removal: it is there again
}

void ConversationDatabase::renameFolder(FolderId id, const QString& name) {
    run(QStringLiteral("UPDATE folders SET name = ? WHERE id = ?"), {notNull(name), id});
    stamp(id, Touched::Title);
}

void ConversationDatabase::removeFolder(FolderId id) {
    // By hand: with a part of the chats in memory foreign keys are not looked after.
    run(QStringLiteral("UPDATE conversations SET folder = NULL WHERE folder = ?"), {id});
    run(QStringLiteral("DELETE FROM folders WHERE id = ?"), {id});
    stamp(id, Touched::Purged);
}

void ConversationDatabase::orderFolders(const QList<FolderId>& order) {
    QList<FolderId> all = order;
    const QList<ChatFolder> present = folders();
    for (const ChatFolder& folder : present) {
        if (!order.contains(folder.id))
            all.append(folder.id);
    }
    for (qsizetype i = 0; i < all.size(); ++i) {
        run(QStringLiteral("UPDATE folders SET position = ? WHERE id = ?"), {i, all[i]});
        stamp(all[i], Touched::Order);
    }
}

void ConversationDatabase::restoreFolder(FolderId id, const QString& name, qsizetype position,
                                         const QList<ConversationId>& chats) {
    createFolder(id, name);
    QList<FolderId> order;
    for (const ChatFolder& folder : folders()) {
        if (folder.id != id)
            order.append(folder.id);
    }
    order.insert(qBound(qsizetype{0}, position, order.size()), id);
    orderFolders(order);
    for (const ConversationId chat : chats) {
        QSqlQuery row =
            run(QStringLiteral("SELECT 1 FROM conversations WHERE id = ? AND folder IS NULL"), {chat});
        if (nextRow(row))
            moveToFolder(chat, id);
    }
}

void ConversationDatabase::moveToFolder(ConversationId id, FolderId folder) {
    // A folder that is gone meanwhile is none.
    run(QStringLiteral("UPDATE conversations SET folder = (SELECT id FROM folders WHERE id = ?)"
                       " WHERE id = ?"),
        {folder, id});
    stamp(id, Touched::Folder);
}

void ConversationDatabase::setPinned(ConversationId id, bool pinned) {
    run(QStringLiteral("UPDATE conversations SET pinned = ? WHERE id = ?"), {pinned ? 1 : 0, id});
    stamp(id, Touched::Pinned);
}

} // namespace switchyard
