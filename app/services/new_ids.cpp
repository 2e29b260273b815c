// The ids of chats, folders and messages.
#include "app/services/conversation_store.h"

#include <algorithm>
#include <atomic>

namespace switchyard {

namespace {

std::atomic<qint64> last_id{0};

} // namespace

qint64 ConversationStore::newId() { return newIds(1); }

qint64 ConversationStore::newIds(qint64 count) {
    // Milliseconds with 12 bits below them: increasing, and exact in a double until the year 2039.
    const qint64 wanted = QDateTime::currentMSecsSinceEpoch() << 12;
    qint64 last = last_id.load();
    while (!last_id.compare_exchange_weak(last, std::max(wanted, last + 1) + count - 1)) {
    }
    return std::max(wanted, last + 1);
}

void ConversationStore::reserveIds(qint64 largest) {
    qint64 last = last_id.load();
    while (last < largest && !last_id.compare_exchange_weak(last, largest)) {
    }
}

} // namespace switchyard
