#include "app/services/message.h"

#include <utility>

namespace switchyard {

QString Message::text() const {
    QString joined;
    for (const MessagePart& part : parts) {
        if (part.kind == PartKind::Text)
            joined += part.text;
    }
    return joined;
}

Message withoutTokens(Message& message) {
    std::vector<TokenRecord> tokens = std::exchange(message.run.tokens, {});
    TokenPlaces places = std::exchange(message.places, {});
    Message copy = message;
    message.run.tokens = std::move(tokens);
    message.places = std::move(places);
    copy.digest.tokens = message.tokenCount();
    return copy;
}

} // namespace switchyard
