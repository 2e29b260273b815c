#include "app/services/chat_controller.h"

#include "app/services/chat_title.h"
#include "app/services/live_run.h"

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kAutosaveTickMs = 100;

/// Longer than any run of such marks in the text, so that a file cannot end its own fence.
QString fenceFor(const QString& text) {
    qsizetype longest = 0, run = 0;
    for (const QChar c : text) {
        run = c == QLatin1Char('`') ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return QString(std::max<qsizetype>(3, longest + 1), QLatin1Char('`'));
}

/// A file's name in front of its text: no fence begins with it.
QString fileName(const QString& name) {
    QString line = name.simplified();
    for (qsizetype i = 0; i < line.size() && (line[i] == QLatin1Char('`') || line[i] == QLatin1Char('~'));
         ++i)
        line[i] = QLatin1Char('\'');
    return line;
}

/// Attached files first, each under its name, then the question.
QString questionText(const Message& message) {
    QString text;
    for (const MessagePart& part : message.parts) {
        if (part.kind != PartKind::File)
            continue;
        const QString fence = fenceFor(part.text);
        text += fileName(part.name) + QStringLiteral(":\n") + fence + QLatin1Char('\n') + part.text +
                QLatin1Char('\n') + fence + QStringLiteral("\n\n");
    }
    return text + message.text();
}

} // namespace

ChatController::ChatController(ConversationStore& store, CurrentModel& model, RunService& runs,
                               QObject* parent)
    : QObject(parent), store_(store), model_(model), runs_(runs), list_(store) {
    autosave_.setInterval(kAutosaveTickMs);
    connect(&autosave_, &QTimer::timeout, this, &ChatController::autosave);
    connect(&list_, &ChatListService::changed, this, &ChatController::takeTitle);
    connect(&store_, &ConversationStore::problem, this, &ChatController::problem);
    connect(&store_, &ConversationStore::saved, this, &ChatController::saved);
    connect(&model_, &CurrentModel::stateChanged, this, &ChatController::takeModel);
    takeModel(model_.state());
    restoreNewChatDraft();
}

void ChatController::takeModel(ModelState state) {
    takeWaiting(state);
    if (state != ModelState::Ready)
        return;
    const Tuning& defaults = model_.capabilities().defaults;
    model_tuning_ = defaults.model;
    conversation_.tuning.model = model_tuning_;
    if (!tuned_ && (current() == 0 || early_))
        begin(defaults);
    Q_EMIT tuningChanged();
}

// Also for a question that was sent while the model loaded: it waits, and is answered with these dials.
void ChatController::begin(const Tuning& defaults) {
    early_ = false;
    conversation_.tuning = defaults;
    if (current() == 0)
        return;
    store_.saveTuning(current(), defaults);
    if (const RunStatus* status = run(current()))
        runs_.setTuning(status->run, defaults.sequence);
}

// ---- The list of chats ----

void ChatController::takeTitle() {
    if (const ConversationSummary* listed = list_.find(current()))
        conversation_.summary.title = listed->title;
}

void ChatController::newChat() {
    ++open_serial_;
    opening_ = -1;
    leave();
    conversation_ = {};
    conversation_.unsent = new_chat_draft_;
    early_ = model_.state() != ModelState::Ready;
    if (!early_)
        conversation_.tuning = model_.capabilities().defaults;
    conversation_.tuning.model = model_tuning_;
    tuned_ = false;
    Q_EMIT threadChanged();
    Q_EMIT tuningChanged();
}

void ChatController::openChat(ConversationId id, MessageId message) {
    const int serial = ++open_serial_;
    opening_ = -1;
    if (id == current()) {
        if (message != 0 && conversation_.tree.has(message) && !conversation_.tree.isShown(message))
            return selectBranch(message);
        Q_EMIT threadChanged();
        return;
    }
    opening_ = id;
    store_.open(id, this, [this, serial, message](Conversation conversation) {
        if (serial != open_serial_)
            return;
        opening_ = -1;
        if (conversation.summary.id == 0)
            return;
        if (conversation.tree.has(message) && !conversation.tree.isShown(message)) {
            store_.select(message);
            conversation.tree.select(message);
        }
        show(std::move(conversation));
    });
}

void ChatController::show(Conversation conversation) {
    leave();
    early_ = waiting_.value(conversation.summary.id);
    tuned_ = tuned_ && !early_;
    conversation_ = std::move(conversation);
    takeTitle(); // it may have been renamed since, too
    conversation_.tuning.model = model_tuning_;
    // What streams is further than what is stored.
    for (const auto& [id, live] : live_) {
        if (Message* message = conversation_.tree.find(live->message.id)) {
            const QList<MessageId> siblings = message->siblings;
            *message = live->message;
            message->siblings = siblings;
        }
    }
    Q_EMIT threadChanged();
    Q_EMIT tuningChanged();
}

void ChatController::deleteChat(ConversationId id) {
    if (id == 0)
        return;
    stop(id);
    cancelWaiting(id);
    const ConversationSummary* listed = list_.find(id);
    const QString title = listed ? listed->title : QString();
    list_.remove(id);
    runs_.forget(id);
    if (id == current())
        newChat();
    offerUndo(tr("“%1” was deleted.").arg(title), [this, id] {
        list_.restore(id);
        openChat(id);
    });
}

void ChatController::offerUndo(const QString& sentence, std::function<void()> undo) {
    undo_.push_back(std::move(undo));
    Q_EMIT undoOffered(sentence);
    Q_EMIT undoChanged();
}

void ChatController::undoDelete() {
    if (undo_.empty())
        return;
    const auto undo = std::move(undo_.back());
    undo_.pop_back();
    undo();
    Q_EMIT undoChanged();
}

// ---- The chat that is shown ----

const Message* ChatController::message(MessageId id) const {
    return conversation_.tree.isShown(id) ? conversation_.tree.find(id) : nullptr;
}

Message ChatController::newMessage(ConversationId conversation, MessageId parent, Author author) const {
    Message message;
    message.id = ConversationStore::newId();
    message.conversation = conversation;
    message.parent = parent;
    message.author = author;
    message.created = QDateTime::currentDateTime();
    return message;
}

void ChatController::createChat(const QString& text) {
    conversation_.summary.id = ConversationStore::newId();
    conversation_.summary.title = titleFrom(text);
    if (conversation_.summary.title.isEmpty())
        conversation_.summary.title = tr("New chat");
    conversation_.summary.created = conversation_.summary.changed = QDateTime::currentDateTime();
    list_.add(conversation_.summary, conversation_.tuning);
    new_chat_draft_ = {};
    store_.saveDraft(0, {});
    if (const auto early = waiting_.find(0); early != waiting_.end()) {
        waiting_.insert(current(), *early);
        waiting_.remove(0);
    }
    Q_EMIT chatBegan(current());
}

bool ChatController::send(const QString& text, const QList<MessagePart>& files) {
    if (busy() || (text.trimmed().isEmpty() && files.isEmpty()))
        return false;
    ++open_serial_; // an answer to an earlier openChat() would take this message away
    opening_ = -1;
    cancelWaiting(current()); // this is it
    if (current() == 0)
        createChat(text.trimmed().isEmpty() ? files.first().name : text);
    ask(conversation_, text, files);
    return true;
}

void ChatController::ask(Conversation& conversation, const QString& text, const QList<MessagePart>& files) {
    conversation.unsent.text.clear();
    conversation.unsent.files.clear();
    store_.saveDraft(conversation.summary.id, conversation.unsent);
    const MessageId parent = conversation.thread().isEmpty() ? 0 : conversation.thread().last().id;
    Message question = newMessage(conversation.summary.id, parent, Author::User);
    question.parts = files;
    question.parts.append({PartKind::Text, text, {}, 0});
    store_.append(question);
    conversation.tree.append(question);
    answerQuestion(conversation, question.id, std::nullopt, false);
}

void ChatController::answerQuestion(Conversation& conversation, MessageId question,
                                    const std::optional<RunRecord>& replay, bool new_seed) {
    Message answer = newMessage(conversation.summary.id, question, Author::Assistant);
    GenerationRequest request;
    request.turns = turnsUntil(conversation, question);
    request.tuning = replay ? replay->settings : conversation.tuning;
    request.replay = replay;
    if (new_seed)
        request.tuning.sequence.seed = 0; // the service draws one
    answer.state = MessageState::Streaming;
    beginRun(answer, request.tuning);
    store_.append(answer);
    conversation.tree.append(answer);
    start(answer, std::move(request));
    if (&conversation == &conversation_)
        Q_EMIT threadChanged();
}

/// By the loaded model, from its first token on.
void ChatController::beginRun(Message& answer, const Tuning& settings) const {
    answer.model = model_.capabilities().model_name;
    answer.model_fingerprint = model_.capabilities().model_fingerprint;
    answer.has_run = true;
    answer.run = {};
    answer.run.settings = settings;
}

std::vector<ChatTurn> ChatController::turnsUntil(const Conversation& conversation, MessageId last) const {
    std::vector<ChatTurn> turns;
    for (const Message& message : conversation.thread()) {
        const QString text = message.author == Author::User ? questionText(message) : message.text();
        // An answer that failed before its first word says nothing to the model.
        if (!text.isEmpty() || message.id == last)
            turns.push_back({message.author, text});
        if (message.id == last)
            break;
    }
    return turns;
}

bool ChatController::regenerate(MessageId answer) {
    const Message* old = message(answer);
    if (!old || old->author != Author::Assistant || old->parent == 0 || busy())
        return false;
    answerQuestion(conversation_, old->parent, std::nullopt, true);
    return true;
}

bool ChatController::answer(MessageId question) {
    const QList<Message>& thread = conversation_.thread();
    if (busy() || thread.isEmpty() || thread.last().id != question || thread.last().author != Author::User)
        return false;
    answerQuestion(conversation_, question, std::nullopt, false);
    return true;
}

bool ChatController::editQuestion(MessageId question, const QString& text) {
    const Message* old = message(question);
    if (!old || busy())
        return false;
    Message edited = newMessage(current(), old->parent, old->author);
    for (const MessagePart& part : old->parts) {
        if (part.kind == PartKind::File)
            edited.parts.append(part);
    }
    edited.parts.append({PartKind::Text, text, {}, 0});
    store_.append(edited);
    conversation_.tree.append(edited);
    answerQuestion(conversation_, edited.id, std::nullopt, false);
    return true;
}

MessageId ChatController::editAnswer(MessageId answer, const QString& text) {
    const Message* old = message(answer);
    if (!old || old->author != Author::Assistant || old->state == MessageState::Streaming)
        return 0;
    if (text == old->text())
        return answer;
    Message edited = newMessage(current(), old->parent, old->author);
    edited.parts = old->parts;
    edited.parts.removeIf([](const MessagePart& part) { return part.kind == PartKind::Text; });
    edited.parts.append({PartKind::Text, text, {}, 0});
    store_.append(edited);
    const MessageId id = edited.id;
    conversation_.tree.append(std::move(edited));
    Q_EMIT threadChanged();
    return id;
}

void ChatController::deleteMessage(MessageId id) {
    if (!message(id))
        return;
    const ConversationId chat = current();
    conversation_.tree.remove(id);
    if (const RunStatus* status = run(chat); status && !conversation_.tree.has(status->message))
        runs_.cancel(status->run);
    store_.removeMessage(id);
    Q_EMIT threadChanged();
    offerUndo(tr("The message was deleted."), [this, id, chat] {
        store_.restoreMessage(id);
        if (chat == current() && conversation_.tree.restore(id))
            return selectBranch(id);
        store_.select(id);
        openChat(chat);
    });
}

void ChatController::selectBranch(MessageId id) {
    store_.select(id);
    conversation_.tree.select(id);
    Q_EMIT threadChanged();
}

// ---- Dials ----

void ChatController::setTuning(const Tuning& tuning) {
    if (tuning == conversation_.tuning)
        return;
    SequenceTuning moved = tuning.sequence;
    if (moved.seed == conversation_.tuning.sequence.seed)
        moved.seed = 0; // not moved: the run may have drawn another
    conversation_.tuning = tuning;
    tuned_ = true;
    if (current() != 0)
        store_.saveTuning(current(), tuning);
    if (const RunStatus* status = run(current()))
        runs_.setTuning(status->run, moved);
    if (tuning.model != model_tuning_) {
        model_tuning_ = tuning.model;
        model_.setTuning(model_tuning_);
    }
    Q_EMIT tuningChanged();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_controller.cpp"
