// The list of chats as the window shows it: titles, folders, pins and what generates. A change is seen here
// at once and stored meanwhile.
#pragma once

#include "app/services/conversation_store.h"

#include <QObject>
#include <QSet>

namespace switchyard {

class ChatListService : public QObject {
    Q_OBJECT
  public:
    /// `store` must outlive it.
    explicit ChatListService(ConversationStore& store, QObject* parent = nullptr);

    /// Newest first; `generating` is right.
    const QList<ConversationSummary>& chats() const { return chats_; }
    bool isRead() const { return read_; } ///< the disk was asked: where chats() is empty there are none
    /// In their order; chats() say which one they are in.
    const QList<ChatFolder>& folders() const { return folders_; }
    /// What was deleted and can be restored, the latest first.
    const QList<ConversationSummary>& removed() const { return removed_; }
    /// nullptr: not listed. Valid until the next change.
    const ConversationSummary* find(ConversationId id) const;

    /// A model renames only what has the gist of its question as its title.
    void rename(ConversationId id, const QString& title, TitleBy by = TitleBy::User);
    void setPinned(ConversationId id, bool pinned);
    /// Into this folder, or with 0 into none.
    void moveToFolder(ConversationId id, FolderId folder);
    /// Comes last. With the id of one that was removed: that one is there again, empty.
    FolderId createFolder(const QString& name, FolderId id = 0);
    void renameFolder(FolderId id, const QString& name);
    void removeFolder(FolderId id); ///< its chats stay, in none
    /// Takes that back: at its place, with those of these chats that are in no folder now.
    void restoreFolder(FolderId id, const QString& name, qsizetype position,
                       const QList<ConversationId>& chats);
    /// Those that are not named keep their order behind these.
    void orderFolders(const QList<FolderId>& order);

    /// Stores a chat that begins.
    void add(const ConversationSummary& chat, const Tuning& tuning);
    /// A copy, listed at once; `done` with its id once it can be opened. 0, and nothing: it is not listed.
    ConversationId duplicate(ConversationId id, QObject* context, std::function<void(ConversationId)> done);
    void remove(ConversationId id);               ///< restore() can take it back
    void restore(ConversationId id);              ///< changed() follows once it is listed
    void purge(const QList<ConversationId>& ids); ///< of those that were removed: for good
    void setGenerating(ConversationId id, bool generating);
    void search(const QString& text, QObject* context, std::function<void(QList<SearchHit>)> answer);

  Q_SIGNALS:
    void changed();

  private:
    ConversationSummary* chat(ConversationId id);
    void refresh();
    struct Read {
        QList<ConversationSummary> chats, removed;
        QList<ChatFolder> folders;
    };
    void take(const Read& read);
    QString titleOfCopy(const QString& title) const;
    void changedHere();

    ConversationStore& store_;
    QList<ConversationSummary> chats_, removed_;
    QList<ChatFolder> folders_;
    QSet<ConversationId> generating_;
    int changes_ = 0;      ///< made here; what was read before one of them is not taken
    bool reading_ = false; ///< the store is asked
    bool read_ = false;    ///< it answered once
    bool again_ = false;   ///< and something changed in it since
};

} // namespace switchyard
