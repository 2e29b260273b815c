// Chats from our own JSON (json_chats.h), with everything: but what a hand may have changed is checked, dial
// by dial; a record that says what none can is left out, and its answer stays.
#pragma once

#include "app/services/whole_chat.h"

#include <nlohmann/json_fwd.hpp>

namespace switchyard {

class OwnChat {
  public:
    OwnChat();
    /// In the order of the file, before finish(). Throws TransferError where there are too many.
    void addMessage(const nlohmann::json& message);
    /// The chat with its messages; begins the next one.
    WholeChat finish(const nlohmann::json& chat);
    /// Records and dials, of all chats so far, that could not be taken over.
    int leftOut() const { return left_out_; }

  private:
    void begin();
    void addRun(Message& message, const nlohmann::json& run);
    Tuning tuningOf(const nlohmann::json& json);
    Draft draftOf(const nlohmann::json& json) const;

    WholeChat chat_;
    QHash<qint64, MessageId> ids_; ///< by the numbers in the file
    QHash<MessageId, qint64> shown_;
    int left_out_ = 0;
};

} // namespace switchyard
