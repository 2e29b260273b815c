// What a model is given of a chat.
#pragma once

#include "app/services/run_service.h"

namespace switchyard {

/// The messages of a thread up to `last`; of questions the attached files first, each under its name.
std::vector<ChatTurn> turnsUntil(const QList<Message>& thread, MessageId last);

} // namespace switchyard
