// Text of whoever wrote it, as a piece of a larger Markdown document: it stays what it is, and ends where it
// ends.
#pragma once

#include <QString>

namespace switchyard {

/// As many backticks, tildes or whatever the text leaves open are closed; raw HTML, which could hide all that
/// follows, is shown as text. Only blank lines are taken off its ends: an indentation is code.
QString boundedMarkdown(const QString& text);

/// The same of what is no Markdown but plain words, with lines that would begin headings, rules or quotations
/// made plain; blocks of code between fences stay.
QString boundedWords(const QString& text);

/// Without blank lines at both ends.
QString withoutBlankEnds(const QString& text);

/// A block of code. `language` is written behind its fence.
QString fencedCode(const QString& text, const QString& language = {});

} // namespace switchyard
