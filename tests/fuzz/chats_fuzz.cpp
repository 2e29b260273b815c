// Any bytes given as a file of chats are read within bounds: what comes in hangs together, the rest is
// refused.
#include "app/services/transfer/chat_import.h"
#include "app/services/transfer/transfer_error.h"

#include <QSet>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace switchyard;

namespace {

void requireSound(const WholeChat& chat) {
    QSet<MessageId> seen{0};
    for (const Message& message : chat.messages) {
        if (!seen.contains(message.parent) || seen.contains(message.id))
            std::abort();
        seen.insert(message.id);
    }
    if (MessageTree(chat.messages, chat.shown).size() != chat.messages.size())
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto length = static_cast<qsizetype>(size);
    MemoryBytes bytes(QByteArray(reinterpret_cast<const char*>(data), length));
    ImportHooks hooks;
    hooks.progress = [](double) {};
    hooks.store = [](const std::shared_ptr<const ChatBatch>& batch) {
        for (const WholeChat& chat : batch->chats)
            requireSound(chat);
        return QList<ConversationId>();
    };
    ImportResult result;
    try {
        importChats(bytes, length, hooks, {}, result);
    } catch (const TransferError&) {
    }
    return 0;
}
