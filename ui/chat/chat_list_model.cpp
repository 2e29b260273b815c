#include "ui/chat/chat_list_model.h"

#include "ui/plain_text.h"

#include <QLocale>
#include <QSet>

#include <algorithm>

namespace switchyard {

ChatListModel::ChatListModel(QObject* parent) : QAbstractItemModel(parent) {}

QString ChatListModel::groupName(const QDate& date, const QDate& today) {
    const qint64 days = date.daysTo(today);
    if (days <= 0)
        return tr("Today");
    if (days == 1)
        return tr("Yesterday");
    if (days <= 7)
        return tr("Last week");
    return QLocale().toString(date, date.year() == today.year() ? tr("MMMM") : tr("MMMM yyyy"));
}

bool ChatListModel::setChats(const QList<ConversationSummary>& chats) {
    const auto ids = [](const QList<ConversationSummary>& list) {
        QSet<ConversationId> all;
        for (const ConversationSummary& chat : list)
            all.insert(chat.id);
        return all;
    };
    const bool others = ids(chats) != ids(chats_);
    chats_ = chats;
    rebuild();
    return others;
}

void ChatListModel::setHits(const QList<SearchHit>& hits) {
    hits_ = hits;
    searching_ = true;
    rebuild();
}

void ChatListModel::clearHits() {
    hits_.clear();
    searching_ = false;
    rebuild();
}

void ChatListModel::setToday(const QDate& today) {
    if (today == today_)
        return;
    today_ = today;
    rebuild();
}

/// Where the same chats stand in the same order only their contents are announced, so that the view keeps
/// its place.
void ChatListModel::rebuild() {
    std::vector<Group> groups;
    if (searching_) {
        const int found = static_cast<int>(hits_.size());
        groups.push_back({found ? tr("%n found", nullptr, found) : tr("Nothing found"), {}});
        for (const SearchHit& hit : std::as_const(hits_)) {
            const auto chat = std::find_if(chats_.begin(), chats_.end(),
                                           [&](const auto& known) { return known.id == hit.conversation; });
            groups[0].entries.push_back({hit.conversation, hit.message, hit.title, hit.line,
                                         chat != chats_.end() && chat->generating});
        }
    } else {
        for (const ConversationSummary& chat : std::as_const(chats_)) {
            const QString name = groupName(chat.changed.date(), today_);
            if (groups.empty() || groups.back().name != name)
                groups.push_back({name, {}});
            groups.back().entries.push_back({chat.id, 0, chat.title, {}, chat.generating});
        }
    }
    const auto same_place = [](const Entry& a, const Entry& b) {
        return a.id == b.id && a.message == b.message;
    };
    const bool same = std::equal(
        groups.begin(), groups.end(), groups_.begin(), groups_.end(), [&](const Group& a, const Group& b) {
            return a.name == b.name && std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(),
                                                  b.entries.end(), same_place);
        });
    if (!same) {
        beginResetModel();
        groups_ = std::move(groups);
        endResetModel();
        return;
    }
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (std::size_t i = 0; i < groups[g].entries.size(); ++i) {
            if (groups_[g].entries[i] == groups[g].entries[i])
                continue;
            groups_[g].entries[i] = groups[g].entries[i];
            const QModelIndex changed = createIndex(static_cast<int>(i), 0, quintptr(g + 1));
            Q_EMIT dataChanged(changed, changed);
        }
    }
}

QModelIndex ChatListModel::indexOf(ConversationId id, MessageId message) const {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
        for (std::size_t i = 0; i < groups_[g].entries.size(); ++i) {
            const Entry& entry = groups_[g].entries[i];
            if (entry.id == id && (message == 0 || entry.message == message))
                return createIndex(static_cast<int>(i), 0, quintptr(g + 1));
        }
    }
    return {};
}

QModelIndex ChatListModel::index(int row, int column, const QModelIndex& parent) const {
    if (!hasIndex(row, column, parent))
        return {};
    return createIndex(row, column, parent.isValid() ? quintptr(parent.row() + 1) : quintptr(0));
}

QModelIndex ChatListModel::parent(const QModelIndex& child) const {
    if (!child.isValid() || child.internalId() == 0)
        return {};
    return createIndex(static_cast<int>(child.internalId()) - 1, 0, quintptr(0));
}

int ChatListModel::rowCount(const QModelIndex& parent) const {
    if (!parent.isValid())
        return static_cast<int>(groups_.size());
    if (parent.internalId() != 0 || parent.column() != 0)
        return 0;
    return static_cast<int>(groups_[static_cast<std::size_t>(parent.row())].entries.size());
}

int ChatListModel::columnCount(const QModelIndex&) const { return 1; }

const ChatListModel::Entry* ChatListModel::entry(const QModelIndex& index) const {
    if (!index.isValid() || index.internalId() == 0)
        return nullptr;
    return &groups_[index.internalId() - 1].entries[static_cast<std::size_t>(index.row())];
}

QVariant ChatListModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const Entry* found = entry(index);
    if (role == IsGroupRole)
        return found == nullptr;
    if (!found)
        return role == Qt::DisplayRole ? QVariant(groups_[static_cast<std::size_t>(index.row())].name)
                                       : QVariant();
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return found->title;
    case Qt::ToolTipRole:
        return plainTip(found->title);
    case Qt::AccessibleTextRole:
        return found->generating ? tr("%1, answering").arg(found->title) : found->title;
    case Qt::AccessibleDescriptionRole:
    case LineRole:
        return found->line;
    case IdRole:
        return found->id;
    case MessageRole:
        return found->message;
    case GeneratingRole:
        return found->generating;
    default:
        return {};
    }
}

bool ChatListModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    const Entry* found = entry(index);
    const QString title = value.toString().simplified();
    if (!found || role != Qt::EditRole || title.isEmpty() || title == found->title)
        return false;
    groups_[index.internalId() - 1].entries[static_cast<std::size_t>(index.row())].title = title;
    Q_EMIT dataChanged(index, index, {Qt::DisplayRole, Qt::EditRole});
    Q_EMIT renamed(found->id, title);
    return true;
}

Qt::ItemFlags ChatListModel::flags(const QModelIndex& index) const {
    const Entry* found = entry(index);
    if (!found)
        return index.isValid() ? Qt::ItemIsEnabled : Qt::NoItemFlags;
    return Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren | Qt::ItemIsEditable;
}

} // namespace switchyard
