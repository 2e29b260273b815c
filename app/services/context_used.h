// How much of the model's context a chat takes: one number for everything that shows it.
#pragma once

#include "app/services/conversation.h"

namespace switchyard {

/// Tokens of the shown branch, as the run of its last answer counted them. One that was edited counts by its
/// length, beside the answer that was edited. 0 where nothing was run.
int contextUsed(const Conversation& conversation);

} // namespace switchyard
