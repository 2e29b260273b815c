// Recently deleted: in place of the list of chats, what was deleted within 30 days, to be restored or to be
// deleted for good.
#pragma once

#include "ui/chat/deleted_chats_model.h"

#include <QLabel>
#include <QListView>
#include <QPushButton>
#include <QWidget>

namespace switchyard {

class ChatListDelegate;

class DeletedChats : public QWidget {
    Q_OBJECT
  public:
    explicit DeletedChats(QWidget* parent = nullptr);

    void setChats(const QList<ConversationSummary>& chats);
    DeletedChatsModel* model() const { return model_; }
    QListView* view() const { return view_; }

  Q_SIGNALS:
    void restoreRequested(switchyard::ConversationId id);
    void purgeRequested(const QList<switchyard::ConversationId>& ids); ///< it was asked, and is wanted
    void closed();

  protected:
    void showEvent(QShowEvent* event) override;
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    ConversationId chosen() const;
    void choose();
    void restore();
    void askToPurge();
    void askToEmpty();
    void ask(const QString& question, const QString& more, const QString& yes,
             const QList<ConversationId>& ids);
    void showMenu(const QPoint& position);

    DeletedChatsModel* model_;
    ChatListDelegate* delegate_;
    QListView* view_;
    QLabel* note_;
    QPushButton *restore_, *purge_, *empty_;
};

} // namespace switchyard
