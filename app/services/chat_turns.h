// What a model is given of a chat.
#pragma once

#include "app/services/run_service.h"

namespace switchyard {

/// The system prompt where there is one, and the messages of the shown branch up to `last`; of questions the
/// attached files first, each under its name.
std::vector<ChatTurn> turnsUntil(const Conversation& chat, MessageId last);

} // namespace switchyard
