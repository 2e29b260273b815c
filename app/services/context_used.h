// How much of the model's context a chat takes: one number for everything that shows it.
#pragma once

#include "app/services/conversation.h"

namespace switchyard {

/// Tokens of the shown branch, as the run of its last answer counted them; 0 where nothing was run.
inline int contextUsed(const Conversation& conversation) {
    for (qsizetype i = conversation.thread().size(); i-- > 0;) {
        const Message& message = conversation.thread()[i];
        if (message.has_run && message.run.timings.prompt_tokens > 0)
            return message.run.timings.prompt_tokens + message.tokenCount();
    }
    return 0;
}

} // namespace switchyard
