// Chats as Markdown, for people and for other programs: roles, times and models as headings, thinking as a
// quotation, files as fenced blocks.
#pragma once

#include "app/services/transfer/chat_writer.h"

namespace switchyard {

class MarkdownChats : public ChatWriter {
  public:
    MarkdownChats(TextOut& out, bool all_branches) : out_(out), all_branches_(all_branches) {}
    void begin(const ExportHead&) override {}
    void write(const Conversation& chat, qsizetype folder, const ReadRuns& runs) override;
    void end() override {}

  private:
    TextOut& out_;
    const bool all_branches_;
    bool first_ = true;
};

} // namespace switchyard
