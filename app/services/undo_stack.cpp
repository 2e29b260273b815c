#include "app/services/undo_stack.h"

#include "app/services/conversation.h"

#include <utility>

namespace switchyard {

void UndoStack::chatDeleted(ConversationId chat, const QString& title, std::function<void()> undo) {
    push(tr("“%1” was deleted.").arg(title), {chat, What::Chat, std::move(undo)});
}

void UndoStack::folderDeleted(const QString& name, std::function<void()> undo) {
    push(tr("The folder “%1” was deleted; its chats are listed by date.").arg(name.left(60)),
         {0, What::Other, std::move(undo)});
}

void UndoStack::messageDeleted(ConversationId chat, int below, bool kept, std::function<void()> undo) {
    QString sentence = tr("The message was deleted.");
    if (below > 0) {
        sentence = tr("The message was deleted, and with it all that follows it: %Ln more messages.", nullptr,
                      below);
        if (kept)
            sentence += QLatin1Char(' ') + tr("The Chat menu brings deleted messages back for %n days.",
                                              nullptr, kDaysDeletedIsKept);
    }
    push(sentence, {chat, What::Message, std::move(undo)});
}

template <typename Which>
void UndoStack::drop(Which which) {
    if (std::erase_if(steps_, which) > 0)
        Q_EMIT changed();
}

void UndoStack::messagesRestored(ConversationId chat) {
    drop([chat](const Step& step) { return step.chat == chat && step.what == What::Message; });
}

void UndoStack::chatRestored(ConversationId chat) {
    drop([chat](const Step& step) { return step.chat == chat && step.what == What::Chat; });
}

void UndoStack::chatGone(ConversationId chat) {
    drop([chat](const Step& step) { return step.chat == chat; });
}

void UndoStack::promptDeleted(const QString& name, std::function<void()> undo) {
    push(tr("The system prompt “%1” was deleted; chats that have it keep it.").arg(name),
         {0, What::Other, std::move(undo)});
}

void UndoStack::promptChanged(ConversationId chat, std::function<void()> undo) {
    push(tr("The system prompt was changed. It acts from the next answer on."),
         {chat, What::Prompt, std::move(undo)});
}

void UndoStack::push(const QString& sentence, Step step) {
    const bool inside = step.what == What::Message || step.what == What::Prompt;
    const std::optional<ConversationId> in = inside ? std::optional(step.chat) : std::nullopt;
    steps_.push_back(std::move(step));
    Q_EMIT offered(sentence, in);
    Q_EMIT changed();
}

void UndoStack::undo() {
    if (steps_.empty())
        return;
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    step.undo();
    Q_EMIT changed();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_undo_stack.cpp"
