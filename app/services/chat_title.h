// The title a chat has until its user, or a model, gives it another.
#pragma once

#include <QString>

namespace switchyard {

/// What the first thing asked is about, in a few words: without what asks for it ("Please write a long essay
/// about ..."), of code and quotes only where there is nothing else. Words stay whole. Empty where there are
/// none.
QString titleFrom(const QString& text);

/// As titles were made before: the beginning of the first line.
QString firstWords(const QString& text);

/// At most so many columns of a line, in whole words; a Chinese character takes two. Shorter by what follows
/// a sentence, and with an ellipsis where it is cut.
QString wholeWords(const QString& line, int columns);

/// Columns of a text in a fixed-width font.
int columnsOf(QStringView text);

/// Whether most of its letters are Chinese characters.
bool isChinese(QStringView text);

} // namespace switchyard
