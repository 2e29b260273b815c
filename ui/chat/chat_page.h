// The thread with its composer, and the list of chats beside it: connects them to the controller.
#pragma once

#include "app/services/chat_controller.h"
#include "ui/chat/chat_list.h"
#include "ui/chat/composer.h"
#include "ui/chat/empty_state.h"
#include "ui/chat/find_bar.h"
#include "ui/chat/model_offer.h"
#include "ui/chat/system_prompt_bar.h"
#include "ui/chat/thread_view.h"
#include "ui/chat/toast.h"
#include "ui/window_actions.h"

#include <QHash>
#include <QLabel>
#include <QTimer>
#include <QWidget>

#include <functional>

namespace switchyard {

class Settings;

class ChatPage : public QWidget {
    Q_OBJECT
  public:
    /// All must outlive the page. The list of chats is made here and placed by the window.
    ChatPage(ChatController& controller, CurrentModel& model, Settings& settings, SystemPrompts& prompts,
             WindowActions& actions, QWidget* parent = nullptr);

    ~ChatPage() override;

    ChatList* list() const { return list_; }
    ThreadView* thread() const { return thread_; }
    Composer* composer() const { return composer_; }
    Toast* toast() const { return toast_; }
    ModelOffer* modelOffer() const { return model_offer_; }

    /// A line under the greeting of an empty chat.
    void setModelHint(const QString& hint) { empty_->setHint(hint); }
    /// Called where something is asked and the model sleeps: loads it.
    void setWake(std::function<void()> wake) { wake_ = std::move(wake); }
    /// No model is loaded, and one comes back with the next message.
    void setSleeping(bool sleeping);
    /// The way to a first model, and that it came, went or has another height.
    void setOffer(QWidget* offer) { empty_->setOffer(offer); }
    void fitOffer() { empty_->fit(); }

    // What the menus do
    void newChat();
    void open(ConversationId id);
    void newTemporaryChat();
    void propose(const QString& text); ///< in a new chat, behind what is written there
    /// Stores now what is written and not sent.
    Draft unsent() const;
    void keepUnsent();
    /// Says something at the foot of the thread, for so long; with an action that can be taken.
    void announce(const QString& sentence, int milliseconds, const QString& action = {},
                  std::function<void()> then = {});
    void withdraw(const QString& sentence); ///< where that is what stands there
    void focusComposer();
    void focusSearch(); ///< in all chats
    void openFind();    ///< in this chat
    void regenerateLast();
    void editLastQuestion();
    void switchBranch(int step); ///< of the last message that has branches, or the one just switched
    void undoDelete();
    void copyLastAnswer();
    /// Ends what Esc ends: the find bar, else an edit, else what runs or waits. False: there was nothing.
    bool handleEscape();
    bool hasOpened() const { return !find_->isHidden() || thread_->editing(); } ///< find bar or editor
    bool stop(); ///< what waits for its model, else the answer; false: nothing does
    /// Shows the token in the thread: for the plots.
    void highlightToken(switchyard::MessageId message, int index);

  Q_SIGNALS:
    void wanted(); ///< something was asked for that is to be seen

  protected:
    bool event(QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    void connectController();
    void connectWidgets();
    void connectList();
    void connectDeleted();
    void connectActions();
    void showActions();
    void fitComposer();
    void showThread();
    void showRun();
    void showChats();
    void showModel();
    void showContext();
    void showMemory();
    void lookAhead();
    void showAhead(const ShownPrompt& prompt);
    void showPrompt(const Message& answer);
    void connectDrafts();
    void connectContext();
    void connectSystemPrompt();
    void showNewChatsPrompt();
    void sendText(const QString& text, const QList<MessagePart>& files);
    void sendNow(const QString& text, const QList<MessagePart>& files);
    bool mayNotFit(const QString& text, const QList<MessagePart>& files) const;
    bool sendIfItFits(const QString& text, const QList<MessagePart>& files);
    void act(MessageAction action, MessageId id);
    /// The versions among which the keys go, with the place of the one that is shown.
    struct Branches {
        QList<MessageId> siblings;
        qsizetype at = -1;
    };
    Branches branches() const;
    void selectBranch(const QList<MessageId>& siblings, qsizetype index);
    void takeEdit(MessageId id, const QString& text, bool question, bool go_on);
    bool mayAsk();
    void rememberPlace();
    void showWaiting();
    void offer(const QString& sentence, std::function<void()> undo, const QString& action = tr("Undo"));
    const Message* last(Author author) const;

    ChatController& controller_;
    CurrentModel& model_;
    Settings& settings_;
    SystemPrompts& prompts_;
    WindowActions& actions_;
    ChatList* list_;
    ThreadView* thread_;
    EmptyState* empty_;
    FindBar* find_;
    SystemPromptBar* system_;
    QLabel *problem_, *temporary_;
    ModelOffer* model_offer_;
    Composer* composer_;
    Toast* toast_;
    ConversationId shown_ = -1;
    /// The same, for those who ask later: a new chat gets its id.
    std::shared_ptr<ConversationId> chat_ = std::make_shared<ConversationId>(0);
    MessageId last_shown_ = 0, wanted_message_ = 0;
    bool sending_ = false, measuring_ = false, deletion_offered_ = false, of_this_chat_ = false,
         sleeping_ = false;
    QHash<MessageId, ThreadView::Place> places_; ///< where a reader was, by the thread's last message
    QList<MessageId> branches_;                  ///< among which Alt+Left and Alt+Right go
    MessageId branch_ = 0;                       ///< the one that was chosen; 0: the last that there is
    std::function<void()> toast_undo_, wake_;
    QTimer look_ahead_; ///< what sending would do to a context that is nearly full
    int ahead_ = 0;     ///< what was asked for last; older answers are passed over
};

} // namespace switchyard
