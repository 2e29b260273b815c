#include "app/services/undo_stack.h"

#include <utility>

namespace switchyard {

void UndoStack::chatDeleted(ConversationId chat, const QString& title, std::function<void()> undo) {
    push(tr("“%1” was deleted.").arg(title), {chat, true, std::move(undo)});
}

void UndoStack::folderDeleted(const QString& name, std::function<void()> undo) {
    push(tr("The folder “%1” was deleted; its chats are listed by date.").arg(name.left(60)),
         {0, false, std::move(undo)});
}

void UndoStack::messageDeleted(ConversationId chat, std::function<void()> undo) {
    push(tr("The message was deleted."), {chat, false, std::move(undo)});
}

void UndoStack::chatRestored(ConversationId chat) { drop(chat, true); }

void UndoStack::chatGone(ConversationId chat) { drop(chat, false); }

void UndoStack::drop(ConversationId chat, bool only_whole) {
    const auto dropped = [=](const Step& step) { return step.chat == chat && (step.whole || !only_whole); };
    if (std::erase_if(steps_, dropped) > 0)
        Q_EMIT changed();
}

void UndoStack::promptDeleted(const QString& name, std::function<void()> undo) {
    push(tr("The system prompt “%1” was deleted; chats that have it keep it.").arg(name),
         {0, false, std::move(undo)});
}

void UndoStack::promptChanged(ConversationId chat, std::function<void()> undo) {
    push(tr("The system prompt was changed. It acts from the next answer on."),
         {chat, false, std::move(undo)});
}

void UndoStack::push(const QString& sentence, Step step) {
    steps_.push_back(std::move(step));
    Q_EMIT offered(sentence);
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
