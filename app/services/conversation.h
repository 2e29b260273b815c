// A chat as the window and the store see it.
#pragma once

#include "app/services/message_tree.h"

#include <QMetaType>

namespace switchyard {

using FolderId = qint64; ///< 0: none

/// Chats lie in it, or in none; folders do not lie in folders.
struct ChatFolder {
    FolderId id = 0;
    QString name;
    bool operator==(const ChatFolder&) const = default;
};

struct ConversationSummary {
    ConversationId id = 0;
    QString title;
    QDateTime created, changed;
    bool generating = false;
    FolderId folder = 0;
    bool pinned = false;
};

/// A chat with all its branches.
struct Conversation {
    ConversationSummary summary;
    MessageTree tree;
    Tuning tuning;         ///< of this chat
    QString system_prompt; ///< what the model is told before all messages; empty: nothing
    Draft unsent;
    /// The shown branch, the beginning first.
    const QList<Message>& thread() const& { return tree.thread(); }
    QList<Message> thread() && { return tree.thread(); } ///< of one that is gone then
};

} // namespace switchyard

Q_DECLARE_METATYPE(switchyard::ConversationSummary)
