// Syntax colours for code blocks: a small lexer driven by a table a language. Wrong guesses cost a colour,
// never text.
#pragma once

#include <QList>
#include <QString>

namespace switchyard {

enum class CodeKind { Keyword, Type, String, Number, Comment, Function };

struct CodeSpan {
    qsizetype begin = 0, length = 0; ///< UTF-16 units of the code
    CodeKind kind = CodeKind::Keyword;
};

/// Spans in order, not overlapping; empty where the language is not known. `language` is a fence's info word
/// ("cpp", "py", "C++" ...). Linear in the length of the code.
QList<CodeSpan> highlightCode(const QString& code, const QString& language);

/// The name to show for a fence's info word: "C++" for "cpp"; the word itself where it is not known.
QString languageName(const QString& language);

} // namespace switchyard
