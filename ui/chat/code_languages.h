// What the highlighter knows of each language.
#pragma once

#include <QSet>
#include <QString>
#include <QStringList>

namespace switchyard {

enum class CodeShape { Words, Diff, Markup };

struct CodeLanguage {
    QString name;        ///< as shown
    QStringList aliases; ///< lower-case info words
    CodeShape shape = CodeShape::Words;
    QStringList line_comments;
    QString comment_open, comment_close;
    QString quotes = QStringLiteral("\"'");
    bool triple_quotes = false, backslash_escapes = true, case_sensitive = true, dashes_in_words = false;
    QString word_prefixes; ///< '@' of decorators, '$' of variables, '#' of the preprocessor
    QChar key_mark;        ///< ':' or '=' where the head of a line is a key
    QSet<QString> keywords, types;
};

/// nullptr where no language has that name or alias.
const CodeLanguage* findLanguage(const QString& word);

} // namespace switchyard
