// A chat in one piece, with all its branches and the tokens of its answers as they are stored: as it comes
// from a file and goes into the store.
#pragma once

#include "app/services/conversation.h"
#include "app/services/token_log.h"

#include <QHash>

#include <optional>
#include <vector>

namespace switchyard {

struct WholeChat {
    ConversationSummary summary; ///< its id, and those of the messages, are from ConversationStore::newId()
    Tuning tuning;
    bool own_dials = true; ///< else `tuning` says nothing, and the chat begins with those of its first model
    QString system_prompt;
    ChatModel model; ///< that it was answered by last
    Draft unsent;
    /// Each behind its parent, siblings in their order; runs are without their tokens.
    QList<Message> messages;
    QHash<MessageId, MessageId> shown; ///< as MessageTree takes it
    QHash<MessageId, std::vector<TokenChunk>> tokens;
    std::optional<std::size_t> folder; ///< of the batch's; summary.folder is not looked at
    /// By this a chat that was added before is known again; empty: it is not.
    QByteArray source;
    /// Its program gave it an id, which `source` has; else equal ones in a file are as many chats.
    bool has_id = true;
    ConversationId first_id = 0; ///< the one that it had where it was written out; 0: not known
};

/// Chats that are added in one transaction.
struct ChatBatch {
    std::vector<WholeChat> chats;
    /// Where there is none of the name it is made, with this id, once a chat that is added lies in it;
    /// batches of one import have the same ids. The second of a name is another than the first.
    QList<ChatFolder> folders;
};

} // namespace switchyard
