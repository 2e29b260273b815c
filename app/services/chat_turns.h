// What a model is given of a chat.
#pragma once

#include "app/services/run_service.h"

namespace switchyard {

/// The system prompt where there is one, and the messages of the shown branch up to `last`; of questions the
/// attached files first, each under its name.
std::vector<ChatTurn> turnsUntil(const Conversation& chat, MessageId last);
/// The same as it was told with another system prompt.
std::vector<ChatTurn> turnsUntil(const Conversation& chat, MessageId last, const QString& system_prompt);
/// A question that is not in a chat yet.
ChatTurn questionTurn(const QString& text, const QList<MessagePart>& files, int place);
/// How many of the branch's oldest messages the last answer before `last` was made without.
int leftOutBefore(const Conversation& chat, MessageId last);

/// Backticks for the lines around a block that has this text: longer than any run of them in it, so that a
/// file cannot end its own fence.
QString fenceFor(const QString& text);

} // namespace switchyard
