// Markdown as HTML that loads nothing and runs nothing: raw HTML is text, pictures are their words with a
// link, and a link goes to http, https or mailto only.
#pragma once

#include <QByteArray>
#include <QString>

namespace switchyard {

/// Blocks: paragraphs, lists, tables, code.
QByteArray htmlOfMarkdown(const QString& markdown);
/// `text` as it is, in an element or an attribute.
QByteArray escapedHtml(const QString& text);

} // namespace switchyard
