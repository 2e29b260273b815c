#include "app/services/chat_controller.h"

#include "app/services/thinking_splitter.h"

#include <algorithm>

namespace switchyard {

namespace {

constexpr int kDrainMs = 16;
constexpr int kAutosaveMs = 900;

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

MessageState stateAfter(FinishReason reason) {
    switch (reason) {
    case FinishReason::Stopped:
        return MessageState::Stopped;
    case FinishReason::Failed:
        return MessageState::Failed;
    default:
        return MessageState::Complete;
    }
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

struct ChatController::Live {
    RunStatus status;
    Message message;
    ThinkingSplitter splitter;
    QElapsedTimer saved;
    bool unsaved = false, status_changed = false;
    int first_token = 0; ///< where this run's tokens begin in the message's record
    RunTimings earlier;  ///< of the runs this one continues
};

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

ChatController::~ChatController() {
    for (auto& [id, live] : live_) {
        generator_.cancel(id);
        live->splitter.finish(live->message.parts);
        live->message.state = MessageState::Stopped;
        live->message.run.finish = FinishReason::Stopped;
        store_.update(live->message);
    }
}

void ChatController::takeModel(ModelState state) {
    if (state != ModelState::Ready)
        return;
    const Tuning& defaults = generator_.capabilities().defaults;
    model_tuning_ = defaults.model;
    conversation_.tuning.model = model_tuning_;
    if (current() == 0 && !tuned_)
        conversation_.tuning = defaults;
    Q_EMIT tuningChanged();
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
    if (generator_.modelState() == ModelState::Ready)
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

const RunStatus* ChatController::run(ConversationId id) const {
    for (const auto& [run, live] : live_) {
        if (live->status.conversation == id)
            return &live->status;
    }
    return nullptr;
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

void ChatController::start(const Message& answer, GenerationRequest request) {
    request.conversation = answer.conversation;
    auto live = std::make_unique<Live>();
    live->message = answer;
    live->message.run.finish = FinishReason::Stopped; // what it is if the program ends here
    live->splitter = ThinkingSplitter(answer.parts);
    live->first_token = static_cast<int>(answer.run.tokens.size());
    live->earlier = answer.run.timings;
    live->saved.start();
    live->status.conversation = answer.conversation;
    live->status.message = answer.id;
    live->status.run = generator_.submit(std::move(request));
    const ConversationId chat = answer.conversation;
    live_[live->status.run] = std::move(live);
    timer_.start();
    markGenerating();
    Q_EMIT runChanged(chat);
}

void ChatController::stop(ConversationId id) {
    if (const RunStatus* status = run(id))
        generator_.cancel(status->run);
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

// ---- What the generator says ----

void ChatController::drain() {
    std::vector<RunEvent> events = generator_.drain();
    // By run, in order; mostly there is one.
    std::vector<std::pair<RunId, std::vector<RunEvent>>> runs;
    for (RunEvent& event : events) {
        const auto found = std::ranges::find(runs, event.run, [](const auto& entry) { return entry.first; });
        auto& list = found != runs.end() ? found->second
                                         : runs.emplace_back(event.run, std::vector<RunEvent>{}).second;
        list.push_back(std::move(event));
    }
    for (const auto& [id, list] : runs)
        take(id, list);
    for (const auto& [id, live] : live_) {
        if (live->unsaved && live->saved.elapsed() >= kAutosaveMs)
            save(*live);
    }
    if (live_.empty())
        timer_.stop();
}

void ChatController::take(RunId id, const std::vector<RunEvent>& events) {
    const auto found = live_.find(id);
    if (found == live_.end())
        return;
    std::unique_ptr<Live> ended;
    Live& live = *found->second;
    for (const RunEvent& event : events)
        apply(live, event);
    const bool changed = std::exchange(live.status_changed, false);
    const ConversationId chat = live.status.conversation;
    if (live.message.state != MessageState::Streaming) {
        save(live);
        ended = std::move(found->second);
        live_.erase(found);
        markGenerating();
    }
    synchronise(live);
    Q_EMIT runEvents(chat, events);
    if (message(live.message.id))
        Q_EMIT messageChanged(live.message.id);
    if (changed)
        Q_EMIT runChanged(chat);
}

void ChatController::apply(Live& live, const RunEvent& event) {
    RunRecord& record = live.message.run;
    switch (event.kind) {
    case RunEvent::Kind::Queued:
        break;
    case RunEvent::Kind::Prefill:
        live.status.phase = RunStatus::Phase::Prefill;
        live.status.prefill_done = event.prefill_done;
        live.status.prefill_total = event.prefill_total;
        live.status_changed = true;
        break;
    case RunEvent::Kind::Move: {
        DialMove move = event.move;
        move.token += live.first_token;
        record.moves.push_back(std::move(move));
        break;
    }
    case RunEvent::Kind::Token:
        if (live.status.phase != RunStatus::Phase::Decoding) {
            live.status.phase = RunStatus::Phase::Decoding;
            live.status_changed = true;
        }
        if (event.opens_thinking && live.message.parts.isEmpty())
            live.splitter = ThinkingSplitter({}, true);
        if (event.used_seed != 0 && live.first_token == 0)
            record.settings.sequence.seed = event.used_seed;
        live.splitter.push(QString::fromStdString(event.token.text), event.token.latency_ms,
                           live.message.parts);
        record.tokens.push_back(event.token);
        break;
    case RunEvent::Kind::Finished:
        finish(live, event);
        break;
    }
    live.unsaved = true;
}

void ChatController::finish(Live& live, const RunEvent& event) {
    if (!event.tail.empty())
        live.splitter.push(QString::fromStdString(event.tail), 0, live.message.parts);
    live.splitter.finish(live.message.parts);
    live.message.state = stateAfter(event.finish);
    live.message.error = event.error;
    RunRecord& record = live.message.run;
    if (event.record && live.first_token == 0)
        record = *event.record;
    record.finish = event.finish;
    record.error = event.error.toStdString();
    record.timings = event.timings;
    // A continued answer is one answer: its tokens add up, its beginning is the first run's.
    if (live.first_token > 0) {
        record.timings.generated_tokens += live.earlier.generated_tokens;
        record.timings.decode_ms += live.earlier.decode_ms + event.timings.time_to_first_token_ms;
        record.timings.time_to_first_token_ms = live.earlier.time_to_first_token_ms;
    }
    live.status_changed = true;
}

void ChatController::synchronise(const Live& live) {
    Message* message = shown(live.message.id);
    if (!message)
        return;
    message->parts = live.message.parts;
    message->state = live.message.state;
    message->error = live.message.error;
    const RunRecord& from = live.message.run;
    RunRecord& to = message->run;
    // Only what is new is copied: a long answer has thousands of tokens.
    to.tokens.insert(to.tokens.end(), from.tokens.begin() + static_cast<std::ptrdiff_t>(to.tokens.size()),
                     from.tokens.end());
    if (!to.tokens.empty())
        to.tokens.back().text = from.tokens.back().text; // what was held back came with the end
    to.moves = from.moves;
    to.context = from.context;
    to.settings = from.settings;
    to.timings = from.timings;
    to.finish = from.finish;
    to.error = from.error;
}

void ChatController::save(Live& live) {
    store_.update(live.message);
    live.unsaved = false;
    live.saved.restart();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_controller.cpp"
