#include "ui/chat/chat_list_model.h"

#include "ui/plain_text.h"

#include <QMimeData>
#include <QSet>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

const auto kMimeType = u"application/x-switchyard-chat"_s;

bool has(const std::vector<ChatListGroup>& groups, const QString& key) {
    return std::any_of(groups.begin(), groups.end(),
                       [&](const ChatListGroup& group) { return group.key == key; });
}

} // namespace

ChatListModel::ChatListModel(QObject* parent) : QAbstractItemModel(parent) {}

ChatListModel::~ChatListModel() = default;

bool ChatListModel::setChats(const QList<ConversationSummary>& chats, const QList<ChatFolder>& folders) {
    const auto ids = [](const QList<ConversationSummary>& list) {
        QSet<ConversationId> all;
        for (const ConversationSummary& chat : list)
            all.insert(chat.id);
        return all;
    };
    const bool others = ids(chats) != ids(chats_);
    chats_ = chats;
    folders_ = folders;
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
    today_ = today;
    rebuild();
}

// ---- Nodes ----

ChatListModel::Node* ChatListModel::node(const QModelIndex& index) const {
    if (!index.isValid())
        return const_cast<Node*>(&root_);
    const auto found = nodes_.find(index.internalId());
    return found != nodes_.end() ? found->second : nullptr;
}

/// The group, or the one an entry is in; nullptr: the root.
const ChatListModel::Node* ChatListModel::groupOf(const QModelIndex& index) const {
    const Node* at = node(index);
    if (!at || at == &root_)
        return nullptr;
    return isGroup(*at) ? at : at->parent;
}

int ChatListModel::rowOf(const Node& node) const {
    const auto& all = node.parent->children;
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const auto& child) { return child.get() == &node; });
    return static_cast<int>(at - all.begin());
}

QModelIndex ChatListModel::indexOf(const Node& node) const {
    return &node == &root_ ? QModelIndex() : createIndex(rowOf(node), 0, node.id);
}

std::unique_ptr<ChatListModel::Node> ChatListModel::make(Node& parent) {
    auto made = std::make_unique<Node>();
    made->id = next_id_++;
    made->parent = &parent;
    nodes_[made->id] = made.get();
    return made;
}

std::unique_ptr<ChatListModel::Node> ChatListModel::makeEntry(Node& parent, const ChatListEntry& entry,
                                                              const EntryKey& key) {
    auto made = make(parent);
    made->entry = entry;
    made->key = key;
    entries_[key] = made.get();
    return made;
}

void ChatListModel::forget(const Node& node) {
    for (const auto& child : node.children)
        forget(*child);
    nodes_.erase(node.id);
    if (!isGroup(node))
        entries_.erase(node.key);
}

void ChatListModel::takeOut(Node& parent, int first, int last) {
    beginRemoveRows(indexOf(parent), first, last);
    for (int row = first; row <= last; ++row)
        forget(*parent.children[static_cast<std::size_t>(row)]);
    parent.children.erase(parent.children.begin() + first, parent.children.begin() + last + 1);
    endRemoveRows();
}

/// To stand in `row`, as rows are counted once the node has left its place.
void ChatListModel::move(Node& node, Node& to, int row) {
    Node& from = *node.parent;
    const int before = rowOf(node);
    const bool down = &from == &to && row > before;
    if (&from == &to && row == before)
        return;
    beginMoveRows(indexOf(from), before, before, indexOf(to), down ? row + 1 : row);
    auto taken = std::move(from.children[static_cast<std::size_t>(before)]);
    from.children.erase(from.children.begin() + before);
    taken->parent = &to;
    to.children.insert(to.children.begin() + row, std::move(taken));
    endMoveRows();
}

// ---- From one list to the next ----

std::vector<ChatListModel::EntryKey> ChatListModel::keysOf(const ChatListGroup& group,
                                                           std::map<EntryKey, int>& seen) {
    std::vector<EntryKey> keys;
    for (const ChatListEntry& entry : group.entries) {
        EntryKey key{group.kind == ChatListGroup::Kind::Found, entry.id, entry.message, 0};
        std::get<3>(key) = seen[key]++; // the same hit twice
        keys.push_back(key);
    }
    return keys;
}

void ChatListModel::rebuild() {
    const Groups groups = searching_ ? groupHits(hits_, chats_) : groupChats(chats_, folders_, today_);
    std::map<EntryKey, int> seen;
    std::vector<std::vector<EntryKey>> keys;
    std::map<EntryKey, std::size_t> wanted; ///< and the group they go to
    for (const ChatListGroup& group : groups) {
        keys.push_back(keysOf(group, seen));
        for (const EntryKey& key : keys.back())
            wanted[key] = keys.size() - 1;
    }
    removeGone(groups, wanted);
    placeGroups(groups, keys);
    changeGroups(wanted);
    for (std::size_t g = 0; g < groups.size(); ++g)
        placeEntries(*root_.children[g], groups[g].entries, keys[g]);
    if (const int left = static_cast<int>(groups.size()); left < rowCount())
        takeOut(root_, left, rowCount() - 1); // empty now
    for (std::size_t g = 0; g < groups.size(); ++g)
        updateGroup(*root_.children[g], groups[g]);
}

/// A group that goes with all its entries goes at once.
void ChatListModel::removeGone(const Groups& groups, const std::map<EntryKey, std::size_t>& wanted) {
    for (int g = rowCount(); g-- > 0;) {
        Node& group = *root_.children[static_cast<std::size_t>(g)];
        const bool stays = has(groups, group.group.key) ||
                           std::any_of(group.children.begin(), group.children.end(),
                                       [&](const auto& child) { return wanted.contains(child->key); });
        if (!stays) {
            takeOut(root_, g, g);
            continue;
        }
        for (int last = static_cast<int>(group.children.size()) - 1; last >= 0; --last) {
            const auto gone = [&](int row) {
                return !wanted.contains(group.children[static_cast<std::size_t>(row)]->key);
            };
            if (!gone(last))
                continue;
            int first = last;
            while (first > 0 && gone(first - 1))
                --first;
            takeOut(group, first, last);
            last = first;
        }
    }
}

/// New groups come with those of their entries that are new, too.
void ChatListModel::placeGroups(const Groups& groups, const std::vector<std::vector<EntryKey>>& keys) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
        const int row = static_cast<int>(g);
        // What is only there until its entries are elsewhere makes way.
        for (std::size_t left = root_.children.size() - std::min(g, root_.children.size());
             left > 0 && !has(groups, root_.children[g]->group.key); --left)
            move(*root_.children[g], root_, rowCount() - 1);
        const auto known = std::find_if(root_.children.begin(), root_.children.end(),
                                        [&](const auto& child) { return child->group.key == groups[g].key; });
        if (known != root_.children.end()) {
            move(**known, root_, row);
            continue;
        }
        auto made = make(root_);
        made->group = groups[g];
        made->group.entries.clear();
        for (std::size_t i = 0; i < keys[g].size(); ++i) {
            if (!entries_.contains(keys[g][i]))
                made->children.push_back(makeEntry(*made, groups[g].entries[i], keys[g][i]));
        }
        beginInsertRows({}, row, row);
        root_.children.insert(root_.children.begin() + row, std::move(made));
        endInsertRows();
    }
}

/// Entries that belong to another group now go to its end.
void ChatListModel::changeGroups(const std::map<EntryKey, std::size_t>& wanted) {
    for (const auto& [key, group] : wanted) {
        const auto known = entries_.find(key);
        Node& to = *root_.children[group];
        if (known != entries_.end() && known->second->parent != &to)
            move(*known->second, to, static_cast<int>(to.children.size()));
    }
}

void ChatListModel::placeEntries(Node& group, const std::vector<ChatListEntry>& entries,
                                 const std::vector<EntryKey>& keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto at = [&](std::size_t row) {
            return row < group.children.size() && group.children[row]->key == keys[i];
        };
        if (at(i))
            continue;
        if (at(i + 1)) { // one that stands too early, not all the others too late
            move(*group.children[i], group, static_cast<int>(group.children.size()) - 1);
            continue;
        }
        if (const auto known = entries_.find(keys[i]); known != entries_.end()) {
            move(*known->second, group, static_cast<int>(i));
            continue;
        }
        std::size_t end = i + 1;
        while (end < keys.size() && !entries_.contains(keys[end]))
            ++end;
        beginInsertRows(indexOf(group), static_cast<int>(i), static_cast<int>(end) - 1);
        for (std::size_t row = i; row < end; ++row)
            group.children.insert(group.children.begin() + static_cast<std::ptrdiff_t>(row),
                                  makeEntry(group, entries[row], keys[row]));
        endInsertRows();
        i = end - 1;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (std::exchange(group.children[i]->entry, entries[i]) == entries[i])
            continue;
        const QModelIndex changed = createIndex(static_cast<int>(i), 0, group.children[i]->id);
        Q_EMIT dataChanged(changed, changed);
    }
}

void ChatListModel::updateGroup(Node& group, const ChatListGroup& now) {
    if (group.group.name == now.name)
        return;
    group.group.name = now.name;
    const QModelIndex changed = indexOf(group);
    Q_EMIT dataChanged(changed, changed);
}

// ---- As Qt asks ----

QModelIndex ChatListModel::indexOf(ConversationId id, MessageId message) const {
    for (const auto& group : root_.children) {
        for (std::size_t i = 0; i < group->children.size(); ++i) {
            const Node& child = *group->children[i];
            if (child.entry.id == id && (message == 0 || child.entry.message == message))
                return createIndex(static_cast<int>(i), 0, child.id);
        }
    }
    return {};
}

QModelIndex ChatListModel::indexOfFolder(FolderId id) const {
    for (const auto& group : root_.children) {
        if (group->group.kind == ChatListGroup::Kind::Folder && group->group.folder == id)
            return indexOf(*group);
    }
    return {};
}

QModelIndex ChatListModel::index(int row, int column, const QModelIndex& parent) const {
    const Node* of = node(parent);
    if (!of || column != 0 || row < 0 || row >= static_cast<int>(of->children.size()))
        return {};
    return createIndex(row, column, of->children[static_cast<std::size_t>(row)]->id);
}

QModelIndex ChatListModel::parent(const QModelIndex& child) const {
    const Node* of = node(child);
    return of && of->parent ? indexOf(*of->parent) : QModelIndex();
}

int ChatListModel::rowCount(const QModelIndex& parent) const {
    const Node* of = node(parent);
    return of && parent.column() <= 0 ? static_cast<int>(of->children.size()) : 0;
}

int ChatListModel::columnCount(const QModelIndex&) const { return 1; }

QVariant ChatListModel::data(const QModelIndex& index, int role) const {
    const Node* found = node(index);
    if (!found || found == &root_)
        return {};
    const bool folder = found->group.kind == ChatListGroup::Kind::Folder && isGroup(*found);
    if (role == IsGroupRole)
        return isGroup(*found);
    if (role == IsFolderRole)
        return folder;
    if (isGroup(*found)) {
        switch (role) {
        case Qt::DisplayRole:
            return found->group.name;
        case Qt::EditRole:
            return folder ? found->group.name : QVariant();
        case Qt::ToolTipRole:
            return folder ? plainTip(found->group.name) : QVariant();
        case Qt::AccessibleTextRole:
            return folder ? tr("Folder %1").arg(found->group.name) : found->group.name;
        case GroupKeyRole:
            return found->group.key;
        case FolderRole:
            return found->group.folder;
        default:
            return {};
        }
    }
    const ChatListEntry& entry = found->entry;
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return entry.title;
    case Qt::ToolTipRole:
        return plainTip(entry.title);
    case Qt::AccessibleTextRole:
        return entry.generating ? tr("%1, answering").arg(entry.title) : entry.title;
    case Qt::AccessibleDescriptionRole:
    case LineRole:
        return entry.line;
    case IdRole:
        return entry.id;
    case MessageRole:
        return entry.message;
    case GeneratingRole:
        return entry.generating;
    case FolderRole:
        return entry.folder;
    case PinnedRole:
        return entry.pinned;
    default:
        return {};
    }
}

bool ChatListModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    Node* found = node(index);
    const QString title = value.toString().simplified();
    if (!found || !(flags(index) & Qt::ItemIsEditable) || role != Qt::EditRole || title.isEmpty() ||
        title == index.data(Qt::EditRole).toString())
        return false;
    (isGroup(*found) ? found->group.name : found->entry.title) = title;
    Q_EMIT dataChanged(index, index, {Qt::DisplayRole, Qt::EditRole});
    if (isGroup(*found))
        Q_EMIT folderRenamed(found->group.folder, title);
    else
        Q_EMIT renamed(found->entry.id, title);
    return true;
}

Qt::ItemFlags ChatListModel::flags(const QModelIndex& index) const {
    const Node* found = node(index);
    if (!found || found == &root_)
        return Qt::NoItemFlags;
    if (!isGroup(*found))
        return Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren | Qt::ItemIsEditable |
               Qt::ItemIsDragEnabled | Qt::ItemIsDropEnabled;
    if (found->group.kind == ChatListGroup::Kind::Folder)
        return Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable | Qt::ItemIsDropEnabled;
    return Qt::ItemIsEnabled | Qt::ItemIsDropEnabled;
}

// ---- Dragging ----

QStringList ChatListModel::mimeTypes() const { return {kMimeType}; }

QMimeData* ChatListModel::mimeData(const QModelIndexList& indexes) const {
    auto* data = new QMimeData;
    for (const QModelIndex& index : indexes) {
        if (const ConversationId id = index.data(IdRole).toLongLong(); id != 0)
            data->setData(kMimeType, QByteArray::number(id));
    }
    return data;
}

/// On a group, or on a chat in it.
bool ChatListModel::canDropMimeData(const QMimeData* data, Qt::DropAction action, int, int,
                                    const QModelIndex& parent) const {
    const Node* group = groupOf(parent);
    return data && data->hasFormat(kMimeType) && action == Qt::MoveAction && group &&
           group->group.kind != ChatListGroup::Kind::Found;
}

bool ChatListModel::dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                                 const QModelIndex& parent) {
    if (!canDropMimeData(data, action, row, column, parent))
        return false;
    const ConversationId id = data->data(kMimeType).toLongLong();
    const auto chat = std::find_if(chats_.begin(), chats_.end(),
                                   [id](const ConversationSummary& known) { return known.id == id; });
    if (chat == chats_.end())
        return false;
    const ChatListGroup& group = groupOf(parent)->group;
    if (group.kind == ChatListGroup::Kind::Pinned)
        Q_EMIT placed(id, chat->folder, true);
    else
        Q_EMIT placed(id, group.folder, false);
    return true;
}

} // namespace switchyard
