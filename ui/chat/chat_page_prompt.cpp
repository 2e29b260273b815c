// The page's third part: what the model is told. How full its context is, what leaves it, and the prompt of
// an answer.
#include "ui/chat/chat_page.h"

#include "app/services/chat_turns.h"
#include "ui/chat/prompt_window.h"

#include <QPointer>

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kLookAheadMs = 250; ///< after typing pauses

/// Of the text in UTF-8, at most.
qint64 utf8Size(const QString& text) { return 3 * text.size(); }

} // namespace

void ChatPage::connectContext() {
    look_ahead_.setSingleShot(true);
    look_ahead_.setInterval(kLookAheadMs);
    connect(&look_ahead_, &QTimer::timeout, this, &ChatPage::lookAhead);
    connect(composer_, &Composer::draftCounted, &look_ahead_, qOverload<>(&QTimer::start));
    connect(&controller_, &ChatController::contextCounted, this, &ChatPage::showContext);
    connect(&controller_, &ChatController::tuningChanged, &look_ahead_, qOverload<>(&QTimer::start));
    connect(&controller_, &ChatController::systemPromptChanged, &look_ahead_, qOverload<>(&QTimer::start));
    connect(composer_, &Composer::contextChoiceTriggered, this, [this] {
        Tuning tuning = controller_.tuning();
        WhenFull& full = tuning.sequence.when_full;
        full = full == WhenFull::Stop ? WhenFull::LeaveOut : WhenFull::Stop;
        controller_.setTuning(tuning);
    });
}

/// What the thread holds: the prompt and the answer of its last run.
void ChatPage::showContext() {
    const bool ready = model_.state() == ModelState::Ready;
    composer_->setContext(controller_.chat().contextTokens(), ready ? model_.capabilities().context : 0);
    controller_.chat().countContext();
    showMemory();
    look_ahead_.start();
}

/// Marks where what the last answer was made from begins.
void ChatPage::showMemory() { thread_->setForgotten(leftOutBefore(controller_.conversation(), 0)); }

/// Whether it may be longer than the context has room for, by what costs no time: a token has a byte at
/// least.
bool ChatPage::mayNotFit(const QString& text, const QList<MessagePart>& files) const {
    const int context = model_.state() == ModelState::Ready ? model_.capabilities().context : 0;
    const Conversation& chat = controller_.conversation();
    qint64 longest = controller_.chat().contextTokens() + utf8Size(text);
    if (longest == utf8Size(text)) // nothing of the thread was counted
        longest += utf8Size(chat.system_prompt) + (chat.thread().isEmpty() ? 0 : context);
    for (const MessagePart& file : files)
        longest += utf8Size(file.text) + utf8Size(file.name);
    return context > 0 && longest + context / 16 > context; // what a template adds is not counted yet
}

/// What was written stays where it is until it is known to fit. False: nobody can say.
bool ChatPage::sendIfItFits(const QString& text, const QList<MessagePart>& files) {
    const auto take = [this, text, files, chat = shown_](const ShownPrompt& prompt) {
        measuring_ = false;
        if (shown_ != chat || composer_->text() != text) // it goes on being written
            return;
        showAhead(prompt);
        if (prompt.error.isEmpty() && prompt.tokens >= model_.capabilities().context)
            composer_->say(tr("This was not sent, as it does not fit. What you wrote stays here."));
        else
            sendNow(text, files);
    };
    ++ahead_;
    measuring_ = controller_.chat().measurePromptFor(text, files, this, take);
    return measuring_;
}

/// Asks for the prompt that sending now would make, where the context is nearly full.
void ChatPage::lookAhead() {
    if (measuring_) // which says the same
        return;
    const int serial = ++ahead_;
    const int context = model_.state() == ModelState::Ready ? model_.capabilities().context : 0;
    const int used = controller_.chat().contextTokens() + composer_->draftTokens();
    const int room = std::min(controller_.tuning().sequence.max_tokens, context / 4);
    // What a template adds around a message is not counted yet.
    const bool near = context > 0 && used + room + context / 16 > context;
    if (!near || controller_.busy())
        return composer_->setContextNotice({}, {});
    controller_.chat().measurePromptFor(composer_->text(), composer_->files(), this,
                                        [this, serial](const ShownPrompt& prompt) {
                                            if (serial == ahead_)
                                                showAhead(prompt);
                                        });
}

void ChatPage::showAhead(const ShownPrompt& prompt) {
    const int context = model_.capabilities().context;
    const bool leaves_out = controller_.tuning().sequence.when_full == WhenFull::LeaveOut;
    const int rest = context - prompt.tokens;
    const QString leave_out = tr("Leave out the oldest");
    if (!prompt.error.isEmpty() || (rest >= prompt.room && prompt.left_out_pairs == 0))
        return composer_->setContextNotice({}, {});
    const bool alone = leaves_out || controller_.conversation().thread().isEmpty();
    if (alone && rest <= 0)
        composer_->setContextNotice(tr("This message alone is longer than the model's context: shorten it."),
                                    {});
    else if (leaves_out && prompt.left_out_pairs > 0)
        composer_->setContextNotice(
            tr("The context is full: the oldest %n exchanges will be left out of what the model reads. "
               "They stay in the chat, and the system prompt stays with the model.",
               nullptr, prompt.left_out_pairs),
            tr("Stop instead"));
    else if (alone)
        composer_->setContextNotice({}, {});
    else if (rest <= 0)
        composer_->setContextNotice(
            tr("The context is full: this does not fit any more. Leave out the oldest questions and answers "
               "from what the model reads, shorten it, or start a new chat."),
            leave_out);
    else
        composer_->setContextNotice(tr("The context is nearly full: the answer ends after %Ln tokens. The "
                                       "oldest questions and answers "
                                       "can be left out of what the model reads.",
                                       nullptr, rest),
                                    leave_out);
}

void ChatPage::showPrompt(const Message& answer) {
    const quint64 sent = answer.run.computed_by.prompt_hash;
    controller_.chat().showPromptOf(answer.id, this, [this, sent](const ShownPrompt& prompt) {
        auto* window = new PromptWindow(this);
        window->show(prompt, sent, model_.capabilities().model_name);
    });
}

} // namespace switchyard
