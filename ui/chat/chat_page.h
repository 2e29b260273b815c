// The Chat page: the list of chats, the thread with its composer, and places for the Tune column and the
// Insight dock. Connects them to the controller and knows nothing else.
#pragma once

#include "app/services/chat_controller.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/composer.h"
#include "ui/chat/empty_state.h"
#include "ui/chat/thread_view.h"
#include "ui/chat/toast.h"

#include <QPointer>
#include <QSplitter>
#include <QWidget>

namespace switchyard {

class ChatPage : public QWidget {
    Q_OBJECT
  public:
    /// Both must outlive the page.
    ChatPage(ChatController& controller, Generator& generator, QWidget* parent = nullptr);

    /// The line above the thread (model picker); the page takes it.
    void setHeader(QWidget* header);
    /// The column on the right (Tune) and the dock under the thread (Insight); the page takes them.
    void setSideColumn(QWidget* column);
    void setDock(QWidget* dock);

    void setListShown(bool shown);
    bool listShown() const { return list_wanted_; }
    void setSideShown(bool shown);
    bool sideShown() const { return side_wanted_; }
    void setDockShown(bool shown);
    bool dockShown() const;

    /// Sizes and folds of the columns, and the size of the text.
    QByteArray saveState() const;
    void restoreState(const QByteArray& state);
    void setEnterSends(bool on) { composer_->setEnterSends(on); }
    /// A line under the greeting of an empty chat.
    void setModelHint(const QString& hint) { empty_->setHint(hint); }

    ThreadView* thread() const { return thread_; }
    Composer* composer() const { return composer_; }
    ChatList* list() const { return list_; }
    Toast* toast() const { return toast_; }

    // Actions of the menus
    void newChat();
    void focusComposer();
    void findChat();
    void regenerateLast();
    void editLastQuestion();
    void switchBranch(int step); ///< of the last message that has branches
    void copyLastAnswer();
    void stop();
    /// Shows the token in the thread: for the plots.
    void highlightToken(switchyard::MessageId message, int index);

  Q_SIGNALS:
    void listShownChanged(bool shown);
    void sideShownChanged(bool shown);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void connectController();
    void connectWidgets();
    void showThread();
    void showRun();
    void showChats();
    void showModel();
    void showContext();
    void send(const QString& text, const QList<MessagePart>& files);
    void act(MessageAction action, MessageId id);
    void applyColumns();
    const Message* last(Author author) const;

    ChatController& controller_;
    Generator& generator_;
    QSplitter *columns_, *rows_;
    QWidget *middle_, *thread_area_;
    ChatList* list_;
    ThreadView* thread_;
    EmptyState* empty_;
    QLabel* problem_;
    Composer* composer_;
    Toast* toast_;
    QPointer<QWidget> header_, side_, dock_;
    ConversationId shown_ = -1;
    MessageId last_shown_ = 0, wanted_message_ = 0;
    bool list_wanted_ = true, side_wanted_ = true, side_last_ = true, send_when_ready_ = false;
};

} // namespace switchyard
