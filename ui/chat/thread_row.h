// A message of the thread: what is kept of it, and its layout while it is near what is in sight.
#pragma once

#include "ui/chat/message_layout.h"

#include <memory>
#include <set>
#include <vector>

namespace switchyard {

struct ThreadRow {
    MessageContent content;
    std::shared_ptr<MessageLayout> layout;
    qreal width = -1;      ///< the layout was arranged for; -1: must be arranged
    std::set<int> open;    ///< parts that fold, and are unfolded
    bool rewritten = true; ///< the text changed otherwise than by growing
    bool stale = true;     ///< its widgets show what was
    QString progress;      ///< what an answer without text is waiting for

    /// Takes over what is new of the message; the layout follows with layOut().
    void update(const Message& message);
    void setForgotten(bool forgotten);
    struct Room {
        qreal width = 0;
        qreal editor_height = -1; ///< not negative: an editor stands in place of the text
    };
    /// Lays out what fits into a turn of the event loop, at least all that is new.
    void layOut(const ChatStyle& style, const Room& room);
    /// With all of its text, where a place in it is asked for.
    void layOutWhole(const ChatStyle& style, const Room& room);
    void release();
    bool laidOut(qreal for_width) const { return layout && width == for_width; }
    /// Whether the layout is whole and nothing will change its text.
    bool stands() const;
};

using ThreadRows = std::vector<std::unique_ptr<ThreadRow>>;

} // namespace switchyard
