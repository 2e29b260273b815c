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
    const auto read = std::make_shared<Read>();
    store_.list(this, [read](const QList<ConversationSummary>& chats) { read->chats = chats; });
    store_.listRemoved(this, [read](const QList<ConversationSummary>& removed) { read->removed = removed; });
    store_.listFolders(this, [this, read, before = changes_](const QList<ChatFolder>& folders) {
        reading_ = false;
        read->folders = folders;
        const bool later = changes_ == before;
        if (later)
            take(*read);
        if (!later || again_)
            refresh();
    });
}

void ChatListService::take(const Read& read) {
    read_ = true;
    chats_ = read.chats;
    removed_ = read.removed;
    folders_ = read.folders;
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

void ChatListService::rename(ConversationId id, const QString& title, TitleBy by) {
    ConversationSummary* listed = chat(id);
    if (by != TitleBy::User && listed && listed->title_by != TitleBy::Gist)
        return;
    store_.rename(id, title, by);
    if (listed) {
        listed->title = title;
        listed->title_by = by;
    }
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

/// "Notes (copy)", and where there is one already "Notes (copy 2)".
QString ChatListService::titleOfCopy(const QString& title) const {
    const auto taken = [this](const QString& wanted) {
        return std::ranges::find(chats_, wanted, &ConversationSummary::title) != chats_.end();
    };
    QString copy = tr("%1 (copy)").arg(title);
    for (int number = 2; taken(copy); ++number)
        copy = tr("%1 (copy %2)").arg(title).arg(number);
    return copy;
}

ConversationId ChatListService::duplicate(ConversationId id, QObject* context,
                                          std::function<void(ConversationId)> done) {
    const ConversationSummary* original = find(id);
    if (!original)
        return 0;
    ConversationSummary copy = *original;
    copy.id = ConversationStore::newId();
    copy.title = titleOfCopy(original->title);
    copy.title_by = TitleBy::User;
    copy.created = copy.changed = QDateTime::currentDateTime();
    copy.generating = copy.pinned = false;
    store_.duplicate(id, copy.id, copy.title, context, [done = std::move(done), to = copy.id] { done(to); });
    chats_.prepend(copy);
    changedHere();
    return copy.id;
}

void ChatListService::remove(ConversationId id) {
    store_.remove(id);
    if (const ConversationSummary* listed = find(id)) {
        removed_.prepend(*listed);
        removed_.first().removed = QDateTime::currentDateTime();
    }
    chats_.removeIf([id](const ConversationSummary& chat) { return chat.id == id; });
    changedHere();
}

void ChatListService::purge(const QList<ConversationId>& ids) {
    store_.purge(ids);
    removed_.removeIf([&ids](const ConversationSummary& chat) { return ids.contains(chat.id); });
    changedHere();
}

void ChatListService::restore(ConversationId id) {
    store_.restore(id);
    removed_.removeIf([id](const ConversationSummary& chat) { return chat.id == id; });
    changedHere();
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
