#include "ui/chat/thread_row.h"

#include <utility>

namespace switchyard {

void ThreadRow::update(const Message& message) {
    rewritten |= content.update(message);
    width = -1;
    stale = true;
}

void ThreadRow::setForgotten(bool forgotten) {
    if (std::exchange(content.forgotten, forgotten) != forgotten)
        width = -1;
}

void ThreadRow::layOut(const ChatStyle& style, const Room& room) {
    // What is copied is read from a layout while it stands: then its text must not change.
    const bool changes = rewritten || content.streaming() || (layout && !layout->complete());
    if (!layout || (layout.use_count() > 1 && width < 0 && changes)) {
        layout = std::make_shared<MessageLayout>(content, style);
        width = -1;
    } else if (width < 0 || !layout->complete()) {
        layout->sync(content, rewritten);
        width = -1;
    }
    rewritten = false;
    if (width == room.width)
        return;
    layout->arrange(content, {room.width, open, room.editor_height, progress});
    width = room.width;
}

void ThreadRow::layOutWhole(const ChatStyle& style, const Room& room) {
    layOut(style, room);
    if (layout->complete())
        return;
    layout->completeNow(content);
    width = -1;
    layOut(style, room);
}

void ThreadRow::release() {
    layout.reset();
    width = -1;
}

bool ThreadRow::stands() const {
    return layout && layout->complete() && width >= 0 && !rewritten && !content.streaming();
}

} // namespace switchyard
