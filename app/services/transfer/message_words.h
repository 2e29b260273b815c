// What is said of a message beside its own words, in files for people: in the window's language.
#pragma once

#include "app/services/conversation.h"

namespace switchyard {

QString shownAuthor(const Message& message);
/// "2026-11-29 09:50", in local time; empty where it is not known.
QString shownTime(const QDateTime& time);
/// "Thinking (3 s)".
QString shownThinking(const MessagePart& part);
/// "Tool call: NAME" and the like, of a part that is neither text nor thinking.
QString shownPartTitle(const MessagePart& part);
/// "Stopped", or why it failed; empty: it is complete.
QString shownEnd(const Message& message);
/// "Version 2 of 3" of those under the same parent; empty where it is the only one.
QString shownVersion(const Conversation& chat, const Message& message);
/// "System prompt".
QString shownSystemPrompt();
QString shownTitle(const Conversation& chat);
/// One line, without control characters.
QString onOneLine(const QString& text);

} // namespace switchyard
