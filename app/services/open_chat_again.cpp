// An open chat's second part: the tokens of stored answers, and what needs them: running again and going on.
#include "app/services/open_chat.h"

#include "app/services/chat_turns.h"
#include "app/services/context_used.h"

#include <utility>

namespace switchyard {

void OpenChat::needTokens(const QList<MessageId>& messages) {
    QList<MessageId> missing;
    for (const MessageId id : messages) {
        const Message* message = this->message(id);
        if (message && !message->tokensRead() && !reading_.contains(id))
            missing.append(id);
    }
    if (missing.isEmpty() || !services_.store)
        return;
    reading_.unite(QSet<MessageId>(missing.begin(), missing.end()));
    services_.store->readRuns(
        missing, this, [this, missing](const ConversationStore::Runs& runs) { takeTokens(missing, *runs); });
}

void OpenChat::takeTokens(const QList<MessageId>& asked, std::map<MessageId, RunRecord>& runs) {
    QList<MessageId> taken;
    for (const MessageId id : asked) {
        reading_.remove(id);
        Message* message = conversation_.tree.find(id);
        if (!message || message->tokensRead())
            continue; // the answer went on
        if (const auto found = runs.find(id); found != runs.end())
            message->run.tokens = std::move(found->second.tokens);
        // What cannot be read is not asked for again.
        message->digest.take(message->run.tokens);
        message->places = placesOf(message->run, message->parts);
        taken.append(id);
    }
    for (const MessageId id : taken)
        Q_EMIT messageChanged(id);
    if (!taken.isEmpty())
        Q_EMIT tokensRead();
    for (const MessageId id : asked) {
        if (awaiting_.first != id)
            continue;
        const auto then = std::exchange(awaiting_, {}).second;
        if (message(id))
            then();
    }
}

void OpenChat::withTokens(MessageId id, std::function<void()> then) {
    const Message* wanted = message(id);
    awaiting_ = {};
    if (!wanted || wanted->tokensRead())
        return then();
    awaiting_ = {id, std::move(then)};
    needTokens({id});
}

bool OpenChat::runAgain(MessageId answer) {
    const Message* old = message(answer);
    if (!old || !old->has_run || old->parent == 0 || busy())
        return false;
    if (old->model_fingerprint != services_.model.capabilities().model_fingerprint) {
        Q_EMIT refused(
            tr("This answer is by %1: choose that model to run it again exactly.").arg(old->model));
        return false;
    }
    withTokens(answer, [this, answer] { runAgainWithTokens(answer); });
    return true;
}

void OpenChat::runAgainWithTokens(MessageId answer) {
    const Message* old = message(answer);
    if (!old || busy() || old->model_fingerprint != services_.model.capabilities().model_fingerprint)
        return;
    const RunRecord record = old->run;
    answerQuestion(old->parent, record, false);
}

void OpenChat::showPromptOf(MessageId answer, QObject* context,
                            std::function<void(const ShownPrompt&)> then) {
    const Message* message = this->message(answer);
    if (!message || message->parent == 0)
        return;
    GenerationRequest request;
    request.model = services_.model.key();
    request.turns = turnsUntil(conversation_, message->parent, systemPromptOf(&message->run));
    request.tuning = message->run.settings;
    request.left_out = message->run.left_out;
    request.left_out_exactly = true;
    services_.runs.showPrompt(std::move(request), context, std::move(then));
}

bool OpenChat::measurePromptFor(const QString& text, const QList<MessagePart>& files, QObject* context,
                                std::function<void(const ShownPrompt&)> then) {
    if (!services_.runs.knowsPrompts())
        return false;
    GenerationRequest request;
    request.model = services_.model.key();
    request.tuning = conversation_.tuning;
    request.turns = turnsUntil(conversation_, 0);
    request.turns.push_back(questionTurn(text, files, static_cast<int>(conversation_.thread().size())));
    request.left_out = leftOutBefore(conversation_, 0);
    services_.runs.measurePrompt(std::move(request), context, std::move(then));
    return true;
}

int OpenChat::contextTokens() const {
    const int known = contextUsed(conversation_);
    return known > 0 || countKey() != counted_for_ ? known : counted_;
}

/// What a count is of: the branch, by its end, and the model.
std::pair<MessageId, ModelKey> OpenChat::countKey() const {
    const QList<Message>& thread = conversation_.thread();
    return {thread.isEmpty() ? 0 : thread.last().id, services_.model.key()};
}

void OpenChat::countContext() {
    const auto key = countKey();
    if (key.first == 0 || busy() || contextUsed(conversation_) > 0 || key == counted_for_ ||
        services_.model.state() != ModelState::Ready)
        return;
    counted_for_ = key;
    counted_ = 0;
    GenerationRequest request;
    request.model = key.second;
    request.tuning = conversation_.tuning;
    request.turns = turnsUntil(conversation_, 0);
    request.continue_last = !request.turns.empty() && request.turns.back().author == Author::Assistant;
    services_.runs.showPrompt(std::move(request), this, [this, key](const ShownPrompt& prompt) {
        if (key != counted_for_)
            return;
        counted_ = prompt.tokens;
        Q_EMIT contextCounted();
    });
}

bool OpenChat::mayGoOn(MessageId answer) const {
    const QList<Message>& thread = conversation_.thread();
    return !busy() && !thread.isEmpty() && thread.last().id == answer &&
           thread.last().author == Author::Assistant;
}

bool OpenChat::continueAnswer(MessageId answer) {
    if (!mayGoOn(answer))
        return false;
    const int context = services_.model.capabilities().context;
    if (context > 0 && contextTokens() >= context) {
        Q_EMIT refused(
            tr("The context of %Ln tokens is full: start a new chat, or choose a model with a larger "
               "context and continue with that.",
               nullptr, context));
        return false;
    }
    withTokens(answer, [this, answer] { continueWithTokens(answer); });
    return true;
}

void OpenChat::continueWithTokens(MessageId answer) {
    if (!mayGoOn(answer))
        return;
    Message& message = *conversation_.tree.find(answer);
    GenerationRequest request = requestToGoOn(message);
    if (message.run.tokens.empty())
        beginRun(message, request.tuning); // nobody has made anything of it yet but who edited it
    message.state = MessageState::Streaming;
    message.error.clear();
    if (services_.store)
        services_.store->update(withoutTokens(message));
    start(answer, std::move(request));
    Q_EMIT messageChanged(answer);
}

GenerationRequest OpenChat::requestToGoOn(const Message& answer) const {
    GenerationRequest request;
    const bool begun = !answer.run.tokens.empty();
    request.turns = turnsUntil(conversation_, answer.id, systemPromptOf(begun ? &answer.run : nullptr));
    request.left_out = begun ? answer.run.left_out : leftOutBefore(conversation_, answer.id);
    ChatTurn& turn = request.turns.back();
    for (const MessagePart& part : answer.parts) {
        if (part.kind == PartKind::Thinking)
            turn.thinking += part.text;
    }
    // Text does not tell all that was written: not the control tokens, nor the half of a character.
    const bool same_model = answer.model_fingerprint == services_.model.capabilities().model_fingerprint;
    if (same_model && ReadAnswer(answer.run).makes(answer.parts)) {
        for (const TokenRecord& token : answer.run.tokens)
            turn.ids.push_back(token.id);
    }
    request.tuning = conversation_.tuning;
    request.continue_last = true;
    if (!begun)
        return request;
    request.draw = answer.run.computed_by.draw;
    // The prompt that it goes on with is the one that it began with.
    request.tuning.sequence.thinking = answer.run.settings.sequence.thinking;
    request.tuning.sequence.effort = answer.run.settings.sequence.effort;
    return request;
}

} // namespace switchyard
