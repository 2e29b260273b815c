// The column of chats: a new one, a search over all of them, and the chats by date.
#pragma once

#include "ui/chat/chat_list_model.h"
#include "ui/window_actions.h"

#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QTimer>
#include <QTreeView>
#include <QWidget>

#include <functional>
#include <vector>

namespace switchyard {

/// Draws groups, chats and hits.
class ChatListDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void setQuery(const QString& query) { query_ = query; }
    void setCurrentChat(ConversationId id) { current_ = id; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    bool renaming() const { return editor_; }
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const override;
    /// Only when the editor opens, with all of it selected: what is typed since is not written over by a
    /// change of the row.
    void setEditorData(QWidget* editor, const QModelIndex& index) const override;
    /// Nothing where the text is as it was given, whatever the row has become meanwhile.
    void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;

  Q_SIGNALS:
    void renamingEnded() const; ///< the editor is gone

  private:
    mutable QPointer<QWidget> editor_;
    void paintGroup(QPainter& painter, const QStyleOptionViewItem& option, const QModelIndex& index) const;
    void paintLine(QPainter& painter, const QRect& rect, const QString& line, const QFont& font,
                   const QColor& plain, const QColor& found) const;
    QString query_;
    ConversationId current_ = 0;
};

class ChatList : public QWidget {
    Q_OBJECT
  public:
    explicit ChatList(WindowActions& actions, QWidget* parent = nullptr);

    void setChats(const QList<ConversationSummary>& chats);
    void setHits(const QList<SearchHit>& hits);
    /// The chat that is shown; 0: a new one.
    void setCurrent(ConversationId id);
    void focusSearch();
    ChatListModel* model() const { return model_; }
    QTreeView* view() const { return tree_; }
    QString query() const { return search_->text().trimmed(); }

  Q_SIGNALS:
    void chatActivated(switchyard::ConversationId id, switchyard::MessageId message); ///< message 0: none
    void renameRequested(switchyard::ConversationId id, const QString& title);
    void deleteRequested(switchyard::ConversationId id);
    void searchRequested(const QString& text);

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    void activate(const QModelIndex& index);
    void activateFirst();
    void startSearch();
    void rememberView();
    void takeLater(const std::function<void()>& change);
    void showMenu(const QPoint& position);
    void connectActions();
    void showActions();
    ConversationId chosen() const; ///< where the keyboard is; 0: not on a chat
    void restoreView();
    void scheduleMidnight();

    WindowActions& actions_;
    QPushButton* new_;
    QLineEdit* search_;
    QTreeView* tree_;
    ChatListModel* model_;
    ChatListDelegate* delegate_;
    ConversationId current_ = 0;
    QTimer search_timer_, midnight_;
    QStringList folded_;
    std::vector<std::function<void()>> later_; ///< what waits for the end of a renaming
    QString hits_of_;                          ///< the query whose hits are shown
    bool first_wanted_ = false;                ///< Enter was pressed before the hits were there
    std::pair<ConversationId, MessageId> row_; ///< the keyboard's, while the model is made anew
    int scroll_ = 0;
};

} // namespace switchyard
