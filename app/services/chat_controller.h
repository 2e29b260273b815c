// The logic between the window, the store and what answers, without widgets: which chat is shown, what runs
// where, and what is kept of it. A run belongs to its chat: showing another neither stops nor redirects it.
#pragma once

#include "app/services/chat_list_service.h"
#include "app/services/current_model.h"
#include "app/services/run_service.h"

#include <QHash>
#include <QPointer>
#include <QSet>
#include <QTimer>

#include <map>
#include <optional>
#include <unordered_map>

namespace switchyard {

/// A run that is under way in a chat.
struct RunStatus {
    enum class Phase { Queued, Prefill, Decoding };
    RunId run = 0;
    ConversationId conversation = 0;
    MessageId message = 0; ///< the answer that grows
    Phase phase = Phase::Queued;
    int prefill_done = 0, prefill_total = 0; ///< tokens
};

class ChatController : public QObject {
    Q_OBJECT
  public:
    /// All must outlive the controller.
    ChatController(ConversationStore& store, CurrentModel& model, RunService& runs,
                   QObject* parent = nullptr);
    /// Stops what runs; its text so far is kept.
    ~ChatController() override;

    /// All chats, their titles and folders; what runs in them and deletion with undo are here.
    ChatListService& list() { return list_; }
    const ChatListService& list() const { return list_; }
    /// Shows an empty chat; it is stored (and listed) with its first message.
    void newChat();
    /// `message` not 0: on the branch that has it, which becomes the shown one.
    void openChat(ConversationId id, MessageId message = 0);
    /// Removes with undo; a run in it is stopped. undoOffered() follows.
    void deleteChat(ConversationId id);
    /// Takes back the last deletion (chat or message) that was not taken back yet, of all of this session.
    void undoDelete();
    bool canUndo() const { return !undo_.empty(); }

    // ---- The chat that is shown ----
    ConversationId current() const { return conversation_.summary.id; } ///< 0: a new, empty one
    /// The live state: the last answer grows here while it streams.
    const Conversation& conversation() const { return conversation_; }
    /// Of the shown thread; nullptr where it is not there. Valid until the thread changes.
    const Message* message(MessageId id) const;
    /// nullptr: nothing runs in that chat.
    const RunStatus* run(ConversationId id) const;
    bool busy() const { return run(current()) != nullptr; }

    /// Asks in the shown chat. False where it already answers, or there is nothing to send.
    bool send(const QString& text, const QList<MessagePart>& files = {});
    /// Sends the shown chat's draft, as it then is, once the model that loads is ready; draftSent() follows.
    /// Where that model fails the draft stays, and refused() says so.
    void sendWhenReady();
    /// Gives the dials of a chat that begins while another is shown; `defaults` are the model's.
    using Beginning = std::function<Tuning(const Tuning& defaults)>;
    void setBeginning(Beginning beginning) { beginning_ = std::move(beginning); }
    bool waitsForModel(ConversationId id) const { return waiting_.contains(id); }
    /// The draft of this chat is not sent after all. False: none was to be sent.
    bool cancelWaiting(ConversationId id);
    void stop() { stop(current()); }
    void stop(ConversationId id);
    // What asks is refused (false) in a chat that already answers.
    /// Another answer to the same question, with a new seed, as a branch.
    bool regenerate(MessageId answer);
    /// Answers a question that has no answer: it was deleted, or never came.
    bool answer(MessageId question);
    /// The same settings, seed and dial moves again, as a branch; refused() where another model is loaded.
    bool runAgain(MessageId answer);
    /// A branch with another question, answered.
    bool editQuestion(MessageId question, const QString& text);
    /// A branch with this text, that no model made; continueAnswer() goes on from there. The answer as it was
    /// stays. Returns the edited one (`answer` itself where the text is its own), 0: it cannot be edited now.
    MessageId editAnswer(MessageId answer, const QString& text);
    /// Goes on with an answer that was stopped, interrupted or cut at its limit.
    bool continueAnswer(MessageId answer);
    /// Removes a message and all under it, with undo.
    void deleteMessage(MessageId id);
    void selectBranch(MessageId id);
    /// What was written in a chat, shown or not, and not sent. Chat 0: the new one.
    void saveDraft(ConversationId id, const Draft& draft);
    /// A file for the draft of a chat that is not shown: it was read too late.
    void addDraftFile(ConversationId id, const MessagePart& file);

    /// Reads the tokens of these answers of the shown thread, where message() does not have them yet;
    /// messageChanged() and tokensRead() follow.
    void needTokens(const QList<MessageId>& messages);

    // ---- The disk ----
    /// How many changes are not on the disk yet.
    int unsaved() const { return store_.unsaved(); }
    /// Stores the running answers as far as they are.
    void saveRuns();
    /// Waits until all is on the disk, at most that long; for the end of the session only.
    bool waitSaved(int milliseconds) { return store_.waitSaved(milliseconds); }
    /// The program ends though unsaved() is not 0.
    void abandonUnsaved() { store_.abandonUnsaved(); }

    // ---- Dials ----
    /// In force in the shown chat; `model` is the loaded model's, for all chats.
    const Tuning& tuning() const { return conversation_.tuning; }
    /// Acts on the next token of this chat's run, and is kept with the chat.
    void setTuning(const Tuning& tuning);

  Q_SIGNALS:
    /// Another chat is shown, or its messages are others than before: read conversation() again.
    void threadChanged();
    /// Text, parts, state or run of one message of the shown thread changed.
    void messageChanged(switchyard::MessageId id);
    /// What needTokens() asked for is there, or a part of it.
    void tokensRead();
    /// What happened in a run since the last time, shown or not: for plots. At most every 16 ms.
    void runEvents(switchyard::ConversationId id, const std::vector<switchyard::RunEvent>& events);
    /// A run began, went into another phase, made progress in its prefill, or ended.
    void runChanged(switchyard::ConversationId id);
    void tuningChanged();
    /// The new chat that is shown has its first message, or is left with one that waits: it has an id now.
    void chatBegan(switchyard::ConversationId id);
    /// What the new chat that is shown had when the program ended: it comes before what was written since.
    void draftRestored(const switchyard::Draft& earlier);
    /// The draft of a chat was sent without its composer: it waited for the model.
    void draftSent(switchyard::ConversationId id);
    /// A chat began or ceased to wait for the model.
    void waitingChanged();
    /// A chat or message was deleted and can be brought back by undoDelete().
    void undoOffered(const QString& sentence);
    void undoChanged(); ///< canUndo() may be otherwise
    /// What was asked for cannot be done now: a sentence with cause and way on.
    void refused(const QString& sentence);
    /// From the store (ConversationStore::problem).
    void problem(const QString& sentence, bool saving, bool stays);
    void saved(); ///< unsaved() came to 0

  private:
    struct Live;
    void takeModel(ModelState state);
    void takeTitle();
    void show(Conversation conversation);
    void createChat(const QString& text);
    void leave(); ///< the shown chat, for another
    void ask(Conversation& conversation, const QString& text, const QList<MessagePart>& files);
    void answerQuestion(Conversation& conversation, MessageId question,
                        const std::optional<RunRecord>& replay, bool new_seed);
    std::vector<ChatTurn> turnsUntil(const Conversation& conversation, MessageId last) const;
    void restoreNewChatDraft();
    void takeWaiting(ModelState state);
    void sendWaiting();
    void sendDraft(); ///< of the shown chat
    Message newMessage(ConversationId conversation, MessageId parent, Author author) const;
    void sendInBackground(ConversationId id, bool early);
    void dropWaiting(const QString& sentence);
    void offerUndo(const QString& sentence, std::function<void()> undo);
    void begin(const Tuning& defaults); ///< the shown chat with a model's dials
    void start(const Message& answer, GenerationRequest request);
    void autosave();
    void take(RunId id, const std::vector<RunEvent>& events);
    void apply(Live& live, const RunEvent& event);
    void finish(Live& live, const RunEvent& event);
    void synchronise(const Live& live); ///< the shown message with the live one
    void save(Live& live);
    void takeTokens(const QList<MessageId>& asked, std::map<MessageId, RunRecord>& runs);
    /// Does it once the answer's tokens are there; dropped where another is asked for before.
    void withTokens(MessageId id, std::function<void()> then);
    void runAgainWithTokens(MessageId answer);
    void continueWithTokens(MessageId answer);
    bool mayGoOn(MessageId answer) const;
    void beginRun(Message& answer, const Tuning& settings) const;

    ConversationStore& store_;
    CurrentModel& model_;
    RunService& runs_;
    ChatListService list_;
    Conversation conversation_;
    Draft new_chat_draft_;
    QHash<ConversationId, bool> waiting_; ///< for the model; true: and for its defaults
    ModelTuning model_tuning_;            ///< of the loaded model
    bool tuned_ = false;                  ///< the user moved a dial since the chat began
    bool early_ = true;                   ///< the chat began before a model was there to say its defaults
    Beginning beginning_ = [](const Tuning& defaults) { return defaults; };
    QSet<MessageId> reading_;                              ///< their tokens are asked for
    std::pair<MessageId, std::function<void()>> awaiting_; ///< what withTokens() does next
    int open_serial_ = 0;
    ConversationId opening_ = -1; ///< asked of the store and not shown yet; -1: none
    std::unordered_map<RunId, std::unique_ptr<Live>> live_;
    std::vector<std::function<void()>> undo_;
    QTimer autosave_; ///< while something runs
};

} // namespace switchyard
