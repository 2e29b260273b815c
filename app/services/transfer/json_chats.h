// Chats as JSON, with all there is: what docs/chat-files.md describes. Read again by own_chats.h.
#pragma once

#include "app/services/transfer/chat_writer.h"

#include <nlohmann/json_fwd.hpp>

namespace switchyard {

inline constexpr char kChatsFormat[] = "switchyard-chats";
inline constexpr int kChatsVersion = 1;

class JsonChats : public ChatWriter {
  public:
    explicit JsonChats(TextOut& out) : out_(out) {}
    void begin(const ExportHead& head) override;
    void write(const Conversation& chat, qsizetype folder, const ReadRuns& runs) override;
    void end() override;

  private:
    TextOut& out_;
    bool first_ = true;
};

} // namespace switchyard
