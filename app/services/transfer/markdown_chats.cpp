#include "app/services/transfer/markdown_chats.h"

#include "app/services/transfer/markdown_bounds.h"
#include "app/services/transfer/message_words.h"

#include <algorithm>

namespace switchyard {

namespace {

/// Of a heading or a name: it stays what it is, whatever marks are in it.
QString escaped(const QString& line) {
    static const QString marks = QStringLiteral("\\`*_{}[]<>#|~$&");
    QString text;
    for (const QChar c : line) {
        if (marks.contains(c))
            text += u'\\';
        text += c;
    }
    return text;
}

QString quoted(const QString& text) {
    QString lines = boundedMarkdown(text);
    return QStringLiteral("> ") + lines.replace(u'\n', QStringLiteral("\n> "));
}

/// A word behind a fence that begins a code block; a name may be anything.
QString languageOf(const QString& file_name) {
    const QString suffix = file_name.section(u'.', -1).toLower();
    const bool plain = file_name.contains(u'.') && suffix.size() <= 8 &&
                       std::all_of(suffix.begin(), suffix.end(), [](QChar c) {
                           return (c >= u'a' && c <= u'z') || (c >= u'0' && c <= u'9');
                       });
    return plain ? suffix : QString();
}

QString partText(const MessagePart& part, Author author) {
    switch (part.kind) {
    case PartKind::Text:
        // A question is shown as it was typed, an answer is Markdown.
        return author == Author::Assistant ? boundedMarkdown(part.text) : boundedWords(part.text);
    case PartKind::Thinking:
        return QStringLiteral("> *%1*\n>\n%2").arg(escaped(shownThinking(part)), quoted(part.text));
    case PartKind::File:
        return QStringLiteral("**%1**\n\n%2")
            .arg(escaped(shownPartTitle(part)), fencedCode(part.text, languageOf(part.name)));
    case PartKind::ToolCall:
    case PartKind::ToolResult:
        break;
    }
    return QStringLiteral("**%1**\n\n%2").arg(escaped(shownPartTitle(part)), fencedCode(part.text));
}

QString headingOf(const Conversation& chat, const Message& message, bool all_branches) {
    QStringList said{shownAuthor(message)};
    if (!message.model.isEmpty())
        said << onOneLine(message.model);
    if (const QString time = shownTime(message.created); !time.isEmpty())
        said << time;
    if (const QString version = all_branches ? shownVersion(chat, message) : QString(); !version.isEmpty())
        said << version;
    return QStringLiteral("## ") + escaped(said.join(QStringLiteral(" · ")));
}

} // namespace

void MarkdownChats::write(const Conversation& chat, qsizetype, const ReadRuns&) {
    const auto paragraph = [this](const QString& text) { out_ << text + QStringLiteral("\n\n"); };
    if (!first_)
        paragraph(QStringLiteral("---"));
    first_ = false;
    paragraph(QStringLiteral("# ") + escaped(shownTitle(chat)));
    if (const QString time = shownTime(chat.summary.created); !time.isEmpty())
        paragraph(QStringLiteral("*%1*").arg(escaped(time)));
    if (!chat.system_prompt.trimmed().isEmpty()) {
        paragraph(QStringLiteral("## ") + escaped(shownSystemPrompt()));
        paragraph(quoted(chat.system_prompt));
    }
    for (const Message* message : messagesToWrite(chat, all_branches_)) {
        paragraph(headingOf(chat, *message, all_branches_));
        for (const MessagePart& part : message->parts) {
            if (!part.text.trimmed().isEmpty() || part.kind != PartKind::Text)
                paragraph(partText(part, message->author));
        }
        if (const QString end = shownEnd(*message); !end.isEmpty())
            paragraph(QStringLiteral("*%1*").arg(escaped(end)));
    }
}

} // namespace switchyard
