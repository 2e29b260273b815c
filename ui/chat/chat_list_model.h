// The chats by date, or what a search found, as a tree of two levels: groups and their chats.
#pragma once

#include "app/services/conversation_store.h"

#include <QAbstractItemModel>
#include <QDate>

#include <vector>

namespace switchyard {

class ChatListModel : public QAbstractItemModel {
    Q_OBJECT
  public:
    enum Role { IdRole = Qt::UserRole + 1, GeneratingRole, LineRole, MessageRole, IsGroupRole };

    explicit ChatListModel(QObject* parent = nullptr);

    /// True where chats came or went.
    bool setChats(const QList<ConversationSummary>& chats);
    /// Shows what a search found instead of the chats by date.
    void setHits(const QList<SearchHit>& hits);
    void clearHits();
    bool searching() const { return searching_; }
    /// The day that is "Today"; groups move when it changes.
    void setToday(const QDate& today);
    /// The first entry of a chat, or the one of a message; invalid where it is not listed.
    QModelIndex indexOf(ConversationId id, MessageId message = 0) const;
    /// "Today", "Yesterday", "Last week", or a month.
    static QString groupName(const QDate& date, const QDate& today);

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

  Q_SIGNALS:
    void renamed(switchyard::ConversationId id, const QString& title);

  private:
    struct Entry {
        ConversationId id = 0;
        MessageId message = 0;
        QString title, line;
        bool generating = false;
        bool operator==(const Entry&) const = default;
    };
    struct Group {
        QString name;
        std::vector<Entry> entries;
    };
    void rebuild();
    const Entry* entry(const QModelIndex& index) const;

    QList<ConversationSummary> chats_;
    QList<SearchHit> hits_;
    bool searching_ = false;
    QDate today_ = QDate::currentDate();
    std::vector<Group> groups_;
};

} // namespace switchyard
