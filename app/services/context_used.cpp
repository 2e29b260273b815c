#include "app/services/context_used.h"

namespace switchyard {
namespace {

bool counted(const Message& message) { return message.has_run && message.run.timings.prompt_tokens > 0; }

/// Of an answer that no run counted: 0 where none beside it was counted either.
int byItsLength(const MessageTree& tree, const Message& message) {
    for (const MessageId id : tree.siblings(message.id)) {
        const Message* beside = tree.find(id);
        if (!beside || !counted(*beside) || beside->text().isEmpty())
            continue;
        const double longer =
            static_cast<double>(message.text().size()) / static_cast<double>(beside->text().size());
        return beside->run.timings.prompt_tokens + qRound(beside->tokenCount() * longer);
    }
    return 0;
}

} // namespace

int contextUsed(const Conversation& conversation) {
    for (qsizetype i = conversation.thread().size(); i-- > 0;) {
        const Message& message = conversation.thread()[i];
        if (counted(message))
            return message.run.timings.prompt_tokens + message.tokenCount();
        if (const int tokens = byItsLength(conversation.tree, message); tokens > 0)
            return tokens;
    }
    return 0;
}

} // namespace switchyard
