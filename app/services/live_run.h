// A run under way, as the controller keeps it: for chat_controller*.cpp only.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/thinking_splitter.h"
#include "app/services/token_log.h"

#include <QElapsedTimer>

namespace switchyard {

struct ChatController::Live {
    RunStatus status;
    Message message;
    std::shared_ptr<TokenLog> log; ///< all tokens of the message, for the store
    ThinkingSplitter splitter;
    QElapsedTimer saved;
    bool unsaved = false, status_changed = false;
    bool reads = false;  ///< the splitter knows how to read what comes
    int first_token = 0; ///< where this run's tokens begin in the message's record
    RunTimings earlier;  ///< of the runs this one continues
};

} // namespace switchyard
