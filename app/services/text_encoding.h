// Text files as they come: in UTF-8, or in what programs wrote before it.
#pragma once

#include <QByteArray>
#include <QString>

namespace switchyard {

enum class TextKind {
    Text,
    Unknown, ///< it looks like text, in an encoding that is not told apart here
    Binary   ///< no text at all
};

struct DecodedText {
    TextKind kind = TextKind::Text;
    QString text;     ///< empty unless kind is Text
    QString encoding; ///< as it is called; "": UTF-8
};

/// Recognises UTF-8, UTF-16 and UTF-32 by their marks or by themselves, Chinese (GB18030) and what is written
/// in western Europe (Latin-1, Windows-1252). Marks are left out of the text. Whether a short text is Chinese
/// or western is a guess: who shows it says as what it was read.
DecodedText decodeText(const QByteArray& bytes);

} // namespace switchyard
