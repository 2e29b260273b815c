// One chat that is open: its branches, dials and draft, and what runs in it. There may be several at once,
// also of the same chat, and of chats that are never stored.
#pragma once

#include "app/services/conversation_store.h"
#include "app/services/current_model.h"
#include "app/services/run_recorder.h"

#include <QSet>
#include <QTimer>

namespace switchyard {

class OpenChat : public QObject {
    Q_OBJECT
  public:
    /// All of these must outlive the chat.
    struct Services {
        ConversationStore* store; ///< nullptr: a temporary chat, of which nothing is written
        CurrentModel& model;
        RunService& runs;
    };
    /// Which KV cache its runs go on with: the chat's own, or none (a second one of the same chat).
    enum class Cache { Own, None };

    OpenChat(const Services& services, Conversation conversation, Cache cache = Cache::Own,
             QObject* parent = nullptr);
    /// Stops what runs; its text so far is kept.
    ~OpenChat() override;

    ConversationId id() const { return conversation_.summary.id; } ///< 0: not begun
    bool isTemporary() const { return services_.store == nullptr; }
    /// The live state: an answer grows here while it streams.
    const Conversation& conversation() const { return conversation_; }
    /// Of the shown branch; nullptr where it is not there. Valid until the branch changes.
    const Message* message(MessageId id) const;
    const RunStatus* run() const { return run_ ? &run_->status() : nullptr; } ///< nullptr: nothing runs
    bool busy() const { return run_ != nullptr; }
    /// The answer whose run ended last, in whichever branch; nullptr: none has since the chat was opened.
    const Message* ended() const { return conversation_.tree.find(ended_); }

    /// The chat has an id, a title and its time from now on, and is stored. PRECOND: id() was 0.
    void begin(const ConversationSummary& summary);
    void setTitle(const QString& title) { conversation_.summary.title = title; }
    /// What was written and is not sent.
    void saveDraft(const Draft& unsent);

    // What asks is refused (false) while the chat answers. PRECOND: id() is not 0.
    /// Of the draft only what is being edited stays. False also where there is nothing to send.
    bool send(const QString& text, const QList<MessagePart>& files = {});
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
    void stop();
    /// What still waits for tokens to be read is not done; what runs goes on.
    void giveUp() { awaiting_ = {}; }

    /// With all under it; a run among these is stopped. How many went; 0: it is not shown.
    int removeMessage(MessageId id);
    void restoreMessage(MessageId id); ///< takes that back, and shows it
    /// Whether something was deleted, also before this session, and the store still has it.
    bool hasRemoved() const { return services_.store && !conversation_.removed.isEmpty(); }
    void restoreRemoved(); ///< all of it, and shows what was deleted last
    void selectBranch(MessageId id);

    /// The prompt of a stored answer, made anew by the model in use.
    void showPromptOf(MessageId answer, QObject* context, std::function<void(const ShownPrompt&)> then);
    /// That of this question if it were asked now, without its text; nothing where this is asked again before
    /// it is known. False: nobody knows the prompts.
    bool measurePromptFor(const QString& text, const QList<MessagePart>& files, QObject* context,
                          std::function<void(const ShownPrompt&)> then);

    /// Tokens that the shown branch takes of the context: what its last run counted, else countContext(); 0:
    /// not known.
    int contextTokens() const;
    void countContext(); ///< where no run did and the model is ready: contextCounted() follows

    /// Acts on the next token, and is kept with the chat.
    void setTuning(const Tuning& tuning);
    /// What the model is told before all messages, from the next answer on.
    void setSystemPrompt(const QString& text);
    void setModelTuning(const ModelTuning& tuning) { conversation_.tuning.model = tuning; } ///< of all chats

    /// Reads the tokens of these answers where message() does not have them yet; messageChanged() and
    /// tokensRead() follow.
    void needTokens(const QList<MessageId>& messages);
    /// Stores the running answer as far as it is.
    void saveRun();

  Q_SIGNALS:
    void threadChanged(); ///< other messages are shown than before
    /// Text, parts, state or run of one message of the shown branch changed.
    void messageChanged(switchyard::MessageId id);
    void tokensRead(); ///< what needTokens() asked for, or a part of it
    void contextCounted();
    void runEvents(const std::vector<switchyard::RunEvent>& events);
    void runChanged(); ///< begins, goes into another phase, makes progress in its prefill, or ends
    void refused(const QString& sentence); ///< what was asked for cannot be done now, and the way on

  private:
    Message newMessage(MessageId parent, Author author) const;
    void append(const Message& message);
    QString systemPromptOf(const RunSummary* run) const;
    void answerQuestion(MessageId question, const std::optional<RunRecord>& replay, bool new_seed);
    void beginRun(Message& answer, const Tuning& settings) const;
    void noteModel(Message& answer, const ModelKey& model) const;
    void rememberModel(const ModelKey& model);
    void start(MessageId answer, GenerationRequest request);
    void take(RunId run, const std::vector<RunEvent>& events);
    void autosave();
    void showRestored(MessageId id, bool here);
    void readAgain();
    void takeStored(Conversation stored);
    void takeTokens(const QList<MessageId>& asked, std::map<MessageId, RunRecord>& runs);
    /// Does it once the answer's tokens are there; dropped where another is asked for before.
    void withTokens(MessageId id, std::function<void()> then);
    void runAgainWithTokens(MessageId answer);
    bool mayGoOn(MessageId answer) const;
    void continueWithTokens(MessageId answer);
    GenerationRequest requestToGoOn(const Message& answer) const;
    std::pair<MessageId, ModelKey> countKey() const;

    Services services_;
    Cache cache_;
    Conversation conversation_;
    std::unique_ptr<RunRecorder> run_;
    MessageId ended_ = 0;
    int changes_ = 0;           ///< of the branches; what was read before one of them is not taken
    bool run_is_ahead_ = false; ///< of what was read: readAgain() at its end
    std::pair<MessageId, ModelKey> counted_for_; ///< what countContext() has counted, or counts
    int counted_ = 0;
    QSet<MessageId> reading_;                              ///< their tokens are asked for
    std::pair<MessageId, std::function<void()>> awaiting_; ///< what withTokens() does next
    QTimer autosave_;                                      ///< while something runs
};

} // namespace switchyard
