#include "ui/chat/deleted_chats_model.h"

#include "ui/chat/chat_list_model.h"
#include "ui/plain_text.h"

#include <QLocale>
#include <QSet>

#include <algorithm>

namespace switchyard {

void DeletedChatsModel::setChats(const QList<ConversationSummary>& chats) {
    QSet<ConversationId> wanted, listed;
    for (const ConversationSummary& chat : chats)
        wanted.insert(chat.id);
    for (const ConversationSummary& chat : chats_)
        listed.insert(chat.id);
    for (int row = static_cast<int>(chats_.size()) - 1; row >= 0; --row) {
        if (wanted.contains(chats_[row].id))
            continue;
        beginRemoveRows({}, row, row);
        chats_.removeAt(row);
        endRemoveRows();
    }
    for (int row = 0; row < chats.size(); ++row) {
        if (row >= chats_.size() || chats_[row].id != chats[row].id) {
            if (listed.contains(chats[row].id)) { // it was deleted once more
                const int old = indexOf(chats[row].id).row();
                beginMoveRows({}, old, old, {}, row);
                chats_.move(old, row);
                endMoveRows();
            } else {
                beginInsertRows({}, row, row);
                chats_.insert(row, chats[row]);
                endInsertRows();
                continue;
            }
        }
        const bool same = chats_[row].title == chats[row].title && chats_[row].removed == chats[row].removed;
        chats_[row] = chats[row];
        if (!same)
            Q_EMIT dataChanged(index(row), index(row));
    }
}

void DeletedChatsModel::setToday(const QDate& today) {
    if (std::exchange(today_, today) != today && !chats_.isEmpty())
        Q_EMIT dataChanged(index(0), index(static_cast<int>(chats_.size()) - 1));
}

QModelIndex DeletedChatsModel::indexOf(ConversationId id) const {
    const auto found = std::ranges::find(chats_, id, &ConversationSummary::id);
    return found == chats_.end() ? QModelIndex() : index(static_cast<int>(found - chats_.begin()));
}

int DeletedChatsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(chats_.size());
}

/// "Nov 3 · 27 days left"
QString DeletedChatsModel::lineOf(const ConversationSummary& chat) const {
    const QDate day = chat.removed.date();
    const int left = kDaysDeletedIsKept - static_cast<int>(std::max<qint64>(0, day.daysTo(today_)));
    const QString date = QLocale().toString(day, tr("MMM d"));
    return left > 0 ? tr("%1 · %n day(s) left", nullptr, left).arg(date)
                    : tr("%1 · goes at the next start").arg(date);
}

QVariant DeletedChatsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= chats_.size())
        return {};
    const ConversationSummary& chat = chats_[index.row()];
    switch (role) {
    case Qt::DisplayRole:
        return chat.title;
    case Qt::ToolTipRole:
        return plainTip(chat.title);
    case Qt::AccessibleTextRole:
        return tr("%1, deleted %2").arg(oneLine(chat.title), lineOf(chat));
    case ChatListModel::IdRole:
        return chat.id;
    case ChatListModel::LineRole:
        return lineOf(chat);
    case ChatListModel::IsGroupRole:
        return false;
    default:
        return {};
    }
}

} // namespace switchyard
