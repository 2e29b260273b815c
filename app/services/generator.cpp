#include "app/services/generator.h"

namespace switchyard {

bool TokenStream::append(RunEvent event) {
    const std::lock_guard lock(mutex_);
    const bool was_empty = events_.empty();
    events_.push_back(std::move(event));
    return was_empty;
}

std::vector<RunEvent> TokenStream::drain() {
    std::vector<RunEvent> events;
    const std::lock_guard lock(mutex_);
    events.swap(events_);
    return events;
}

} // namespace switchyard
