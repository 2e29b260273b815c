// A message of a chat: its parts in order and, for answers, the run that made it.
#pragma once

#include "app/services/run_digest.h"
#include "app/services/token_places.h"

#include <QDateTime>
#include <QList>
#include <QMap>
#include <QString>

#include <algorithm>
#include <optional>

namespace switchyard {

using ConversationId = qint64; ///< 0: none
using MessageId = qint64;      ///< 0: none, or the root's parent
using RunId = quint64;         ///< of this process; 0: none

enum class Author { System, User, Assistant };
enum class PartKind { Text, Thinking, File, ToolCall, ToolResult }; ///< in the store: only add at the end
enum class MessageState {
    Complete,
    Streaming,
    Interrupted /* the program ended while it streamed */,
    Stopped,
    Failed
};

struct MessagePart {
    PartKind kind = PartKind::Text;
    QString text;            ///< of a tool call its arguments
    QString name;            ///< a file's, a tool's
    qint64 milliseconds = 0; ///< thinking: how long it took
    bool operator==(const MessagePart&) const = default;
};

/// What was written in a chat and not sent.
struct Draft {
    QString text;
    QList<MessagePart> files;
    QMap<MessageId, QString> edits; ///< messages that are being changed, with the new text
    /// Of a chat that is not begun: what the user made of the system prompt that new chats have.
    std::optional<QString> system_prompt{};
    bool operator==(const Draft&) const = default;
};

/// What was written first, and what was written after it without knowing of it.
inline Draft joined(const Draft& earlier, const Draft& later) {
    Draft both{earlier.text + later.text, earlier.files + later.files, earlier.edits,
               later.system_prompt ? later.system_prompt : earlier.system_prompt};
    both.edits.insert(later.edits);
    return both;
}

struct Message {
    MessageId id = 0;
    ConversationId conversation = 0;
    MessageId parent = 0;
    Author author = Author::User;
    MessageState state = MessageState::Complete;
    QList<MessagePart> parts;
    QDateTime created;
    QString model;             ///< answers: file name of the model
    QString model_fingerprint; ///< answers: which file that was (Capabilities)
    QString error;             ///< one sentence, where state is Failed (engineSentence() says it)
    RunRecord run;             ///< answers; of stored ones without the tokens, until they are asked for
    RunDigest digest;          ///< what the stored tokens say in brief
    TokenPlaces places;        ///< of the run's tokens in the parts; empty until these are read
    bool has_run = false;
    /// Those under the same parent, in order, this one included (MessageTree): for the "2/3" switch.
    QList<MessageId> siblings;
    bool models_differ = false; ///< some of these were made by another model (MessageTree)
    QString text() const;       ///< all text parts joined
    /// Of its run, read or not.
    int tokenCount() const { return std::max(digest.tokens, static_cast<int>(run.tokens.size())); }
    bool tokensRead() const { return static_cast<int>(run.tokens.size()) >= digest.tokens; }
};

/// A copy for whoever does not need the tokens, which may be many; `message` is as before.
Message withoutTokens(Message& message);

} // namespace switchyard
