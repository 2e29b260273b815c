// Fonts that have emoji, too, and which emoji need such a font for themselves.
#pragma once

#include <QFont>
#include <QList>
#include <QStringView>
#include <QTextCharFormat>

namespace switchyard {

/// The same font, with one behind it that has emoji in colours.
QFont withEmoji(QFont font);
/// The family of that one; "": none is installed.
QString emojiFamily();

/// A stretch of a text, in UTF-16 units.
struct EmojiStretch {
    qsizetype begin = 0, end = 0; ///< equal: there is none
};
/// The next one from `from` on that is emoji made of characters which another font has as well, and would
/// draw one by one: keycaps, flags, signs that ask for their pictures (U+FE0F), with all that is joined to
/// them.
EmojiStretch nextEmojiStretch(QStringView text, qsizetype from);
/// All of them that the font of emoji has; none where there is no such font.
QList<EmojiStretch> emojiStretches(const QString& text);
/// Puts such a stretch into that font, and nothing of it into another.
void putInEmojiFont(QTextCharFormat& format);

} // namespace switchyard
