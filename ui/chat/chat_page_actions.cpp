// The page's actions, when they are on, and what is done in the list of chats.
#include "ui/chat/chat_page.h"

#include "app/services/settings.h"
#include "ui/plain_text.h"

#include <algorithm>
#include <utility>

namespace switchyard {

void ChatPage::connectActions() {
    const auto on = [this](Act act, auto slot) {
        connect(&actions_[act], &QAction::triggered, this, [this, slot] {
            Q_EMIT wanted();
            slot();
        });
    };
    on(Act::NewChat, [this] { newChat(); });
    on(Act::TemporaryChat, [this] { controller_.isTemporary() ? newChat() : newTemporaryChat(); });
    on(Act::Undo, [this] { undoDelete(); });
    on(Act::RestoreMessages, [this] { controller_.restoreMessages(); });
    on(Act::Find, [this] { openFind(); });
    on(Act::Send, [this] { composer_->send(); });
    on(Act::Write, [this] { focusComposer(); });
    on(Act::Regenerate, [this] { regenerateLast(); });
    on(Act::EditLast, [this] { editLastQuestion(); });
    on(Act::PreviousBranch, [this] { switchBranch(-1); });
    on(Act::NextBranch, [this] { switchBranch(+1); });
    connect(&actions_[Act::Stop], &QAction::triggered, this, &ChatPage::stop);
    connect(&actions_[Act::CopyAnswer], &QAction::triggered, this, &ChatPage::copyLastAnswer);
    connect(&controller_.undo(), &UndoStack::changed, this, &ChatPage::showActions);
    connect(&controller_, &ChatController::waitingChanged, this, &ChatPage::showActions);
    connect(composer_, &Composer::canSendChanged, this, &ChatPage::showActions);
}

/// An action that cannot act now is off.
void ChatPage::showActions() {
    const QList<Message>& thread = controller_.conversation().thread();
    const bool busy = controller_.busy();
    const ModelState state = model_.state();
    const bool model = state == ModelState::Ready || state == ModelState::Loading; // an answer waits for it
    const Message* answer = last(Author::Assistant);
    const Branches among = branches();
    const std::pair<Act, bool> can[] = {
        {Act::Undo, controller_.undo().canUndo()},
        {Act::RestoreMessages, controller_.chat().hasRemoved() && !busy},
        {Act::Find, !thread.isEmpty()},
        {Act::CopyAnswer, answer && !answer->text().isEmpty()},
        {Act::EditLast, !busy && last(Author::User)},
        {Act::Send, composer_->canSend()},
        {Act::Stop, busy || controller_.waitsForModel(controller_.current())},
        {Act::Regenerate, !busy && model && !thread.isEmpty()},
        {Act::PreviousBranch, among.at > 0},
        {Act::NextBranch, among.at >= 0 && among.at + 1 < among.siblings.size()},
    };
    for (const auto& [act, possible] : can)
        actions_[act].setEnabled(possible);
    actions_[Act::TemporaryChat].setChecked(controller_.isTemporary());
}

// ---- The list of chats ----

void ChatPage::connectList() {
    connect(list_, &ChatList::chatActivated, this, [this](ConversationId id, MessageId message) {
        wanted_message_ = message;
        keepUnsent();
        if (id == controller_.current() && message != 0 && controller_.message(message))
            thread_->scrollToMessage(std::exchange(wanted_message_, 0));
        else
            controller_.openChat(id, message);
    });
    connect(list_, &ChatList::renameRequested, &controller_.list(),
            [this](ConversationId id, const QString& title) { controller_.list().rename(id, title); });
    connect(list_, &ChatList::deleteRequested, &controller_, &ChatController::deleteChat);
    connect(list_, &ChatList::duplicateRequested, &controller_, &ChatController::duplicateChat);
    connect(list_, &ChatList::searchRequested, this, [this](const QString& text) {
        controller_.list().search(text, this, [this, text](QList<SearchHit> hits) {
            if (list_->query() == text)
                list_->setHits(hits);
        });
    });
    ChatListService& chats = controller_.list();
    connect(list_, &ChatList::placed, &chats, [&chats](ConversationId id, FolderId folder, bool pinned) {
        chats.setPinned(id, pinned);
        chats.moveToFolder(id, folder);
    });
    connect(list_, &ChatList::folderRenamed, &chats, &ChatListService::renameFolder);
    connect(list_, &ChatList::folderRemoved, &controller_, &ChatController::deleteFolder);
    connect(list_, &ChatList::newFolderRequested, this, [this, &chats](ConversationId with) {
        const FolderId folder = chats.createFolder(tr("New folder"));
        if (with != 0) {
            chats.setPinned(with, false);
            chats.moveToFolder(with, folder);
        }
        Q_EMIT wanted();
        list_->editFolder(folder);
    });
    list_->setFolded(settings_.get<Setting::FoldedChats>());
    connect(list_, &ChatList::foldedChanged, this,
            [this] { settings_.set<Setting::FoldedChats>(list_->folded()); });
}

void ChatPage::connectDeleted() {
    DeletedChats* deleted = list_->deleted();
    connect(deleted, &DeletedChats::purgeRequested, &controller_, &ChatController::purgeChats);
    connect(deleted, &DeletedChats::restoreRequested, this, [this](ConversationId id) {
        const auto& removed = controller_.list().removed();
        const auto chat = std::ranges::find(removed, id, &ConversationSummary::id);
        if (chat == removed.end())
            return;
        const QString title = oneLine(chat->title, 60);
        controller_.restoreChat(id);
        offer(
            tr("“%1” is in the list again.").arg(title), [this, id] { open(id); }, tr("Show"));
    });
    connect(&actions_[Act::ShowDeleted], &QAction::triggered, this, [this](bool shown) {
        if (shown)
            Q_EMIT wanted();
        list_->showDeleted(shown);
    });
}

} // namespace switchyard
