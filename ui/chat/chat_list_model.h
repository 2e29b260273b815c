// The chats in their groups, as a tree of nodes. What changes comes as rows that are put in, taken out and
// moved, so that a view keeps its place, its selection and a title that is being edited.
#pragma once

#include "ui/chat/chat_list_groups.h"

#include <QAbstractItemModel>

#include <map>
#include <memory>
#include <tuple>
#include <unordered_map>

namespace switchyard {

class ChatListModel : public QAbstractItemModel {
    Q_OBJECT
  public:
    enum Role {
        IdRole = Qt::UserRole + 1, ///< of a chat or hit; 0: a group
        GeneratingRole,
        LineRole,
        MessageRole,
        IsGroupRole,
        GroupKeyRole,
        FolderRole, ///< of a folder, or the one a chat is in; 0: none
        IsFolderRole,
        PinnedRole
    };

    explicit ChatListModel(QObject* parent = nullptr);
    ~ChatListModel() override;

    /// True where chats came or went.
    bool setChats(const QList<ConversationSummary>& chats, const QList<ChatFolder>& folders = {});
    /// Shows what a search found instead of the chats.
    void setHits(const QList<SearchHit>& hits);
    void clearHits();
    bool searching() const { return searching_; }
    const QList<ChatFolder>& folders() const { return folders_; }
    /// The day that is "Today"; chats move when it changes.
    void setToday(const QDate& today);
    /// The first entry of a chat, or the one of a message; invalid where it is not listed.
    QModelIndex indexOf(ConversationId id, MessageId message = 0) const;
    QModelIndex indexOfFolder(FolderId id) const;

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QStringList mimeTypes() const override;
    QMimeData* mimeData(const QModelIndexList& indexes) const override;
    Qt::DropActions supportedDropActions() const override { return Qt::MoveAction; }
    bool canDropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                         const QModelIndex& parent) const override;
    bool dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                      const QModelIndex& parent) override;

  Q_SIGNALS:
    void renamed(switchyard::ConversationId id, const QString& title);
    void folderRenamed(switchyard::FolderId id, const QString& name);
    /// A chat was dropped on a group: there it belongs.
    void placed(switchyard::ConversationId id, switchyard::FolderId folder, bool pinned);

  private:
    /// What makes an entry the same one in another list. A chat and a hit in it are two.
    using EntryKey = std::tuple<bool, ConversationId, MessageId, int>;
    struct Node {
        quintptr id = 0; ///< of indexes: a number that is given once, so that an old one finds nothing
        Node* parent = nullptr;
        ChatListGroup group; ///< of a group, without entries
        ChatListEntry entry; ///< of the others
        EntryKey key{};
        std::vector<std::unique_ptr<Node>> children;
    };
    using Groups = std::vector<ChatListGroup>;

    static std::vector<EntryKey> keysOf(const ChatListGroup& group, std::map<EntryKey, int>& seen);
    Node* node(const QModelIndex& index) const;
    bool isGroup(const Node& node) const { return node.parent == &root_; }
    const Node* groupOf(const QModelIndex& index) const;
    int rowOf(const Node& node) const;
    QModelIndex indexOf(const Node& node) const;
    std::unique_ptr<Node> make(Node& parent);
    std::unique_ptr<Node> makeEntry(Node& parent, const ChatListEntry& entry, const EntryKey& key);
    void forget(const Node& node);
    void takeOut(Node& parent, int first, int last);
    void move(Node& node, Node& to, int row);

    void rebuild();
    void removeGone(const Groups& groups, const std::map<EntryKey, std::size_t>& wanted);
    void placeGroups(const Groups& groups, const std::vector<std::vector<EntryKey>>& keys);
    void changeGroups(const std::map<EntryKey, std::size_t>& wanted);
    void placeEntries(Node& group, const std::vector<ChatListEntry>& entries,
                      const std::vector<EntryKey>& keys);
    void updateGroup(Node& group, const ChatListGroup& now);

    QList<ConversationSummary> chats_;
    QList<ChatFolder> folders_;
    QList<SearchHit> hits_;
    bool searching_ = false;
    QDate today_ = QDate::currentDate();
    Node root_;
    quintptr next_id_ = 1;
    std::unordered_map<quintptr, Node*> nodes_;
    std::map<EntryKey, Node*> entries_;
};

} // namespace switchyard
