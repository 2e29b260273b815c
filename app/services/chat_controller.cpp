#include "app/services/chat_controller.h"

#include "app/services/chat_title.h"

#include <algorithm>
#include <utility>

namespace switchyard {

ChatController::ChatController(ConversationStore& store, CurrentModel& model, RunService& runs,
                               QObject* parent)
    : QObject(parent), store_(store), model_(model), runs_(runs), list_(store) {
    shown_ = makeChat({});
    connect(&list_, &ChatListService::changed, this, &ChatController::takeTitle);
    connect(&store_, &ConversationStore::problem, this, &ChatController::problem);
    connect(&store_, &ConversationStore::saved, this, &ChatController::saved);
    connect(&model_, &CurrentModel::stateChanged, this, &ChatController::takeModel);
    connect(&model_, &CurrentModel::recodeFailed, this, &ChatController::takeModelTuning);
    takeModel(model_.state());
    restoreNewChatDraft();
}

ChatController::~ChatController() = default;

std::unique_ptr<OpenChat> ChatController::makeChat(Conversation conversation, bool stored) {
    auto made = std::make_unique<OpenChat>(OpenChat::Services{stored ? &store_ : nullptr, model_, runs_},
                                           std::move(conversation));
    OpenChat* chat = made.get();
    chat->setModelTuning(model_tuning_);
    const auto forward = [this, chat](auto signal, auto own) {
        connect(chat, signal, this, [this, chat, own](auto... values) {
            if (chat == shown_.get())
                Q_EMIT(this->*own)(values...);
        });
    };
    forward(&OpenChat::threadChanged, &ChatController::threadChanged);
    forward(&OpenChat::messageChanged, &ChatController::messageChanged);
    forward(&OpenChat::tokensRead, &ChatController::tokensRead);
    forward(&OpenChat::contextCounted, &ChatController::contextCounted);
    forward(&OpenChat::refused, &ChatController::refused);
    connect(chat, &OpenChat::runEvents, this,
            [this, chat](const std::vector<RunEvent>& events) { Q_EMIT runEvents(chat->id(), events); });
    connect(chat, &OpenChat::runChanged, this, [this, chat] { takeRunChange(*chat); });
    return made;
}

OpenChat* ChatController::find(ConversationId id) const {
    if (id == current())
        return shown_.get();
    const auto found = std::ranges::find(others_, id, &OpenChat::id);
    return found != others_.end() ? found->get() : nullptr;
}

std::unique_ptr<OpenChat> ChatController::takeOther(ConversationId id) {
    const auto found = std::ranges::find(others_, id, &OpenChat::id);
    if (found == others_.end())
        return {};
    std::unique_ptr<OpenChat> taken = std::move(*found);
    others_.erase(found);
    return taken;
}

void ChatController::takeRunChange(OpenChat& chat) {
    list_.setGenerating(chat.id(), chat.busy());
    Q_EMIT runChanged(chat.id());
    if (!chat.busy())
        Q_EMIT answerEnded(chat);
    if (&chat != shown_.get() && !chat.busy())
        close(takeOther(chat.id()));
}

/// Later, as it may be telling of something.
void ChatController::close(std::unique_ptr<OpenChat> chat) {
    if (!chat)
        return;
    chat->giveUp();
    chat->setParent(this);
    chat.release()->deleteLater();
}

void ChatController::takeModel(ModelState state) {
    takeWaiting(state);
    if (state != ModelState::Ready)
        return;
    Tuning defaults = model_.capabilities().defaults;
    keepModelTuning(model_.tuning()); // another may have loaded and tuned it
    defaults.model = model_tuning_;
    if (!conversation().own_dials) {
        // Once everybody has taken the model over, presets among them.
        QMetaObject::invokeMethod(
            this, [this] { giveDials(*shown_); }, Qt::QueuedConnection);
    } else if (!tuned_ && (current() == 0 || early_)) {
        // Also for a question that was sent while the model loaded: it is answered with these dials.
        early_ = false;
        shown_->setTuning(defaults);
    }
    Q_EMIT tuningChanged();
}

/// A chat that has no dials of its own begins with those that a new one has.
void ChatController::giveDials(OpenChat& chat) {
    if (chat.conversation().own_dials || model_.state() != ModelState::Ready)
        return;
    Tuning tuning = beginning_(model_.capabilities().defaults);
    tuning.model = model_tuning_;
    chat.setTuning(tuning);
    if (&chat != shown_.get())
        return;
    early_ = false;
    Q_EMIT tuningChanged();
}

/// A precision that could not be had is not in force.
void ChatController::takeModelTuning() {
    Tuning in_force = tuning();
    in_force.model = model_.tuning();
    if (in_force.model == model_tuning_)
        return;
    keepModelTuning(in_force.model);
    shown_->setTuning(in_force);
    Q_EMIT tuningChanged();
}

/// In force for all chats.
void ChatController::keepModelTuning(const ModelTuning& tuning) {
    model_tuning_ = tuning;
    shown_->setModelTuning(tuning);
    for (const std::unique_ptr<OpenChat>& other : others_)
        other->setModelTuning(tuning);
}

void ChatController::takeTitle() {
    if (const ConversationSummary* listed = list_.find(current()))
        shown_->setTitle(listed->title);
}

// ---- Which chat is shown ----

void ChatController::newChat() {
    leave();
    Conversation fresh;
    fresh.unsent = new_chat_draft_;
    fresh.system_prompt = new_chat_draft_.system_prompt.value_or(new_chats_prompt_);
    showNew(makeChat(std::move(fresh)));
}

void ChatController::newTemporaryChat() {
    Conversation fresh;
    fresh.summary.id = ConversationStore::newId();
    fresh.summary.title = tr("Temporary chat");
    fresh.system_prompt = new_chats_prompt_;
    fresh.summary.created = fresh.summary.changed = QDateTime::currentDateTime();
    leave();
    showNew(makeChat(std::move(fresh), false));
}

void ChatController::showNew(std::unique_ptr<OpenChat> chat) {
    early_ = model_.state() != ModelState::Ready;
    Tuning tuning = early_ ? Tuning() : model_.capabilities().defaults;
    tuning.model = model_tuning_;
    chat->setTuning(tuning);
    tuned_ = false;
    show(std::move(chat));
}

/// PRECOND: the chat before was left (leave()).
void ChatController::show(std::unique_ptr<OpenChat> chat) {
    giveUpOpening();
    std::unique_ptr<OpenChat> before = std::exchange(shown_, std::move(chat));
    if (before->isTemporary()) {
        before->stop();
        cancelWaiting(before->id());
        runs_.forget(before->id());
        undo_.chatGone(before->id());
        gone_.insert(before->id());
    }
    if (before->busy())
        others_.push_back(std::move(before)); // a temporary one until it has stopped
    else
        close(std::move(before));
    takeTitle(); // it may have been renamed since it was read
    Q_EMIT threadChanged();
    Q_EMIT tuningChanged();
}

/// What is asked of the store is not shown any more. The number of what is asked next.
int ChatController::giveUpOpening() {
    opening_ = -1;
    return ++open_serial_;
}

void ChatController::openChat(ConversationId id, MessageId message) {
    const int serial = giveUpOpening();
    const auto select = [message](OpenChat& chat) {
        const MessageTree& tree = chat.conversation().tree;
        if (tree.has(message) && !tree.isShown(message))
            chat.selectBranch(message);
    };
    const auto show_open = [this, select](std::unique_ptr<OpenChat> chat) {
        select(*chat);
        leave();
        giveDials(*chat);
        early_ = waiting_.value(chat->id()) || !chat->conversation().own_dials;
        tuned_ = tuned_ && !early_;
        show(std::move(chat));
    };
    if (id == current()) {
        select(*shown_);
        Q_EMIT threadChanged();
    } else if (std::unique_ptr<OpenChat> answering = takeOther(id)) {
        show_open(std::move(answering));
    } else {
        opening_ = id;
        store_.open(id, this, [this, serial, id, show_open](Conversation stored) {
            if (serial != open_serial_)
                return;
            opening_ = -1;
            if (std::unique_ptr<OpenChat> begun = takeOther(id)) // it began to answer meanwhile
                show_open(std::move(begun));
            else if (stored.summary.id != 0)
                show_open(makeChat(std::move(stored)));
        });
    }
}

void ChatController::deleteChat(ConversationId id) {
    if (id == 0)
        return;
    stop(id);
    cancelWaiting(id);
    if (opening_ == id) // as it was before
        giveUpOpening();
    const ConversationSummary* listed = list_.find(id);
    const QString title = listed ? listed->title : QString();
    list_.remove(id);
    runs_.forget(id);
    if (id == current())
        newChat();
    undo_.chatDeleted(id, title, [this, id] {
        list_.restore(id);
        openChat(id);
    });
}

void ChatController::restoreChat(ConversationId id) {
    undo_.chatRestored(id);
    list_.restore(id);
}

void ChatController::purgeChats(const QList<ConversationId>& ids) {
    for (const ConversationId id : ids)
        undo_.chatGone(id);
    list_.purge(ids);
}

bool ChatController::duplicateChat(ConversationId id) {
    if (OpenChat* chat = find(id))
        chat->saveRun(); // as far as it is
    return list_.duplicate(id, this, [this](ConversationId copy) {
        if (list_.find(copy)) // not deleted meanwhile
            openChat(copy);
    }) != 0;
}

void ChatController::deleteFolder(FolderId id) {
    const QList<ChatFolder>& folders = list_.folders();
    const auto folder = std::ranges::find(folders, id, &ChatFolder::id);
    if (folder == folders.end())
        return;
    const QString name = folder->name;
    const qsizetype position = folder - folders.begin();
    QList<ConversationId> inside;
    for (const ConversationSummary& chat : list_.chats()) {
        if (chat.folder == id)
            inside << chat.id;
    }
    list_.removeFolder(id);
    undo_.folderDeleted(
        name, [this, id, name, position, inside] { list_.restoreFolder(id, name, position, inside); });
}

// ---- The chat that is shown ----

/// PRECOND: forgetNewDraft() follows, once the chat has the words that the new one's draft had.
void ChatController::createChat(const QString& text) {
    ConversationSummary summary;
    summary.id = ConversationStore::newId();
    summary.title = titleFrom(text);
    if (summary.title.isEmpty())
        summary.title = tr("New chat");
    summary.created = summary.changed = QDateTime::currentDateTime();
    list_.add(summary, tuning());
    shown_->begin(summary);
    new_chat_draft_ = {};
    if (const auto early = waiting_.find(0); early != waiting_.end()) {
        waiting_.insert(current(), *early);
        waiting_.remove(0);
    }
    Q_EMIT chatBegan(current());
}

void ChatController::forgetNewDraft() { store_.saveDraft(0, new_chat_draft_); }

bool ChatController::send(const QString& text, const QList<MessagePart>& files) {
    if (busy() || (text.trimmed().isEmpty() && files.isEmpty()))
        return false;
    giveUpOpening();          // a chat that is asked for would be shown in place of this message
    cancelWaiting(current()); // this is it
    giveDials(*shown_);
    const bool begins = current() == 0;
    if (begins)
        createChat(text.trimmed().isEmpty() ? files.first().name : text);
    const bool sent = shown_->send(text, files);
    if (begins)
        forgetNewDraft();
    return sent;
}

void ChatController::deleteMessage(MessageId id) {
    const int removed = shown_->removeMessage(id);
    if (removed == 0)
        return;
    undo_.messageDeleted(current(), removed - 1, !isTemporary(), [this, id, chat = current()] {
        if (OpenChat* open = find(chat)) {
            open->restoreMessage(id);
        } else {
            store_.restoreMessage(id);
            store_.select(id);
        }
        if (chat != current())
            openChat(chat);
    });
}

void ChatController::restoreMessages() {
    undo_.messagesRestored(current());
    shown_->restoreRemoved();
}

void ChatController::setTuning(const Tuning& tuning) {
    if (tuning == this->tuning())
        return;
    tuned_ = true;
    shown_->setTuning(tuning);
    if (tuning.model != model_tuning_) {
        keepModelTuning(tuning.model);
        model_.setTuning(model_tuning_);
    }
    Q_EMIT tuningChanged();
}

void ChatController::setSystemPrompt(ConversationId id, const QString& text) {
    if (OpenChat* chat = find(id))
        chat->setSystemPrompt(text);
    else if (list_.find(id))
        store_.saveSystemPrompt(id, text);
    if (id == 0 && new_chat_draft_.system_prompt.value_or(new_chats_prompt_) != text) {
        Draft draft = new_chat_draft_;
        draft.system_prompt = text;
        saveDraft(0, draft);
    }
    if (id == current())
        Q_EMIT systemPromptChanged();
}

void ChatController::setNewChatsPrompt(const QString& text) {
    new_chats_prompt_ = text;
    if (current() != 0 || new_chat_draft_.system_prompt)
        return;
    shown_->setSystemPrompt(text);
    Q_EMIT systemPromptChanged();
}

// ---- Any chat ----

const RunStatus* ChatController::run(ConversationId id) const {
    const OpenChat* chat = find(id);
    return chat ? chat->run() : nullptr;
}

int ChatController::busyChats() const {
    const auto others = std::ranges::count_if(others_, [](const auto& chat) { return chat->busy(); });
    return static_cast<int>(others) + (shown_->busy() ? 1 : 0);
}

void ChatController::stop(ConversationId id) {
    if (OpenChat* chat = find(id))
        chat->stop();
}

void ChatController::saveRuns() {
    shown_->saveRun();
    for (const std::unique_ptr<OpenChat>& other : others_)
        other->saveRun();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_controller.cpp"
