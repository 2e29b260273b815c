#include "app/services/chat_turns.h"

#include <algorithm>

namespace switchyard {

namespace {

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

QString fenceFor(const QString& text) {
    qsizetype longest = 0, run = 0;
    for (const QChar c : text) {
        run = c == QLatin1Char('`') ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return QString(std::max<qsizetype>(3, longest + 1), QLatin1Char('`'));
}

std::vector<ChatTurn> turnsUntil(const Conversation& chat, MessageId last) {
    return turnsUntil(chat, last, chat.system_prompt);
}

std::vector<ChatTurn> turnsUntil(const Conversation& chat, MessageId last, const QString& system_prompt) {
    std::vector<ChatTurn> turns;
    if (!system_prompt.trimmed().isEmpty())
        turns.push_back({Author::System, system_prompt});
    int place = 0;
    for (const Message& message : chat.thread()) {
        const QString text = message.author == Author::User ? questionText(message) : message.text();
        // An answer that failed before its first word says nothing to the model.
        if (!text.isEmpty() || message.id == last)
            turns.push_back({message.author, text, {}, {}, place});
        if (message.id == last)
            break;
        ++place;
    }
    return turns;
}

ChatTurn questionTurn(const QString& text, const QList<MessagePart>& files, int place) {
    Message question;
    question.parts = files;
    question.parts.append({PartKind::Text, text, {}, 0});
    return {Author::User, questionText(question), {}, {}, place};
}

int leftOutBefore(const Conversation& chat, MessageId last) {
    int left_out = 0;
    for (const Message& message : chat.thread()) {
        if (message.id == last)
            break;
        if (message.has_run && message.run.timings.prompt_tokens > 0)
            left_out = message.run.left_out;
    }
    return left_out;
}

} // namespace switchyard
