#include "app/services/chat_list_service.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace switchyard {

ChatListService::ChatListService(ConversationStore& store, QObject* parent) : QObject(parent), store_(store) {
    connect(&store_, &ConversationStore::ready, this, &ChatListService::refresh);
    connect(&store_, &ConversationStore::changed, this, &ChatListService::refresh);
    connect(&store_, &ConversationStore::foldersChanged, this, &ChatListService::refresh);
    refresh();
}

// ---- Reading ----

void ChatListService::refresh() {
    again_ = reading_;
    if (std::exchange(reading_, true))
        return;
    const auto chats = std::make_shared<QList<ConversationSummary>>();
    store_.list(this, [chats](const QList<ConversationSummary>& listed) { *chats = listed; });
    store_.listFolders(this, [this, chats, before = changes_](const QList<ChatFolder>& folders) {
        reading_ = false;
        const bool later = changes_ == before;
        if (later)
            take(*chats, folders);
        if (!later || again_)
            refresh();
    });
}

void ChatListService::take(const QList<ConversationSummary>& chats, const QList<ChatFolder>& folders) {
    read_ = true;
    chats_ = chats;
    folders_ = folders;
    for (ConversationSummary& chat : chats_)
        chat.generating = generating_.contains(chat.id);
    Q_EMIT changed();
}

ConversationSummary* ChatListService::chat(ConversationId id) {
    return const_cast<ConversationSummary*>(std::as_const(*this).find(id));
}

const ConversationSummary* ChatListService::find(ConversationId id) const {
    const auto found = std::ranges::find(chats_, id, &ConversationSummary::id);
    return found != chats_.end() ? &*found : nullptr;
}

void ChatListService::search(const QString& text, QObject* context,
                             std::function<void(QList<SearchHit>)> answer) {
    store_.search(text, context, std::move(answer));
}

// ---- Changing ----

void ChatListService::changedHere() {
    ++changes_;
    Q_EMIT changed();
}

void ChatListService::rename(ConversationId id, const QString& title) {
    store_.rename(id, title);
    if (ConversationSummary* listed = chat(id))
        listed->title = title;
    changedHere();
}

void ChatListService::setPinned(ConversationId id, bool pinned) {
    store_.setPinned(id, pinned);
    if (ConversationSummary* listed = chat(id))
        listed->pinned = pinned;
    changedHere();
}

void ChatListService::moveToFolder(ConversationId id, FolderId folder) {
    store_.moveToFolder(id, folder);
    if (ConversationSummary* listed = chat(id))
        listed->folder = folder;
    changedHere();
}

FolderId ChatListService::createFolder(const QString& name, FolderId id) {
    const FolderId created = id != 0 ? id : ConversationStore::newId();
    store_.createFolder(created, name);
    folders_.append({created, name});
    changedHere();
    return created;
}

void ChatListService::renameFolder(FolderId id, const QString& name) {
    store_.renameFolder(id, name);
    for (ChatFolder& folder : folders_) {
        if (folder.id == id)
            folder.name = name;
    }
    changedHere();
}

void ChatListService::removeFolder(FolderId id) {
    store_.removeFolder(id);
    folders_.removeIf([id](const ChatFolder& folder) { return folder.id == id; });
    for (ConversationSummary& listed : chats_) {
        if (listed.folder == id)
            listed.folder = 0;
    }
    changedHere();
}

void ChatListService::restoreFolder(FolderId id, const QString& name, qsizetype position,
                                    const QList<ConversationId>& chats) {
    store_.restoreFolder(id, name, position, chats);
    folders_.insert(qBound(qsizetype{0}, position, folders_.size()), {id, name});
    for (ConversationSummary& listed : chats_) {
        if (listed.folder == 0 && chats.contains(listed.id))
            listed.folder = id;
    }
    changedHere();
}

void ChatListService::orderFolders(const QList<FolderId>& order) {
    store_.orderFolders(order);
    std::ranges::stable_sort(folders_, {}, [&](const ChatFolder& folder) {
        const qsizetype place = order.indexOf(folder.id);
        return place < 0 ? order.size() : place;
    });
    changedHere();
}

void ChatListService::add(const ConversationSummary& chat, const Tuning& tuning) {
    store_.create(chat.id, chat.title, tuning);
    chats_.prepend(chat);
    changedHere();
}

void ChatListService::remove(ConversationId id) {
    store_.remove(id);
    chats_.removeIf([id](const ConversationSummary& chat) { return chat.id == id; });
    changedHere();
}

void ChatListService::restore(ConversationId id) {
    store_.restore(id);
    ++changes_;
}

void ChatListService::setGenerating(ConversationId id, bool generating) {
    if (generating)
        generating_.insert(id);
    else
        generating_.remove(id);
    if (ConversationSummary* listed = chat(id); listed && listed->generating != generating) {
        listed->generating = generating;
        Q_EMIT changed();
    }
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_list_service.cpp"
