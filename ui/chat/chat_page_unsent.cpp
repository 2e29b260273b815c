// The page's other half: what is written, and how it is kept, sent, or refused.
#include "ui/chat/chat_page.h"

#include "app/services/settings.h"

#include <utility>

namespace switchyard {

/// What is written belongs to the chat that is shown, whatever the controller shows next.
void ChatPage::connectDrafts() {
    connect(composer_, &Composer::draftChanged, this, [this] {
        controller_.saveDraft(shown_, unsent());
        if (controller_.waitsForModel(shown_))
            showWaiting(); // typing hid it
    });
    connect(thread_, &ThreadView::editsChanged, this, [this] { controller_.saveDraft(shown_, unsent()); });
    connect(thread_, &ThreadView::editDiscarded, this, [this](MessageId id, const QString& text) {
        offer(tr("The change was thrown away."), [this, id, text] { thread_->beginEdit(id, text); });
    });
    connect(composer_, &Composer::fileRead, &controller_, &ChatController::addDraftFile);
    connect(&controller_, &ChatController::chatBegan, this, [this](ConversationId id) {
        shown_ = *chat_ = id; // with all that is being written in it
        composer_->chatBegan(id);
        if (!sending_)
            controller_.saveDraft(id, unsent());
        list_->setCurrent(id);
    });
    connect(&controller_, &ChatController::draftRestored, composer_, &Composer::prepend);
    connect(&controller_, &ChatController::draftSent, this, [this](ConversationId id) {
        if (id == shown_)
            composer_->clear();
    });
    connect(&controller_, &ChatController::waitingChanged, this, &ChatPage::showWaiting);
}

void ChatPage::connectSystemPrompt() {
    connect(system_, &SystemPromptBar::changed, this,
            [this](const QString& text) { controller_.setSystemPrompt(shown_, text); });
    connect(system_, &SystemPromptBar::finished, this, [this](const QString& before) {
        // What is done later must not need the page: in another language it is another.
        controller_.undo().promptChanged(shown_, [&controller = controller_, chat = chat_, before] {
            controller.setSystemPrompt(*chat, before);
        });
    });
    connect(system_, &SystemPromptBar::newChatsChosen, this,
            [this](const QString& name) { settings_.set<Setting::SystemPrompt>(name); });
    connect(system_, &SystemPromptBar::renamed, this, [this](const QString& from, const QString& to) {
        if (settings_.get<Setting::SystemPrompt>() == from)
            settings_.set<Setting::SystemPrompt>(to);
    });
    connect(system_, &SystemPromptBar::deleted, this, [this](const QString& name, const QString& text) {
        controller_.undo().promptDeleted(name, [&prompts = prompts_, name, text] {
            if (!prompts.has(name))
                prompts.save(name, text);
        });
    });
    connect(&controller_, &ChatController::systemPromptChanged, this,
            [this] { system_->setText(controller_.systemPrompt()); });
    connect(&prompts_, &SystemPrompts::changed, this, &ChatPage::showNewChatsPrompt);
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::SystemPrompt)
            showNewChatsPrompt();
    });
    showNewChatsPrompt();
}

/// One that is gone counts as none.
void ChatPage::showNewChatsPrompt() {
    const QString name = settings_.get<Setting::SystemPrompt>();
    controller_.setNewChatsPrompt(name.isEmpty() ? QString() : prompts_.load(name).value_or(QString()));
    system_->setNewChats(name);
}

/// As it stands in the composer and the open editors.
Draft ChatPage::unsent() const { return {composer_->text(), composer_->files(), thread_->edits()}; }

void ChatPage::keepUnsent() {
    composer_->flushDraft();
    thread_->flushEdits();
    system_->flush();
}

void ChatPage::showWaiting() {
    composer_->say(controller_.waitsForModel(controller_.current())
                       ? tr("This is sent as soon as the model is ready. Esc: not yet.")
                       : QString());
}

void ChatPage::offer(const QString& sentence, std::function<void()> undo, const QString& action) {
    constexpr int kLong = 8000; // ms
    announce(sentence, kLong, action, std::move(undo));
}

void ChatPage::announce(const QString& sentence, int milliseconds, const QString& action,
                        std::function<void()> then) {
    toast_->show(sentence, action, milliseconds);
    toast_undo_ = std::move(then);
    deletion_offered_ = of_this_chat_ = false;
}

void ChatPage::withdraw(const QString& sentence) {
    if (toast_->isVisible() && toast_->sentence() == sentence)
        toast_->withdraw();
}

/// False, with a sentence, where nothing can be asked in this chat now.
bool ChatPage::mayAsk() {
    system_->finish(); // what stands there is what the model is told
    if (sleeping_ && wake_ && !controller_.busy())
        wake_();
    const ModelState state = model_.state();
    QString reason;
    if (controller_.busy())
        reason = tr("An answer is being written here: stop it with Esc, or wait for its end.");
    else if (state == ModelState::None || state == ModelState::Failed)
        reason = tr("No model is loaded: choose one above the thread.");
    if (!reason.isEmpty())
        toast_->show(reason, {}, 6000);
    return reason.isEmpty();
}

void ChatPage::sendText(const QString& text, const QList<MessagePart>& files) {
    if (!mayAsk())
        return;
    if (model_.state() == ModelState::Loading) {
        keepUnsent();
        controller_.saveDraft(shown_, {text, files, thread_->edits()});
        controller_.sendWhenReady();
        toast_->show(tr("The model is still loading. The message is sent as soon as it is ready."), {}, 4000);
        return;
    }
    if (!mayNotFit(text, files) || !sendIfItFits(text, files))
        sendNow(text, files);
}

void ChatPage::sendNow(const QString& text, const QList<MessagePart>& files) {
    sending_ = true;
    const bool sent = controller_.send(text, files);
    sending_ = false;
    if (!sent)
        return;
    composer_->clear();
    branch_ = 0;
    thread_->jumpToEnd();
}

/// A change that cannot be taken now stays open.
void ChatPage::takeEdit(MessageId id, const QString& text, bool question, bool go_on) {
    bool may = !(question || go_on) || mayAsk();
    if (const Message* old = controller_.message(id);
        may && go_on && old && text == old->text() && controller_.conversation().thread().last().id != id) {
        toast_->show(
            tr("The text is as it was, and only the last answer can be continued: change the text to "
               "go on from here, or delete what follows."),
            {}, 8000);
        may = false;
    }
    const MessageId edited = may && !question ? controller_.chat().editAnswer(id, text) : 0;
    const bool taken = question ? may && controller_.chat().editQuestion(id, text) : edited != 0;
    if (!taken)
        thread_->beginEdit(id, text);
    else if (!question && edited != id)
        toast_->show(
            tr("Saved as a version of its own: the answer as it was stays, with all that follows it. "
               "The arrows under the answer switch between them."),
            {}, 8000);
    if (go_on && edited != 0)
        controller_.chat().continueAnswer(edited);
    branch_ = 0;
}

} // namespace switchyard
