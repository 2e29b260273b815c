// The sentence under a message that did not end by itself.
#include "app/services/engine_sentence.h"
#include "ui/chat/message_layout.h"

#include <algorithm>

namespace switchyard {
namespace {

/// Whether there is nothing to read in the parts of this kind.
bool isBlank(const MessageContent& content, PartKind kind) {
    return std::ranges::all_of(content.parts, [&](const ContentPart& part) {
        return part.kind != kind || part.text.find_first_not_of(" \t\r\n") == std::string::npos;
    });
}

/// Why an answer ends where it does, if the model has not ended it there or has said nothing.
QString endingText(const MessageContent& content) {
    const bool only_thought = isBlank(content, PartKind::Text) && !isBlank(content, PartKind::Thinking);
    if (content.cut_short && content.finish == FinishReason::MaxTokens) {
        const int tokens = content.limit;
        const ControlSpec* spec = find_control("max_tokens");
        const QString dial = QCoreApplication::translate("Controls", std::string(spec->label).c_str());
        const QString text =
            only_thought
                ? MessageLayout::tr("The limit of %Ln tokens was used up by thinking, before the answer. "
                                    "Continue goes on from here; \u201c%1\u201d in the Tune column "
                                    "sets the limit.",
                                    nullptr, tokens)
                : MessageLayout::tr("Cut at the limit of %Ln tokens. Continue goes on from here; "
                                    "\u201c%1\u201d in the Tune column sets the limit.",
                                    nullptr, tokens);
        return text.arg(dial);
    }
    if (content.cut_short) {
        return only_thought
                   ? MessageLayout::tr(
                         "The context was full before the answer: thinking used it up. Start a new "
                         "chat, or choose a model with a larger context and continue with that.")
                   : MessageLayout::tr("Cut because the context is full. Start a new chat, or choose a model "
                                       "with a larger context and continue with that.");
    }
    if (!content.ran || !isBlank(content, PartKind::Text))
        return {};
    return only_thought
               ? MessageLayout::tr("The model ended after its thinking, without an answer: ask again.")
               : MessageLayout::tr("The model ended without a word: ask again, or in other words.");
}

/// Why it ended, where it did not by itself.
QString stateText(const MessageContent& content) {
    switch (content.state) {
    case MessageState::Failed:
        return content.error.isEmpty()
                   ? MessageLayout::tr(
                         "The answer failed, and no cause is known. Answer again; if that fails, "
                         "too, load the model again.")
                   : engineSentence(content.error);
    case MessageState::Stopped:
        return isBlank(content, PartKind::Text)
                   ? MessageLayout::tr("The answer was stopped before its first word. Continue begins it.")
                   : MessageLayout::tr("The answer was stopped here. What is there is kept; Continue goes on "
                                       "from here.");
    case MessageState::Interrupted:
        return MessageLayout::tr("The answer was interrupted: the program ended while it was being written. "
                                 "What is there is kept; Continue goes on from here.");
    case MessageState::Streaming:
    case MessageState::Complete:
        break;
    }
    return content.author == Author::Assistant && content.state == MessageState::Complete
               ? endingText(content)
               : QString();
}

} // namespace

QString noticeText(const MessageContent& content) {
    QStringList lines{stateText(content)};
    if (content.forgotten)
        lines << MessageLayout::tr("The model's memory begins below: what stands above was left out of what "
                                   "it read last.");
    lines.removeAll(QString());
    return lines.join(u'\n');
}

} // namespace switchyard
