#include "app/services/chat_controller.h"

#include "app/services/live_run.h"

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kDrainMs = 16;

/// A title of a few words from the first thing asked.
QString titleFrom(const QString& text) {
    constexpr qsizetype kLongest = 48;
    QString title = text.section(QLatin1Char('\n'), 0, 0, QString::SectionSkipEmpty).simplified();
    while (title.startsWith(QLatin1Char('#')))
        title = title.mid(1).trimmed();
    if (title.size() <= kLongest)
        return title;
    qsizetype cut = title.lastIndexOf(QLatin1Char(' '), kLongest);
    if (cut < kLongest / 2)
        cut = title[kLongest].isLowSurrogate() ? kLongest - 1 : kLongest;
    return title.left(cut) + QChar(0x2026);
}

/// Attached files first, each under its name, then the question.
QString questionText(const Message& message) {
    QString text;
    for (const MessagePart& part : message.parts) {
        if (part.kind == PartKind::File)
            text += part.name + QStringLiteral(":\n```\n") + part.text + QStringLiteral("\n```\n\n");
    }
    return text + message.text();
}

} // namespace

ChatController::ChatController(ConversationStore& store, Generator& generator, QObject* parent)
    : QObject(parent), store_(store), generator_(generator) {
    timer_.setInterval(kDrainMs);
    timer_.setTimerType(Qt::PreciseTimer);
    connect(&timer_, &QTimer::timeout, this, &ChatController::drain);
    connect(&store_, &ConversationStore::ready, this, &ChatController::refreshList);
    connect(&store_, &ConversationStore::changed, this, &ChatController::refreshList);
    connect(&store_, &ConversationStore::problem, this, &ChatController::problem);
    connect(&generator_, &Generator::modelStateChanged, this, &ChatController::takeModel);
    takeModel(generator_.modelState());
    refreshList();
}

void ChatController::takeModel(ModelState state) {
    if (state != ModelState::Ready)
        return;
    const Tuning& defaults = generator_.capabilities().defaults;
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
        generator_.setTuning(status->run, defaults.sequence);
}

// ---- The list of chats ----

void ChatController::refreshList() {
    if (listing_)
        return;
    listing_ = true;
    store_.list([this, guard = QPointer(this)](const QList<ConversationSummary>& chats) {
        if (!guard)
            return;
        listing_ = false;
        chats_ = chats;
        markGenerating();
    });
}

void ChatController::markGenerating() {
    for (ConversationSummary& chat : chats_)
        chat.generating = run(chat.id) != nullptr;
    Q_EMIT chatsChanged();
}

void ChatController::newChat() {
    ++open_serial_;
    conversation_ = {};
    conversation_.draft = new_chat_draft_;
    early_ = generator_.modelState() != ModelState::Ready;
    if (!early_)
        conversation_.tuning = generator_.capabilities().defaults;
    conversation_.tuning.model = model_tuning_;
    tuned_ = false;
    Q_EMIT threadChanged();
    Q_EMIT tuningChanged();
}

void ChatController::openChat(ConversationId id) {
    const int serial = ++open_serial_;
    store_.open(id, [this, serial, guard = QPointer(this)](const Conversation& conversation) {
        if (guard && serial == open_serial_ && conversation.summary.id != 0)
            show(conversation);
    });
}

void ChatController::show(const Conversation& conversation) {
    early_ = false;
    conversation_ = conversation;
    conversation_.tuning.model = model_tuning_;
    // What streams is further than what is stored.
    for (const auto& [id, live] : live_) {
        if (Message* message = shown(live->message.id)) {
            const QList<MessageId> siblings = message->siblings;
            *message = live->message;
            message->siblings = siblings;
        }
    }
    Q_EMIT threadChanged();
    Q_EMIT tuningChanged();
}

void ChatController::renameChat(ConversationId id, const QString& title) {
    store_.rename(id, title);
    if (id == current())
        conversation_.summary.title = title;
    for (ConversationSummary& chat : chats_) {
        if (chat.id == id)
            chat.title = title;
    }
    Q_EMIT chatsChanged();
}

void ChatController::deleteChat(ConversationId id) {
    if (id == 0)
        return;
    stop(id);
    store_.remove(id);
    generator_.forget(id);
    QString title;
    for (const ConversationSummary& chat : chats_) {
        if (chat.id == id)
            title = chat.title;
    }
    chats_.removeIf([id](const ConversationSummary& chat) { return chat.id == id; });
    Q_EMIT chatsChanged();
    undo_ = [this, id] {
        store_.restore(id);
        openChat(id);
    };
    if (id == current())
        newChat();
    Q_EMIT undoOffered(tr("“%1” was deleted.").arg(title));
}

void ChatController::undoDelete() {
    if (const auto undo = std::exchange(undo_, {}))
        undo();
}

void ChatController::search(const QString& text, std::function<void(QList<SearchHit>)> answer) {
    store_.search(text, std::move(answer));
}

// ---- The chat that is shown ----

int ChatController::indexOf(MessageId id) const {
    for (qsizetype i = conversation_.thread.size(); i-- > 0;) {
        if (conversation_.thread[i].id == id)
            return static_cast<int>(i);
    }
    return -1;
}

const Message* ChatController::message(MessageId id) const {
    const int index = indexOf(id);
    return index < 0 ? nullptr : &conversation_.thread[index];
}

Message* ChatController::shown(MessageId id) {
    const int index = indexOf(id);
    return index < 0 ? nullptr : &conversation_.thread[index];
}

Message ChatController::newMessage(MessageId parent, Author author) const {
    Message message;
    message.id = ConversationStore::newId();
    message.conversation = current();
    message.parent = parent;
    message.author = author;
    message.created = QDateTime::currentDateTime();
    message.siblings = {message.id};
    return message;
}

void ChatController::createChat(const QString& text) {
    conversation_.summary.id = ConversationStore::newId();
    conversation_.summary.title = titleFrom(text);
    if (conversation_.summary.title.isEmpty())
        conversation_.summary.title = tr("New chat");
    conversation_.summary.created = conversation_.summary.changed = QDateTime::currentDateTime();
    store_.create(current(), conversation_.summary.title, conversation_.tuning);
    chats_.prepend(conversation_.summary);
    new_chat_draft_.clear();
    Q_EMIT chatsChanged();
}

bool ChatController::send(const QString& text, const QList<MessagePart>& files) {
    if (busy() || (text.trimmed().isEmpty() && files.isEmpty()))
        return false;
    ++open_serial_; // an answer to an earlier openChat() would take this message away
    if (current() == 0)
        createChat(text.trimmed().isEmpty() ? files.first().name : text);
    conversation_.draft.clear();
    store_.saveDraft(current(), {});
    Message question =
        newMessage(conversation_.thread.isEmpty() ? 0 : conversation_.thread.last().id, Author::User);
    question.parts = files;
    question.parts.append({PartKind::Text, text, {}, 0});
    store_.append(question);
    conversation_.thread.append(question);
    answerQuestion(question.id, std::nullopt, false);
    return true;
}

void ChatController::answerQuestion(MessageId question, const std::optional<RunRecord>& replay,
                                    bool new_seed) {
    const int index = indexOf(question);
    if (index < 0)
        return;
    Message answer = newMessage(question, Author::Assistant);
    if (index + 1 < conversation_.thread.size())
        answer.siblings = conversation_.thread[index + 1].siblings + answer.siblings;
    conversation_.thread.resize(index + 1);
    GenerationRequest request;
    request.turns = turnsUntil(question);
    request.tuning = replay ? replay->settings : conversation_.tuning;
    request.replay = replay;
    if (new_seed)
        request.tuning.sequence.seed = 0; // the generator draws one
    answer.state = MessageState::Streaming;
    answer.model = generator_.capabilities().model_name;
    answer.model_fingerprint = generator_.capabilities().model_fingerprint;
    answer.has_run = true;
    answer.run.settings = request.tuning;
    store_.append(answer);
    conversation_.thread.append(answer);
    start(answer, std::move(request));
    Q_EMIT threadChanged();
}

std::vector<ChatTurn> ChatController::turnsUntil(MessageId last) const {
    std::vector<ChatTurn> turns;
    for (const Message& message : conversation_.thread) {
        const QString text = message.author == Author::User ? questionText(message) : message.text();
        // An answer that failed before its first word says nothing to the model.
        if (!text.isEmpty() || message.id == last)
            turns.push_back({message.author, text});
        if (message.id == last)
            break;
    }
    return turns;
}

void ChatController::regenerate(MessageId answer) {
    const Message* old = message(answer);
    if (old && old->author == Author::Assistant && old->parent != 0 && !busy())
        answerQuestion(old->parent, std::nullopt, true);
}

void ChatController::runAgain(MessageId answer) {
    const Message* old = message(answer);
    if (!old || !old->has_run || old->parent == 0 || busy())
        return;
    if (old->model_fingerprint != generator_.capabilities().model_fingerprint) {
        Q_EMIT refused(
            tr("This answer is by %1: choose that model to run it again exactly.").arg(old->model));
        return;
    }
    const RunRecord record = old->run;
    answerQuestion(old->parent, record, false);
}

void ChatController::editQuestion(MessageId question, const QString& text) {
    const int index = indexOf(question);
    if (index < 0 || busy())
        return;
    const Message& old = conversation_.thread[index];
    Message edited = newMessage(old.parent, old.author);
    edited.siblings = old.siblings + edited.siblings;
    for (const MessagePart& part : old.parts) {
        if (part.kind == PartKind::File)
            edited.parts.append(part);
    }
    edited.parts.append({PartKind::Text, text, {}, 0});
    conversation_.thread.resize(index);
    store_.append(edited);
    conversation_.thread.append(edited);
    answerQuestion(edited.id, std::nullopt, false);
}

void ChatController::editAnswer(MessageId answer, const QString& text) {
    Message* message = shown(answer);
    if (!message || message->state == MessageState::Streaming)
        return;
    message->parts.removeIf([](const MessagePart& part) { return part.kind == PartKind::Text; });
    message->parts.append({PartKind::Text, text, {}, 0});
    message->state = MessageState::Complete;
    message->error.clear();
    store_.update(*message);
    Q_EMIT messageChanged(answer);
}

void ChatController::continueAnswer(MessageId answer) {
    const int index = indexOf(answer);
    if (index < 0 || index + 1 != conversation_.thread.size() || busy())
        return;
    Message& message = conversation_.thread[index];
    if (message.author != Author::Assistant)
        return;
    GenerationRequest request;
    request.turns = turnsUntil(answer);
    request.turns.back().text = ThinkingSplitter::raw(message.parts);
    request.tuning = conversation_.tuning;
    request.continue_last = true;
    message.state = MessageState::Streaming;
    message.error.clear();
    store_.update(message);
    start(message, std::move(request));
    Q_EMIT messageChanged(answer);
}

void ChatController::deleteMessage(MessageId id) {
    const int index = indexOf(id);
    if (index < 0)
        return;
    if (const RunStatus* status = run(current()); status && indexOf(status->message) >= index)
        generator_.cancel(status->run);
    const ConversationId chat = current();
    store_.removeMessage(id);
    conversation_.thread.resize(index);
    Q_EMIT threadChanged();
    openChat(chat); // another branch may come forward
    undo_ = [this, id, chat] {
        store_.restoreMessage(id);
        store_.select(id);
        openChat(chat);
    };
    Q_EMIT undoOffered(tr("The message was deleted."));
}

void ChatController::selectBranch(MessageId id) {
    store_.select(id);
    openChat(current());
}

void ChatController::saveDraft(const QString& draft) {
    conversation_.draft = draft;
    if (current() == 0)
        new_chat_draft_ = draft;
    else
        store_.saveDraft(current(), draft);
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
        generator_.setTuning(status->run, moved);
    if (tuning.model != model_tuning_) {
        model_tuning_ = tuning.model;
        generator_.setModelTuning(model_tuning_);
    }
    Q_EMIT tuningChanged();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_controller.cpp"
