// The page's third part: what the model is told. How full its context is, what leaves it, and the prompt of
// an answer.
#include "ui/chat/chat_page.h"

#include "app/services/chat_turns.h"
#include "app/services/context_used.h"
#include "ui/chat/prompt_window.h"

#include <QPointer>

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kLookAheadMs = 250; ///< after typing pauses

} // namespace

void ChatPage::connectContext() {
    look_ahead_.setSingleShot(true);
    look_ahead_.setInterval(kLookAheadMs);
    connect(&look_ahead_, &QTimer::timeout, this, &ChatPage::lookAhead);
    connect(composer_, &Composer::draftCounted, &look_ahead_, qOverload<>(&QTimer::start));
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
    composer_->setContext(contextUsed(controller_.conversation()), ready ? model_.capabilities().context : 0);
    showMemory();
    look_ahead_.start();
}

/// Marks where what the last answer was made from begins.
void ChatPage::showMemory() { thread_->setForgotten(leftOutBefore(controller_.conversation(), 0)); }

/// Asks for the prompt that sending now would make, where the context is nearly full.
void ChatPage::lookAhead() {
    const int serial = ++ahead_;
    const int context = model_.state() == ModelState::Ready ? model_.capabilities().context : 0;
    const int used = contextUsed(controller_.conversation()) + composer_->draftTokens();
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
        composer_->setContextNotice(tr("The context is nearly full: the answer ends after %n tokens. The "
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
