// Chats that were deleted and can be restored, the latest first. What changes comes as rows, so that a view
// keeps its place.
#pragma once

#include "app/services/conversation.h"

#include <QAbstractListModel>

namespace switchyard {

/// Its roles are those of ChatListModel.
class DeletedChatsModel : public QAbstractListModel {
    Q_OBJECT
  public:
    using QAbstractListModel::QAbstractListModel;

    void setChats(const QList<ConversationSummary>& chats);
    /// From which the days that are left are counted.
    void setToday(const QDate& today);
    const QList<ConversationSummary>& chats() const { return chats_; }
    QModelIndex indexOf(ConversationId id) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

  private:
    QString lineOf(const ConversationSummary& chat) const;

    QList<ConversationSummary> chats_;
    QDate today_ = QDate::currentDate();
};

} // namespace switchyard
