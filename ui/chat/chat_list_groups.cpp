#include "ui/chat/chat_list_groups.h"

#include <QCoreApplication>
#include <QHash>
#include <QLocale>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

struct ChatGroupTexts {
    Q_DECLARE_TR_FUNCTIONS(ChatGroupTexts)
};

ChatListEntry entryOf(const ConversationSummary& chat) {
    return {chat.id, 0, chat.title, {}, chat.generating, chat.pinned, chat.folder};
}

} // namespace

DateGroup dateGroup(const QDate& date, const QDate& today) {
    const qint64 days = date.daysTo(today);
    if (days <= 0) // later: the clock was set back
        return {u"today"_s, ChatGroupTexts::tr("Today")};
    if (days == 1)
        return {u"yesterday"_s, ChatGroupTexts::tr("Yesterday")};
    if (days <= 7)
        return {u"7 days"_s, ChatGroupTexts::tr("Last 7 days")};
    if (days <= 30)
        return {u"30 days"_s, ChatGroupTexts::tr("Last 30 days")};
    const bool this_year = date.year() == today.year();
    return {
        date.toString(u"yyyy-MM"_s),
        QLocale().toString(date, this_year ? ChatGroupTexts::tr("MMMM") : ChatGroupTexts::tr("MMMM yyyy"))};
}

std::vector<ChatListGroup> groupChats(const QList<ConversationSummary>& chats,
                                      const QList<ChatFolder>& folders, const QDate& today) {
    using Kind = ChatListGroup::Kind;
    ChatListGroup pinned{u"pinned"_s, ChatGroupTexts::tr("Pinned"), Kind::Pinned, 0, {}};
    std::vector<ChatListGroup> in_folders, by_date;
    QHash<FolderId, std::size_t> places;
    for (const ChatFolder& folder : folders) {
        places.insert(folder.id, in_folders.size());
        in_folders.push_back({u"folder %1"_s.arg(folder.id), folder.name, Kind::Folder, folder.id, {}});
    }
    for (const ConversationSummary& chat : chats) {
        if (chat.pinned) {
            pinned.entries.push_back(entryOf(chat));
        } else if (const auto place = places.constFind(chat.folder); place != places.constEnd()) {
            in_folders[*place].entries.push_back(entryOf(chat));
        } else {
            const DateGroup group = dateGroup(chat.changed.date(), today);
            const auto known = std::find_if(by_date.begin(), by_date.end(), [&](const ChatListGroup& other) {
                return other.key == group.key;
            });
            if (known != by_date.end())
                known->entries.push_back(entryOf(chat));
            else
                by_date.push_back({group.key, group.name, Kind::Date, 0, {entryOf(chat)}});
        }
    }
    std::vector<ChatListGroup> all;
    if (!pinned.entries.empty())
        all.push_back(std::move(pinned));
    for (std::vector<ChatListGroup>* part : {&in_folders, &by_date})
        all.insert(all.end(), std::make_move_iterator(part->begin()), std::make_move_iterator(part->end()));
    return all;
}

std::vector<ChatListGroup> groupHits(const QList<SearchHit>& hits, const QList<ConversationSummary>& chats) {
    const int found = static_cast<int>(hits.size());
    ChatListGroup group{u"found"_s,
                        found ? ChatGroupTexts::tr("%n found", nullptr, found)
                              : ChatGroupTexts::tr("Nothing found"),
                        ChatListGroup::Kind::Found,
                        0,
                        {}};
    for (const SearchHit& hit : hits) {
        const auto chat = std::find_if(chats.begin(), chats.end(), [&](const ConversationSummary& known) {
            return known.id == hit.conversation;
        });
        ChatListEntry entry = chat != chats.end() ? entryOf(*chat) : ChatListEntry();
        entry.id = hit.conversation;
        entry.message = hit.message;
        entry.title = hit.title;
        entry.line = hit.line;
        group.entries.push_back(std::move(entry));
    }
    return {std::move(group)};
}

} // namespace switchyard
