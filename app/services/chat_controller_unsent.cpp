// What was written and not sent: drafts, and sends that wait for the model. Both belong to their chat.
#include "app/services/chat_controller.h"

#include <algorithm>

namespace switchyard {

// ---- Drafts ----

void ChatController::restoreNewChatDraft() {
    store_.takeEarlierDraft(this, [this](const Draft& earlier) {
        if (earlier == Draft())
            return;
        saveDraft(0, joined(earlier, new_chat_draft_));
        if (current() != 0)
            return;
        Q_EMIT draftRestored(earlier);
        if (new_chat_draft_.system_prompt) {
            shown_->setSystemPrompt(*new_chat_draft_.system_prompt);
            Q_EMIT systemPromptChanged();
        }
    });
}

void ChatController::saveDraft(ConversationId id, const Draft& draft) {
    Draft kept = draft;
    if (id == 0) {
        if (!kept.system_prompt) // who writes the message does not know of it
            kept.system_prompt = new_chat_draft_.system_prompt;
        new_chat_draft_ = kept;
    }
    if (OpenChat* chat = find(id))
        chat->saveDraft(kept);
    else if (!gone_.contains(id))
        store_.saveDraft(id, kept);
}

void ChatController::addDraftFile(ConversationId id, const MessagePart& file) {
    if (id == 0)
        new_chat_draft_.files.append(file);
    if (const OpenChat* chat = find(id)) {
        Draft unsent = chat->conversation().unsent;
        unsent.files.append(file);
        return saveDraft(id, unsent);
    }
    if (gone_.contains(id))
        return;
    store_.addDraftFile(id, file);
    if (opening_ == id)
        openChat(id); // with the file
}

// ---- Sends that wait for the model ----

void ChatController::sendWhenReady() {
    waiting_.insert(current(), early_ && !tuned_);
    Q_EMIT waitingChanged();
}

bool ChatController::cancelWaiting(ConversationId id) {
    const bool waited = waiting_.remove(id) > 0;
    if (waited)
        Q_EMIT waitingChanged();
    return waited;
}

void ChatController::dropWaiting(const QString& sentence) {
    if (waiting_.isEmpty())
        return;
    waiting_.clear();
    Q_EMIT waitingChanged();
    Q_EMIT refused(sentence);
}

/// Another chat is about to be shown. A new one that waits becomes a chat of the list, where its message is
/// found and the next new chat is empty.
void ChatController::leave() {
    const Draft draft = conversation().unsent;
    if (current() != 0 || !waiting_.contains(0) || (draft.text.trimmed().isEmpty() && draft.files.isEmpty()))
        return;
    createChat(draft.text.trimmed().isEmpty() ? draft.files.first().name : draft.text);
    shown_->saveDraft(draft);
    forgetNewDraft();
}

void ChatController::takeWaiting(ModelState state) {
    switch (state) {
    case ModelState::Ready: // once everybody has taken the model's dials over
        QMetaObject::invokeMethod(this, &ChatController::sendWaiting, Qt::QueuedConnection);
        break;
    case ModelState::Loading:
        break;
    case ModelState::Failed:
        dropWaiting(tr("The model could not be loaded, so nothing was sent: what you wrote is kept. "
                       "Choose another model and send it again."));
        break;
    case ModelState::None: // mostly for a moment only, before another is loaded
        QMetaObject::invokeMethod(
            this,
            [this] {
                if (model_.state() == ModelState::None)
                    dropWaiting(tr("There is no model any more, so nothing was sent: what you wrote is kept. "
                                   "Choose a model and send it again."));
            },
            Qt::QueuedConnection);
        break;
    }
}

void ChatController::sendWaiting() {
    if (model_.state() != ModelState::Ready)
        return;
    const QHash<ConversationId, bool> waiting = std::exchange(waiting_, {});
    for (auto chat = waiting.cbegin(); chat != waiting.cend(); ++chat) {
        if (chat.key() != current())
            sendInBackground(chat.key(), chat.value());
        else
            sendDraft();
    }
    if (!waiting.isEmpty())
        Q_EMIT waitingChanged();
}

void ChatController::sendDraft() {
    if (const Draft draft = conversation().unsent; send(draft.text, draft.files))
        Q_EMIT draftSent(current());
}

void ChatController::sendInBackground(ConversationId id, bool early) {
    store_.open(id, this, [this, id, early](Conversation stored) {
        if (!list_.find(id) || stored.summary.id == 0)
            return;          // deleted meanwhile
        if (id == current()) // it was opened meanwhile
            return sendDraft();
        const Draft draft = stored.unsent;
        if (find(id) || (draft.text.trimmed().isEmpty() && draft.files.isEmpty()))
            return;
        others_.push_back(makeChat(std::move(stored)));
        OpenChat& chat = *others_.back();
        if (early) {
            Tuning tuning = beginning_(model_.capabilities().defaults);
            tuning.model = model_tuning_;
            chat.setTuning(tuning);
        }
        giveDials(chat);
        chat.send(draft.text, draft.files);
        if (opening_ == id)
            openChat(id); // with the question
    });
}

} // namespace switchyard
