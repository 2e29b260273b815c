#include "app/services/transfer/message_words.h"

#include "app/services/engine_sentence.h"

#include <QCoreApplication>
#include <QLocale>

namespace switchyard {

namespace {

QString say(const char* text) { return QCoreApplication::translate("MessageWords", text); }

} // namespace

QString shownAuthor(const Message& message) {
    switch (message.author) {
    case Author::System:
        return say(QT_TRANSLATE_NOOP("MessageWords", "System"));
    case Author::User:
        return say(QT_TRANSLATE_NOOP("MessageWords", "You"));
    case Author::Assistant:
        break;
    }
    return say(QT_TRANSLATE_NOOP("MessageWords", "Answer"));
}

QString shownTime(const QDateTime& time) {
    return time.isValid() ? time.toLocalTime().toString(QStringLiteral("yyyy-MM-dd HH:mm")) : QString();
}

QString shownThinking(const MessagePart& part) {
    if (part.milliseconds <= 0)
        return say(QT_TRANSLATE_NOOP("MessageWords", "Thinking"));
    const double seconds = static_cast<double>(part.milliseconds) / 1000;
    return say(QT_TRANSLATE_NOOP("MessageWords", "Thinking (%1 s)"))
        .arg(QLocale().toString(seconds, 'f', seconds < 10 ? 1 : 0));
}

QString shownPartTitle(const MessagePart& part) {
    const QString name = onOneLine(part.name);
    if (part.kind == PartKind::ToolCall)
        return say(QT_TRANSLATE_NOOP("MessageWords", "Tool call: %1")).arg(name);
    if (part.kind == PartKind::ToolResult)
        return say(QT_TRANSLATE_NOOP("MessageWords", "Tool result: %1")).arg(name);
    return say(QT_TRANSLATE_NOOP("MessageWords", "File: %1")).arg(name);
}

QString shownEnd(const Message& message) {
    switch (message.state) {
    case MessageState::Complete:
        return {};
    case MessageState::Streaming:
        return say(QT_TRANSLATE_NOOP("MessageWords", "Still being written"));
    case MessageState::Interrupted:
        return say(QT_TRANSLATE_NOOP("MessageWords", "The program ended while it was written"));
    case MessageState::Stopped:
        return say(QT_TRANSLATE_NOOP("MessageWords", "Stopped"));
    case MessageState::Failed:
        break;
    }
    return message.error.isEmpty() ? say(QT_TRANSLATE_NOOP("MessageWords", "Failed"))
                                   : onOneLine(engineSentence(message.error));
}

QString shownVersion(const Conversation& chat, const Message& message) {
    const QList<MessageId> versions = chat.tree.siblings(message.id);
    if (versions.size() < 2)
        return {};
    return say(QT_TRANSLATE_NOOP("MessageWords", "Version %1 of %2"))
        .arg(versions.indexOf(message.id) + 1)
        .arg(versions.size());
}

QString shownSystemPrompt() { return say(QT_TRANSLATE_NOOP("MessageWords", "System prompt")); }

QString shownTitle(const Conversation& chat) {
    const QString title = onOneLine(chat.summary.title);
    return title.isEmpty() ? say(QT_TRANSLATE_NOOP("MessageWords", "Chat")) : title;
}

QString onOneLine(const QString& text) {
    QString line;
    for (const QChar c : text)
        line += c.isSpace() || c.category() == QChar::Other_Control ? QChar(u' ') : c;
    return line.simplified();
}

} // namespace switchyard
