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
    Message copy = message;
    message.run.tokens = std::move(tokens);
    copy.digest.tokens = message.tokenCount();
    return copy;
}

} // namespace switchyard
