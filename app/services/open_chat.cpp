#include "app/services/open_chat.h"

#include "app/services/chat_turns.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

constexpr int kAutosaveTickMs = 100;

} // namespace

OpenChat::OpenChat(const Services& services, Conversation conversation, Cache cache, QObject* parent)
    : QObject(parent), services_(services), cache_(cache), conversation_(std::move(conversation)) {
    autosave_.setInterval(kAutosaveTickMs);
    connect(&autosave_, &QTimer::timeout, this, &OpenChat::autosave);
}

OpenChat::~OpenChat() {
    if (!run_)
        return;
    services_.runs.cancel(run_->status().run);
    if (Message* answer = conversation_.tree.find(run_->status().message)) {
        run_->stop(*answer);
        if (services_.store)
            run_->save(*answer, *services_.store);
    }
}

const Message* OpenChat::message(MessageId id) const {
    return conversation_.tree.isShown(id) ? conversation_.tree.find(id) : nullptr;
}

void OpenChat::begin(const ConversationSummary& summary) {
    conversation_.summary = summary;
    if (!conversation_.system_prompt.isEmpty() && services_.store)
        services_.store->saveSystemPrompt(id(), conversation_.system_prompt);
}

void OpenChat::setSystemPrompt(const QString& text) {
    if (text == conversation_.system_prompt)
        return;
    conversation_.system_prompt = text;
    if (id() != 0 && services_.store)
        services_.store->saveSystemPrompt(id(), text);
}

void OpenChat::saveDraft(const Draft& unsent) {
    conversation_.unsent = unsent;
    if (services_.store)
        services_.store->saveDraft(id(), unsent);
}

// ---- Asking ----

Message OpenChat::newMessage(MessageId parent, Author author) const {
    Message message;
    message.id = ConversationStore::newId();
    message.conversation = id();
    message.parent = parent;
    message.author = author;
    message.created = QDateTime::currentDateTime();
    return message;
}

void OpenChat::append(const Message& message) {
    if (services_.store)
        services_.store->append(message);
    ++changes_;
    conversation_.tree.append(message);
}

bool OpenChat::send(const QString& text, const QList<MessagePart>& files) {
    if (busy() || (text.trimmed().isEmpty() && files.isEmpty()))
        return false;
    const QList<Message>& thread = conversation_.thread();
    Message question = newMessage(thread.isEmpty() ? 0 : thread.last().id, Author::User);
    question.parts = files;
    question.parts.append({PartKind::Text, text, {}, 0});
    append(question);
    saveDraft(
        {{}, {}, conversation_.unsent.edits}); // behind the question: the words are always in one of both
    answerQuestion(question.id, std::nullopt, false);
    return true;
}

void OpenChat::answerQuestion(MessageId question, const std::optional<RunRecord>& replay, bool new_seed) {
    Message answer = newMessage(question, Author::Assistant);
    GenerationRequest request;
    request.turns = turnsUntil(conversation_, question, systemPromptOf(replay ? &*replay : nullptr));
    request.left_out = replay ? replay->left_out : leftOutBefore(conversation_, question);
    request.tuning = replay ? replay->settings : conversation_.tuning;
    request.replay = replay;
    if (new_seed)
        request.tuning.sequence.seed = 0; // the service draws one
    answer.state = MessageState::Streaming;
    beginRun(answer, request.tuning);
    append(answer);
    start(answer.id, std::move(request));
    Q_EMIT threadChanged();
}

/// As it was told then, where the record has it.
QString OpenChat::systemPromptOf(const RunSummary* run) const {
    return run && run->system_prompt ? QString::fromStdString(*run->system_prompt)
                                     : conversation_.system_prompt;
}

/// By the chosen model, from its first token on.
void OpenChat::beginRun(Message& answer, const Tuning& settings) const {
    answer.model.clear();
    answer.model_fingerprint.clear();
    noteModel(answer, services_.model.key());
    answer.has_run = true;
    answer.run = {};
    answer.run.settings = settings;
}

/// Nothing where the model is not ready: it has neither name nor fingerprint then.
void OpenChat::noteModel(Message& answer, const ModelKey& model) const {
    const Capabilities& capabilities = services_.model.capabilities(model);
    if (!capabilities.ready)
        return;
    answer.model = capabilities.model_name;
    answer.model_fingerprint = capabilities.model_fingerprint;
}

/// The chat is that model's, whatever answered before.
void OpenChat::rememberModel(const ModelKey& model) {
    const Capabilities& capabilities = services_.model.capabilities(model);
    const ChatModel now{model, capabilities.model_fingerprint};
    if (!capabilities.ready || conversation_.model == now)
        return;
    conversation_.model = now;
    if (services_.store)
        services_.store->saveModel(id(), now);
}

bool OpenChat::regenerate(MessageId answer) {
    const Message* old = message(answer);
    if (!old || old->author != Author::Assistant || old->parent == 0 || busy())
        return false;
    answerQuestion(old->parent, std::nullopt, true);
    return true;
}

bool OpenChat::answer(MessageId question) {
    const QList<Message>& thread = conversation_.thread();
    if (busy() || thread.isEmpty() || thread.last().id != question || thread.last().author != Author::User)
        return false;
    answerQuestion(question, std::nullopt, false);
    return true;
}

bool OpenChat::editQuestion(MessageId question, const QString& text) {
    const Message* old = message(question);
    if (!old || busy())
        return false;
    Message edited = newMessage(old->parent, old->author);
    for (const MessagePart& part : old->parts) {
        if (part.kind == PartKind::File)
            edited.parts.append(part);
    }
    edited.parts.append({PartKind::Text, text, {}, 0});
    append(edited);
    answerQuestion(edited.id, std::nullopt, false);
    return true;
}

MessageId OpenChat::editAnswer(MessageId answer, const QString& text) {
    const Message* old = message(answer);
    if (!old || old->author != Author::Assistant || old->state == MessageState::Streaming)
        return 0;
    if (text == old->text())
        return answer;
    Message edited = newMessage(old->parent, old->author);
    edited.parts = old->parts;
    edited.parts.removeIf([](const MessagePart& part) { return part.kind == PartKind::Text; });
    edited.parts.append({PartKind::Text, text, {}, 0});
    append(edited);
    Q_EMIT threadChanged();
    return edited.id;
}

// ---- Branches ----

int OpenChat::removeMessage(MessageId id) {
    if (!message(id))
        return 0;
    ++changes_;
    const int removed = conversation_.tree.remove(id);
    conversation_.removed.append(id);
    if (run_ && !conversation_.tree.has(run_->status().message))
        stop();
    if (services_.store)
        services_.store->removeMessage(id);
    Q_EMIT threadChanged();
    return removed;
}

void OpenChat::restoreMessage(MessageId id) {
    if (services_.store)
        services_.store->restoreMessage(id);
    ++changes_;
    conversation_.removed.removeOne(id);
    showRestored(id, conversation_.tree.restore(id));
}

void OpenChat::restoreRemoved() {
    if (!hasRemoved())
        return;
    ++changes_;
    bool here = true;
    const QList<MessageId> removed = std::exchange(conversation_.removed, {});
    for (const MessageId id : removed) {
        services_.store->restoreMessage(id);
        here &= conversation_.tree.restore(id);
    }
    showRestored(removed.last(), here);
}

/// `here`: the tree has all that was restored; else it was removed before this chat was read.
void OpenChat::showRestored(MessageId id, bool here) {
    if (here)
        return selectBranch(id);
    if (!services_.store)
        return;
    services_.store->select(id);
    readAgain();
}

void OpenChat::readAgain() {
    services_.store->open(id(), this, [this, before = changes_](Conversation stored) {
        if (changes_ == before)
            takeStored(std::move(stored));
        else
            readAgain();
    });
}

void OpenChat::takeStored(Conversation stored) {
    if (run_) {
        // What streams is further than what is stored.
        Message* there = stored.tree.find(run_->status().message);
        Message* here = conversation_.tree.find(run_->status().message);
        if (!there || !here) { // its answer was removed, and it has not stopped yet
            run_is_ahead_ = true;
            return;
        }
        const QList<MessageId> siblings = there->siblings;
        *there = std::move(*here);
        there->siblings = siblings;
    }
    conversation_.tree = std::move(stored.tree);
    conversation_.removed = stored.removed;
    Q_EMIT threadChanged();
}

void OpenChat::selectBranch(MessageId id) {
    if (services_.store)
        services_.store->select(id);
    ++changes_;
    conversation_.tree.select(id);
    Q_EMIT threadChanged();
}

// ---- Dials ----

void OpenChat::setTuning(const Tuning& tuning) {
    SequenceTuning moved = tuning.sequence;
    if (moved.seed == conversation_.tuning.sequence.seed)
        moved.seed = 0; // not moved: the run may have drawn another
    conversation_.tuning = tuning;
    conversation_.own_dials = true;
    if (id() != 0 && services_.store)
        services_.store->saveTuning(id(), tuning);
    if (run_)
        services_.runs.setTuning(run_->status().run, moved);
}

// ---- What runs ----

/// PRECOND: nothing runs, and the answer is there.
void OpenChat::start(MessageId answer, GenerationRequest request) {
    request.model = services_.model.key();
    request.conversation = cache_ == Cache::Own ? id() : 0;
    run_ = std::make_unique<RunRecorder>(*conversation_.tree.find(answer), request);
    run_->setRun(
        services_.runs.submit(std::move(request), this,
                              [this](RunId run, const std::vector<RunEvent>& events) { take(run, events); }));
    autosave_.start();
    Q_EMIT runChanged();
}

void OpenChat::stop() {
    if (run_)
        services_.runs.cancel(run_->status().run);
}

void OpenChat::take(RunId run, const std::vector<RunEvent>& events) {
    if (!run_ || run_->status().run != run)
        return;
    const MessageId id = run_->status().message;
    Message& answer = *conversation_.tree.find(id); // removed, too
    const auto is_token = [](const RunEvent& event) { return event.kind == RunEvent::Kind::Token; };
    if (std::ranges::any_of(events, is_token)) {
        if (answer.run.tokens.empty())
            noteModel(answer, run_->status().model); // it may have loaded since the run was asked for
        rememberModel(run_->status().model);
    }
    const bool changed = run_->take(answer, events);
    if (answer.state != MessageState::Streaming) {
        saveRun();
        run_.reset();
        ended_ = id;
        autosave_.stop();
        ++changes_;
        if (std::exchange(run_is_ahead_, false))
            readAgain();
    }
    Q_EMIT runEvents(events);
    if (message(id))
        Q_EMIT messageChanged(id);
    if (changed)
        Q_EMIT runChanged();
}

void OpenChat::autosave() {
    if (run_ && run_->isSaveDue())
        saveRun();
}

void OpenChat::saveRun() {
    if (!run_ || !run_->isUnsaved())
        return;
    Message& answer = *conversation_.tree.find(run_->status().message);
    if (services_.store)
        run_->save(answer, *services_.store);
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_open_chat.cpp"
