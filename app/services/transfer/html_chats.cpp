#include "app/services/transfer/html_chats.h"

#include "app/services/transfer/markdown_html.h"
#include "app/services/transfer/message_words.h"

#include <QLocale>

namespace switchyard {

namespace {

constexpr char kStyle[] = R"(
:root { color-scheme: light dark; --text: #1c1e21; --muted: #676d76; --page: #ffffff; --box: #f3f5f8; --line: #d9dde3; --link: #2457c5; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e6ea; --muted: #9aa1ab; --page: #16181c; --box: #23262c; --line: #363b44; --link: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 1rem/1.6 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 2.5rem 0 0.25rem; }
h2 { font-size: 0.875rem; font-weight: 600; margin: 0 0 0.5rem; }
h3, h4, h5, h6 { font-size: 1.0625rem; margin: 1.25rem 0 0.5rem; }
a { color: var(--link); }
nav ol { padding-left: 1.5rem; }
.about, h2 span, summary, .end { color: var(--muted); font-size: 0.875rem; font-weight: normal; }
article { border-top: 1px solid var(--line); padding: 1.25rem 0; }
article.user > div { background: var(--box); border-radius: 10px; padding: 0.25rem 1rem; }
.plain, pre { white-space: pre-wrap; }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; overflow-x: auto;
  text-align: left; }
pre[data-language]::before { content: attr(data-language); display: block; color: var(--muted); font-size: 0.75rem;
  margin-bottom: 0.5rem; }
code { font: 0.875em/1.5 ui-monospace, "Noto Sans Mono", monospace; }
:not(pre) > code { background: var(--box); border-radius: 4px; padding: 0.1em 0.3em; }
blockquote { border-inline-start: 3px solid var(--line); margin: 1rem 0; padding-inline-start: 1rem; color: var(--muted); }
details { border-inline-start: 3px solid var(--line); padding-inline-start: 1rem; margin: 0.5rem 0; }
details > div { color: var(--muted); }
summary { cursor: pointer; }
.table { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: 0.3rem 0.7rem; text-align: start; }
.left { text-align: left; } .center { text-align: center; } .right { text-align: right; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } article { break-inside: auto; } h1, h2 { break-after: avoid; }
  pre, table { break-inside: avoid; } a { color: inherit; } section + section { break-before: page; } }
)";

QByteArray element(const char* tag, const QByteArray& inside, const char* with = "") {
    return QByteArray("<") + tag + with + ">" + inside + "</" + tag + ">\n";
}

QByteArray folded(const QString& title, const QByteArray& inside) {
    return element("details", element("summary", escapedHtml(title)) + inside);
}

QByteArray codeOf(const QString& text) { return element("pre", "<code>" + escapedHtml(text) + "</code>"); }

QByteArray plainOf(const QString& text) {
    return element("div", escapedHtml(text), " class=\"plain\" dir=\"auto\"");
}

/// A question is shown as it was typed, an answer as the Markdown that it is.
QByteArray partHtml(const MessagePart& part, bool markdown) {
    switch (part.kind) {
    case PartKind::Text:
        return markdown ? htmlOfMarkdown(part.text) : plainOf(part.text);
    case PartKind::Thinking:
        return folded(shownThinking(part), element("div", htmlOfMarkdown(part.text)));
    case PartKind::File:
    case PartKind::ToolCall:
    case PartKind::ToolResult:
        break;
    }
    return folded(shownPartTitle(part), codeOf(part.text));
}

} // namespace

void HtmlChats::begin(const ExportHead& head) {
    const QString title =
        head.titles.size() == 1 ? onOneLine(head.titles.first()) : QStringLiteral("Switchyard");
    out_
        << QByteArray("<!DOCTYPE html>\n<html lang=\"") + QLocale().bcp47Name().toUtf8() +
               "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
               "initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
               "'none'; "
               "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'\">\n<meta name=\"referrer\" "
               "content=\"no-referrer\">\n" +
               element("title", escapedHtml(title)) + "<style>" + kStyle + "</style>\n</head>\n<body>\n";
    if (head.titles.size() < 2)
        return;
    out_ << QByteArray("<nav><ol>\n");
    int number = 0;
    for (const QString& one : head.titles)
        out_ << QByteArray("<li dir=\"auto\"><a href=\"#chat-") + QByteArray::number(++number) + "\">" +
                    escapedHtml(onOneLine(one)) + "</a></li>\n";
    out_ << QByteArray("</ol></nav>\n");
}

void HtmlChats::write(const Conversation& chat, qsizetype, const ReadRuns&) {
    out_ << "<section id=\"chat-" + QByteArray::number(++number_) + "\">\n" +
                element("h1", escapedHtml(shownTitle(chat)), " dir=\"auto\"") +
                element("p", escapedHtml(shownTime(chat.summary.created)), " class=\"about\"");
    if (!chat.system_prompt.trimmed().isEmpty())
        out_ << folded(shownSystemPrompt(), plainOf(chat.system_prompt));
    for (const Message* message : messagesToWrite(chat, all_branches_))
        writeMessage(chat, *message);
    out_ << QByteArray("</section>\n");
}

void HtmlChats::writeMessage(const Conversation& chat, const Message& message) {
    QStringList said;
    if (!message.model.isEmpty())
        said << onOneLine(message.model);
    said << shownTime(message.created);
    if (const QString version = all_branches_ ? shownVersion(chat, message) : QString(); !version.isEmpty())
        said << version;
    said.removeAll(QString());
    const bool answer = message.author == Author::Assistant;
    QByteArray html = QByteArray("<article class=\"") + (answer ? "answer" : "user") + "\">\n" +
                      element("h2", escapedHtml(shownAuthor(message)) + " <span>" +
                                        escapedHtml(said.join(QStringLiteral(" · "))) + "</span>");
    html += "<div>\n";
    for (const MessagePart& part : message.parts)
        html += partHtml(part, answer);
    html += "</div>\n";
    if (const QString end = shownEnd(message); !end.isEmpty())
        html += element("p", escapedHtml(end), " class=\"end\"");
    out_ << html + "</article>\n";
}

void HtmlChats::end() { out_ << QByteArray("</body>\n</html>\n"); }

} // namespace switchyard
