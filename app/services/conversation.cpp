#include "app/services/conversation.h"

namespace switchyard {

QString Message::text() const {
    QString joined;
    for (const MessagePart& part : parts) {
        if (part.kind == PartKind::Text)
            joined += part.text;
    }
    return joined;
}

} // namespace switchyard
