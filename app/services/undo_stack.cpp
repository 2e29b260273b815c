#include "app/services/undo_stack.h"

#include <utility>

namespace switchyard {

void UndoStack::chatDeleted(const QString& title, std::function<void()> undo) {
    push(tr("“%1” was deleted.").arg(title), std::move(undo));
}

void UndoStack::folderDeleted(const QString& name, std::function<void()> undo) {
    push(tr("The folder “%1” was deleted; its chats are listed by date.").arg(name.left(60)),
         std::move(undo));
}

void UndoStack::messageDeleted(std::function<void()> undo) {
    push(tr("The message was deleted."), std::move(undo));
}

void UndoStack::push(const QString& sentence, std::function<void()> undo) {
    steps_.push_back(std::move(undo));
    Q_EMIT offered(sentence);
    Q_EMIT changed();
}

void UndoStack::undo() {
    if (steps_.empty())
        return;
    const auto step = std::move(steps_.back());
    steps_.pop_back();
    step();
    Q_EMIT changed();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_undo_stack.cpp"
