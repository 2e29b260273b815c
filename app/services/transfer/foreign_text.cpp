#include "app/services/transfer/foreign_text.h"

#include <QCoreApplication>
#include <QRegularExpression>

#include <utility>

namespace switchyard {

namespace {

QString unescaped(QString text) {
    for (const auto& [entity, character] :
         {std::pair{"&lt;", u'<'}, {"&gt;", u'>'}, {"&quot;", u'"'}, {"&#x27;", u'\''}, {"&#39;", u'\''}})
        text.replace(QLatin1String(entity), QString(QChar(character)));
    return text.replace(QLatin1String("&amp;"), QLatin1String("&")); // last: it begins the others
}

QString attribute(const QString& tag, const char* name) {
    const QRegularExpression pattern(QStringLiteral("\\b%1=\"([^\"]*)\"").arg(QLatin1String(name)));
    return unescaped(pattern.match(tag).captured(1));
}

/// Lines without the ">" that stands before each.
QString unquoted(const QString& text) {
    QStringList lines;
    for (const QString& line : text.split(u'\n')) {
        const bool marked = line.startsWith(u'>');
        lines << (marked ? line.mid(line.startsWith(QLatin1String("> ")) ? 2 : 1) : line);
    }
    return lines.join(u'\n').trimmed();
}

void addText(QList<MessagePart>& parts, const QString& text) {
    if (!text.trimmed().isEmpty())
        parts.append(textPart(text.trimmed()));
}

void addThinking(QList<MessagePart>& parts, const QString& text, double seconds) {
    constexpr double kMost = 1e6;
    if (!text.trimmed().isEmpty())
        parts.append({PartKind::Thinking,
                      text.trimmed(),
                      {},
                      seconds > 0 && seconds < kMost ? static_cast<qint64>(seconds * 1000) : 0});
}

void addDetails(QList<MessagePart>& parts, const QString& tag, QString inside) {
    if (attribute(tag, "type") == QLatin1String("reasoning")) {
        const qsizetype summary = inside.indexOf(QLatin1String("</summary>"));
        if (summary >= 0)
            inside = inside.mid(summary + 10);
        return addThinking(parts, unquoted(unescaped(inside)), attribute(tag, "duration").toDouble());
    }
    const QString name = attribute(tag, "name");
    parts.append({PartKind::ToolCall, attribute(tag, "arguments"), name, 0});
    if (const QString result = attribute(tag, "result"); !result.isEmpty())
        parts.append({PartKind::ToolResult, result, name, 0});
}

QString say(const char* text) { return QCoreApplication::translate("ChatTransfer", text); }

} // namespace

MessagePart textPart(const QString& text) { return {PartKind::Text, text, {}, 0}; }

QList<MessagePart> partsOfForeignText(const QString& text) {
    QList<MessagePart> parts;
    QString rest = text;
    static const QString open = QStringLiteral("<think>"), close = QStringLiteral("</think>");
    if (const QString begins = rest.trimmed(); begins.startsWith(open)) {
        const qsizetype end = begins.indexOf(close);
        addThinking(parts, begins.mid(open.size(), end < 0 ? -1 : end - open.size()), 0);
        rest = end < 0 ? QString() : begins.mid(end + close.size());
    }
    static const QString details = QStringLiteral("<details type=\""), ends = QStringLiteral("</details>");
    qsizetype at = 0, told = 0;
    while ((at = rest.indexOf(details, at)) >= 0) {
        const qsizetype tag_end = rest.indexOf(u'>', at),
                        end = tag_end < 0 ? -1 : rest.indexOf(ends, tag_end);
        if (end < 0)
            break;
        const QString tag = rest.mid(at, tag_end - at), kind = attribute(tag, "type");
        if (kind == QLatin1String("reasoning") || kind == QLatin1String("tool_calls")) {
            addText(parts, rest.mid(told, at - told));
            addDetails(parts, tag, rest.mid(tag_end + 1, end - tag_end - 1));
            told = end + ends.size();
        }
        at = end + ends.size();
    }
    addText(parts, rest.mid(told));
    return parts;
}

void joinThinkingTimes(Message& message) {
    QList<MessagePart> parts;
    for (const MessagePart& part : std::as_const(message.parts)) {
        const bool time_only = part.kind == PartKind::Thinking && part.text.isEmpty();
        if (!time_only) {
            parts.append(part);
            continue;
        }
        for (auto before = parts.rbegin(); before != parts.rend(); ++before) {
            if (before->kind == PartKind::Thinking) {
                before->milliseconds = part.milliseconds;
                break;
            }
        }
    }
    message.parts = parts;
}

MessagePart pictureWords(const QString& name) {
    return textPart(name.isEmpty() ? say(QT_TRANSLATE_NOOP("ChatTransfer", "[Picture]"))
                                   : say(QT_TRANSLATE_NOOP("ChatTransfer", "[Picture: %1]")).arg(name));
}

MessagePart attachmentWords(const QString& name) {
    return textPart(name.isEmpty() ? say(QT_TRANSLATE_NOOP("ChatTransfer", "[Attachment]"))
                                   : say(QT_TRANSLATE_NOOP("ChatTransfer", "[Attachment: %1]")).arg(name));
}

MessagePart unknownWords(const QString& kind) {
    return textPart(kind.trimmed().isEmpty()
                        ? say(QT_TRANSLATE_NOOP("ChatTransfer", "[Something that was not taken over]"))
                        : say(QT_TRANSLATE_NOOP("ChatTransfer", "[Not taken over: %1]")).arg(kind));
}

} // namespace switchyard
