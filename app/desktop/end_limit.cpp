#include "app/desktop/end_limit.h"

#include <cstdio>
#include <system_error>
#include <unistd.h>

namespace switchyard {

EndLimit::~EndLimit() { thread_.request_stop(); }

void EndLimit::start() {
    try {
        thread_ = std::jthread([this](const std::stop_token& stop) {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, limit_, [] { return false; });
            if (stop.stop_requested())
                return;
            std::fprintf(stderr, "switchyard: the model did not come to an end in time and was left behind; "
                                 "the chats are saved\n");
            _exit(1);
        });
    } catch (const std::system_error&) {
        // Without a thread to watch, the end takes as long as it takes.
    }
}

} // namespace switchyard
