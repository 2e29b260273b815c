#include "app/services/chat_turns.h"

#include <algorithm>

namespace switchyard {

namespace {

/// Longer than any run of such marks in the text, so that a file cannot end its own fence.
QString fenceFor(const QString& text) {
    qsizetype longest = 0, run = 0;
    for (const QChar c : text) {
        run = c == QLatin1Char('`') ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return QString(std::max<qsizetype>(3, longest + 1), QLatin1Char('`'));
}

/// A file's name in front of its text: no fence begins with it.
QString fileName(const QString& name) {
    QString line = name.simplified();
    for (qsizetype i = 0; i < line.size() && (line[i] == QLatin1Char('`') || line[i] == QLatin1Char('~'));
         ++i)
        line[i] = QLatin1Char('\'');
    return line;
}

QString questionText(const Message& message) {
    QString text;
    for (const MessagePart& part : message.parts) {
        if (part.kind != PartKind::File)
            continue;
        const QString fence = fenceFor(part.text);
        text += fileName(part.name) + QStringLiteral(":\n") + fence + QLatin1Char('\n') + part.text +
                QLatin1Char('\n') + fence + QStringLiteral("\n\n");
    }
    return text + message.text();
}

} // namespace

std::vector<ChatTurn> turnsUntil(const Conversation& chat, MessageId last) {
    std::vector<ChatTurn> turns;
    if (!chat.system_prompt.trimmed().isEmpty())
        turns.push_back({Author::System, chat.system_prompt});
    for (const Message& message : chat.thread()) {
        const QString text = message.author == Author::User ? questionText(message) : message.text();
        // An answer that failed before its first word says nothing to the model.
        if (!text.isEmpty() || message.id == last)
            turns.push_back({message.author, text});
        if (message.id == last)
            break;
    }
    return turns;
}

} // namespace switchyard
