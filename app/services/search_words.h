// How text is cut for the full-text index. Scripts written without spaces are indexed as overlapping pairs
// of characters, so that a word of two characters is found inside a sentence. Signs (emoji, arrows,
// currencies) are words of one character each.
#pragma once

#include <QString>

namespace switchyard {

/// Words for the index, separated by spaces: "MLA模型好" becomes "MLA 模型 型好 好".
QString searchWords(const QString& text);
/// The FTS5 expression for what a user typed; empty where there is nothing to look for. Terms separated by
/// spaces must all occur; within a term the order counts; the end of a term may be the start of a word.
QString searchExpression(const QString& typed);
struct Found {
    qsizetype begin = 0, length = 0; ///< length 0: it is not there
};
/// Where what a user typed stands in a text, from `from` on: all of it, else one of its words. Case and marks
/// over letters do not count.
Found findIn(const QString& text, const QString& typed, qsizetype from = 0);
/// The line of `text` in which a term of `typed` occurs, cut to about `width` characters around it.
QString hitLine(const QString& text, const QString& typed, int width = 120);

} // namespace switchyard
