// A chat as the window and the store see it.
#pragma once

#include "app/services/message_tree.h"

#include <QMetaType>

namespace switchyard {

using FolderId = qint64; ///< 0: none

inline constexpr int kDaysDeletedIsKept = 30; ///< so long a deleted chat can be restored

/// Chats lie in it, or in none; folders do not lie in folders.
struct ChatFolder {
    FolderId id = 0;
    QString name;
    bool operator==(const ChatFolder&) const = default;
};

enum class TitleBy { Gist, User, Model }; ///< in the store: only add at the end

/// Which model a chat was answered by.
struct ChatModel {
    QString key;         ///< ModelKey; of an answer of before: the name of its file alone
    QString fingerprint; ///< of that file (Capabilities)
    bool operator==(const ChatModel&) const = default;
};

struct ConversationSummary {
    ConversationId id = 0;
    QString title;
    QDateTime created, changed;
    bool generating = false;
    FolderId folder = 0;
    bool pinned = false;
    TitleBy title_by = TitleBy::Gist; ///< who gave the title; of a chat of before: the user
    QDateTime removed{};              ///< when it was deleted, of one that can be restored
};

/// A chat with all its branches.
struct Conversation {
    ConversationSummary summary;
    MessageTree tree;
    Tuning tuning;         ///< of this chat
    QString system_prompt; ///< what the model is told before all messages; empty: nothing
    ChatModel model;       ///< that answered last; empty: none has
    Draft unsent;
    /// What was deleted of it and can be brought back, the earliest deletion first: each the first message of
    /// what went together.
    QList<MessageId> removed{};
    bool own_dials = true; ///< else `tuning` says nothing: the chat came from another program
    /// The shown branch, the beginning first.
    const QList<Message>& thread() const& { return tree.thread(); }
    QList<Message> thread() && { return tree.thread(); } ///< of one that is gone then
};

} // namespace switchyard

Q_DECLARE_METATYPE(switchyard::ConversationSummary)
