// The column of chats: a new one, a search over all of them, and the chats: pinned, in folders, by date.
#pragma once

#include "ui/chat/chat_list_delegate.h"
#include "ui/chat/chat_list_model.h"
#include "ui/chat/deleted_chats.h"
#include "ui/window_actions.h"

#include <QLineEdit>
#include <QPushButton>
#include <QStringList>
#include <QTimer>
#include <QTreeView>
#include <QWidget>

#include <functional>
#include <vector>

class QMenu;

namespace switchyard {

class ChatList : public QWidget {
    Q_OBJECT
  public:
    explicit ChatList(WindowActions& actions, QWidget* parent = nullptr);

    void setChats(const QList<ConversationSummary>& chats, const QList<ChatFolder>& folders = {});
    void setHits(const QList<SearchHit>& hits);
    void setDeleted(const QList<ConversationSummary>& chats);
    /// In place of the chats those that were deleted and can be restored.
    void showDeleted(bool shown);
    DeletedChats* deleted() const { return deleted_; }
    /// The chat that is shown; 0: a new one.
    void setCurrent(ConversationId id);
    void focusSearch();
    /// The keys of the groups that are folded.
    const QStringList& folded() const { return folded_; }
    void setFolded(const QStringList& keys);
    void editFolder(FolderId id);  ///< its name, in place
    ConversationId chosen() const; ///< where the keyboard is; 0: not on a chat
    ChatListModel* model() const { return model_; }
    QTreeView* view() const { return tree_; }
    QString query() const { return search_->text().trimmed(); }

  Q_SIGNALS:
    void chatActivated(switchyard::ConversationId id, switchyard::MessageId message); ///< message 0: none
    void renameRequested(switchyard::ConversationId id, const QString& title);
    void deleteRequested(switchyard::ConversationId id);
    void duplicateRequested(switchyard::ConversationId id);
    void searchRequested(const QString& text);
    /// Where a chat belongs from now on.
    void placed(switchyard::ConversationId id, switchyard::FolderId folder, bool pinned);
    void newFolderRequested(switchyard::ConversationId with); ///< to lie in it; 0: none
    void folderRenamed(switchyard::FolderId id, const QString& name);
    void folderRemoved(switchyard::FolderId id);
    void foldedChanged();
    void filesDropped(const QStringList& files); ///< that may hold chats

  protected:
    void paintEvent(QPaintEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    void activate(const QModelIndex& index);
    void activateFirst();
    void startSearch();
    void takeLater(const std::function<void()>& change);
    void showMenu(const QPoint& position);
    void connectActions();
    void showActions();
    void change(const std::function<void()>& rows);
    void changeAll(const std::function<void()>& rows);
    void unfold(int first, int last);
    void fold(const QModelIndex& group, bool folded);
    void fillMoveMenu();
    void place(FolderId folder, bool pinned);
    void scheduleMidnight();
    bool takeDrag(QEvent& event);

    WindowActions& actions_;
    QPushButton* new_;
    QLineEdit* search_;
    QTreeView* tree_;
    DeletedChats* deleted_;
    QPushButton* deleted_entry_;
    ChatListModel* model_;
    ChatListDelegate* delegate_;
    ConversationId current_ = 0;
    QTimer search_timer_, midnight_;
    QStringList folded_;                       ///< of groups that may not be there now, too
    std::vector<std::function<void()>> later_; ///< what waits for the end of a renaming
    QString hits_of_;                          ///< the query whose hits are shown
    bool first_wanted_ = false;                ///< Enter was pressed before the hits were there
    QMenu* move_menu_;
};

} // namespace switchyard
