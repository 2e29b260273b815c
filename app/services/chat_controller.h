// What joins the chats to the window, without widgets: which one is shown, the list of all, drafts, and
// deletions that can be taken back. A run belongs to its chat: showing another neither stops nor redirects
// it.
#pragma once

#include "app/services/chat_list_service.h"
#include "app/services/open_chat.h"
#include "app/services/undo_stack.h"

#include <QHash>

#include <functional>
#include <memory>
#include <vector>

namespace switchyard {

class ChatController : public QObject {
    Q_OBJECT
  public:
    /// All must outlive the controller.
    ChatController(ConversationStore& store, CurrentModel& model, RunService& runs,
                   QObject* parent = nullptr);
    /// Stops what runs; its text so far is kept.
    ~ChatController() override;

    // ---- Which chat is shown ----
    /// All chats, their titles and folders; what runs in them and deletion with undo are here.
    ChatListService& list() { return list_; }
    const ChatListService& list() const { return list_; }
    /// Shows an empty chat; it is stored (and listed) with its first message.
    void newChat();
    /// Shows an empty chat of which nothing is ever written; it is gone once another is shown.
    void newTemporaryChat();
    /// `message` not 0: on the branch that has it, which becomes the shown one.
    void openChat(ConversationId id, MessageId message = 0);
    /// Removes with undo; a run in it is stopped.
    void deleteChat(ConversationId id);
    /// Takes a deletion back, whenever that was; the chat is listed again.
    void restoreChat(ConversationId id);
    /// Of deleted chats: for good.
    void purgeChats(const QList<ConversationId>& ids);
    /// A copy with all branches and records, which is shown once it is stored. False: it is not in the list.
    bool duplicateChat(ConversationId id);
    /// Its chats stay, in none; undo puts them into it again.
    void deleteFolder(FolderId id);
    UndoStack& undo() { return undo_; } ///< of all of this session

    // ---- The chat that is shown ----
    OpenChat& chat() { return *shown_; }
    ConversationId current() const { return shown_->id(); } ///< 0: a new, empty one
    const Conversation& conversation() const { return shown_->conversation(); }
    const Message* message(MessageId id) const { return shown_->message(id); }
    bool busy() const { return shown_->busy(); }
    bool isTemporary() const { return shown_->isTemporary(); } ///< nothing of it is written
    const Tuning& tuning() const { return conversation().tuning; }

    /// Asks in the shown chat. False where it already answers, or there is nothing to send.
    bool send(const QString& text, const QList<MessagePart>& files = {});
    /// Removes a message and all under it, with undo.
    void deleteMessage(MessageId id);
    /// Brings back all messages that were deleted of it and are still kept, as the branches that they were.
    void restoreMessages();
    /// Of the shown chat; `model` is the loaded model's, for all chats.
    void setTuning(const Tuning& tuning);
    const QString& systemPrompt() const { return conversation().system_prompt; }
    /// Of any chat, from its next answer on. Chat 0: the new one, which keeps it as it keeps its draft.
    void setSystemPrompt(ConversationId id, const QString& text);
    /// What new chats begin with. One that is not begun has it at once, unless its own was written.
    void setNewChatsPrompt(const QString& text);

    // ---- Any chat ----
    /// nullptr: nothing runs in that chat.
    const RunStatus* run(ConversationId id) const;
    int busyChats() const; ///< in which something runs, or waits for its turn
    bool anyBusy() const { return busyChats() > 0; }
    void stop(ConversationId id);

    // ---- What is not sent ----
    /// Sends the shown chat's draft, as it then is, once the model that loads is ready; draftSent() follows.
    /// Where that model fails the draft stays, and refused() says so.
    void sendWhenReady();
    /// Gives the dials of a chat that begins while another is shown; `defaults` are the model's.
    using Beginning = std::function<Tuning(const Tuning& defaults)>;
    void setBeginning(Beginning beginning) { beginning_ = std::move(beginning); }
    bool waitsForModel(ConversationId id) const { return waiting_.contains(id); }
    /// The draft of this chat is not sent after all. False: none was to be sent.
    bool cancelWaiting(ConversationId id);
    /// What was written in a chat, shown or not, and not sent. Chat 0: the new one.
    void saveDraft(ConversationId id, const Draft& draft);
    /// A file for the draft of a chat that is not shown: it was read too late.
    void addDraftFile(ConversationId id, const MessagePart& file);

    // ---- The disk ----
    /// How many changes are not on the disk yet.
    int unsaved() const { return store_.unsaved(); }
    /// Stores the running answers as far as they are.
    void saveRuns();
    /// Waits until all is on the disk, at most that long; for the end of the session only.
    bool waitSaved(int milliseconds) { return store_.waitSaved(milliseconds); }
    /// The program ends though unsaved() is not 0.
    void abandonUnsaved() { store_.abandonUnsaved(); }

  Q_SIGNALS:
    /// Another chat is shown, or its messages are others than before: read conversation() again.
    void threadChanged();
    // Of the chat that is shown (OpenChat).
    void messageChanged(switchyard::MessageId id);
    void tokensRead();
    void contextCounted();
    void tuningChanged();
    void systemPromptChanged();
    /// What happened in a run since the last time, shown or not: for plots. At most every 16 ms.
    void runEvents(switchyard::ConversationId id, const std::vector<switchyard::RunEvent>& events);
    /// A run began, went into another phase, made progress in its prefill, or ended.
    void runChanged(switchyard::ConversationId id);
    /// A run has ended in a chat, shown or not: see OpenChat::ended().
    void answerEnded(const switchyard::OpenChat& chat);
    /// The new chat that is shown has its first message, or is left with one that waits: it has an id now.
    void chatBegan(switchyard::ConversationId id);
    /// What the new chat that is shown had when the program ended: it comes before what was written since.
    void draftRestored(const switchyard::Draft& earlier);
    /// The draft of a chat was sent without its composer: it waited for the model.
    void draftSent(switchyard::ConversationId id);
    /// A chat began or ceased to wait for the model.
    void waitingChanged();
    /// What was asked for cannot be done now: a sentence with cause and way on.
    void refused(const QString& sentence);
    /// From the store (ConversationStore::problem).
    void problem(const QString& sentence, bool saving, bool stays);
    void saved(); ///< unsaved() came to 0

  private:
    std::unique_ptr<OpenChat> makeChat(Conversation conversation, bool stored = true);
    void show(std::unique_ptr<OpenChat> chat);
    void showNew(std::unique_ptr<OpenChat> chat);
    OpenChat* find(ConversationId id) const; ///< shown, or answering meanwhile
    std::unique_ptr<OpenChat> takeOther(ConversationId id);
    void takeRunChange(OpenChat& chat);
    void close(std::unique_ptr<OpenChat> chat);
    void takeModel(ModelState state);
    void giveDials(OpenChat& chat);
    void takeModelTuning();
    void keepModelTuning(const ModelTuning& tuning);
    int giveUpOpening();
    void takeTitle();
    void createChat(const QString& text);
    void forgetNewDraft();
    void leave(); ///< the shown chat, for another
    void restoreNewChatDraft();
    void takeWaiting(ModelState state);
    void sendWaiting();
    void sendDraft(); ///< of the shown chat
    void sendInBackground(ConversationId id, bool early);
    void dropWaiting(const QString& sentence);

    ConversationStore& store_;
    CurrentModel& model_;
    RunService& runs_;
    ChatListService list_;
    UndoStack undo_;
    std::unique_ptr<OpenChat> shown_;
    std::vector<std::unique_ptr<OpenChat>> others_; ///< that answer
    QSet<ConversationId> gone_;                     ///< temporary chats that were left
    Draft new_chat_draft_;
    QString new_chats_prompt_;
    QHash<ConversationId, bool> waiting_; ///< for the model; true: and for its defaults
    ModelTuning model_tuning_;            ///< of the loaded model
    bool tuned_ = false;                  ///< the user moved a dial since the chat began
    bool early_ = true;                   ///< the chat began before a model was there to say its defaults
    Beginning beginning_ = [](const Tuning& defaults) { return defaults; };
    int open_serial_ = 0;
    ConversationId opening_ = -1; ///< asked of the store and not shown yet; -1: none
};

} // namespace switchyard
