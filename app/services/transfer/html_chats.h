// Chats as one page of HTML that needs nothing else: no scripts, nothing loaded, light and dark, for reading
// and printing.
#pragma once

#include "app/services/transfer/chat_writer.h"

namespace switchyard {

class HtmlChats : public ChatWriter {
  public:
    HtmlChats(TextOut& out, bool all_branches) : out_(out), all_branches_(all_branches) {}
    void begin(const ExportHead& head) override;
    void write(const Conversation& chat, qsizetype folder, const ReadRuns& runs) override;
    void end() override;

  private:
    void writeMessage(const Conversation& chat, const Message& message);

    TextOut& out_;
    const bool all_branches_;
    int number_ = 0; ///< of the chat
};

} // namespace switchyard
