// In which groups the chats are listed: pinned ones, folders, the rest by date; or what a search found.
#pragma once

#include "app/services/conversation_store.h"

#include <QDate>

#include <vector>

namespace switchyard {

struct ChatListEntry {
    ConversationId id = 0;
    MessageId message = 0; ///< of a hit in a message
    QString title, line;   ///< line: of a hit
    bool generating = false, pinned = false;
    FolderId folder = 0;
    bool operator==(const ChatListEntry&) const = default;
};

struct ChatListGroup {
    enum class Kind { Pinned, Folder, Date, Found };
    QString key; ///< the same from start to start and in every language
    QString name;
    Kind kind = Kind::Date;
    FolderId folder = 0;
    std::vector<ChatListEntry> entries;
};

/// `chats` newest first, and so in each group. Folders are there without chats, too.
std::vector<ChatListGroup> groupChats(const QList<ConversationSummary>& chats,
                                      const QList<ChatFolder>& folders, const QDate& today);
std::vector<ChatListGroup> groupHits(const QList<SearchHit>& hits, const QList<ConversationSummary>& chats);

/// Name and key of a date: today, yesterday, the last 7 and 30 days, then months.
struct DateGroup {
    QString key, name;
};
DateGroup dateGroup(const QDate& date, const QDate& today);

} // namespace switchyard
