// What other programs write into the text of an answer that is more than text: thoughts and tools between
// tags; and words that stand for what cannot be taken over.
#pragma once

#include "app/services/message.h"

namespace switchyard {

/// The parts of a text: what stands between <think> and </think> at its beginning, and the blocks <details
/// type="reasoning"> and <details type="tool_calls"> of Open WebUI; the rest is text.
QList<MessagePart> partsOfForeignText(const QString& text);
/// "[Picture: cat.png]".
MessagePart pictureWords(const QString& name);
/// "[Attachment: report.pdf]".
MessagePart attachmentWords(const QString& name);
/// "[something that only the other program shows: KIND]".
MessagePart unknownWords(const QString& kind);
/// Thinking without words says how long the thinking before it took: it becomes that one's time.
void joinThinkingTimes(Message& message);
MessagePart textPart(const QString& text);

} // namespace switchyard
