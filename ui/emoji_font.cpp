#include "ui/emoji_font.h"

#include <QFontDatabase>
#include <QFontInfo>
#include <QRawFont>
#include <QStringList>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr char16_t kJoiner = 0x200D, kKeycap = 0x20E3, kPicture = 0xFE0F;

/// The character that begins at `at`, or 0 at the end.
char32_t characterAt(QStringView text, qsizetype at) {
    if (at >= text.size())
        return 0;
    if (text[at].isHighSurrogate() && at + 1 < text.size() && text[at + 1].isLowSurrogate())
        return QChar::surrogateToUcs4(text[at], text[at + 1]);
    return text[at].unicode();
}
qsizetype sizeOf(char32_t c) { return c > 0xFFFF ? 2 : 1; }

bool isKeycapBase(char32_t c) { return (c >= '0' && c <= '9') || c == '#' || c == '*'; }
bool isFlagHalf(char32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
bool isTone(char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }
bool isTag(char32_t c) { return c >= 0xE0020 && c <= 0xE007F; }

/// Signs that are letters rather than pictures (©, ®, ™) are drawn in dark grey there, whatever lies under
/// them.
bool hasPicture(char32_t c) { return c > 0xFF && c != 0x2122; }

/// End of the emoji that begins at `at`, and whether it is one that needs a font for itself.
qsizetype emojiEnd(QStringView text, qsizetype at, bool& needs) {
    const char32_t first = characterAt(text, at);
    qsizetype end = at + sizeOf(first);
    if (isFlagHalf(first) && isFlagHalf(characterAt(text, end))) {
        needs = true;
        return end + 2;
    }
    for (char32_t c = characterAt(text, end); c != 0; c = characterAt(text, end)) {
        if (c == kJoiner) {
            const char32_t next = characterAt(text, end + 1);
            if (next < 0x2000) // what joins letters joins no emoji
                break;
            end += 1 + sizeOf(next);
            continue;
        }
        if (c != kPicture && c != kKeycap && !isTone(c) && !isTag(c))
            break;
        needs = needs || (c == kKeycap ? isKeycapBase(first) : c == kPicture ? hasPicture(first) : isTag(c));
        end += sizeOf(c);
    }
    return end;
}

/// Whether there may be emoji that need a font for themselves; most text has none.
bool mayHaveEmoji(const QString& text) {
    return std::ranges::any_of(text, [](QChar c) {
        const char16_t unit = c.unicode();
        return unit == 0xFE0F || unit == 0x20E3 || unit == 0xD83C || unit == 0xDB40;
    });
}

/// Whether the font of emoji has all of such a stretch.
bool hasEmoji(const QRawFont& font, QStringView stretch) {
    return std::ranges::all_of(stretch.toUcs4(), [&](char32_t c) {
        return c == kPicture || c == kJoiner || isTag(c) || font.supportsCharacter(c);
    });
}

} // namespace

QString emojiFamily() {
    const QString family = u"Noto Color Emoji"_s;
    return QFontDatabase::hasFamily(family) ? family : QString();
}

QFont withEmoji(QFont font) {
    // Without it each character of an emoji comes from whichever font has it, and is drawn by itself.
    const QString emoji = emojiFamily();
    // It has digits and spaces, too: what stands before it must be a font that is really there.
    const QString family = QFontInfo(font).family();
    if (QFontDatabase::hasFamily(family) && !emoji.isEmpty())
        font.setFamilies({family, emoji});
    return font;
}

EmojiStretch nextEmojiStretch(QStringView text, qsizetype from) {
    EmojiStretch found;
    for (qsizetype at = from; at < text.size();) {
        bool needs = false;
        const qsizetype end = emojiEnd(text, at, needs);
        if (needs && found.begin == found.end)
            found.begin = at;
        if (needs)
            found.end = end;
        else if (found.begin < found.end)
            break;
        at = end;
    }
    return found;
}

QList<EmojiStretch> emojiStretches(const QString& text) {
    QList<EmojiStretch> stretches;
    const QString family = mayHaveEmoji(text) ? emojiFamily() : QString();
    if (family.isEmpty())
        return stretches;
    const QRawFont font = QRawFont::fromFont(QFont(family));
    for (EmojiStretch next = nextEmojiStretch(text, 0); next.begin < next.end;
         next = nextEmojiStretch(text, next.end)) {
        if (hasEmoji(font, QStringView(text).mid(next.begin, next.end - next.begin)))
            stretches.append(next);
    }
    return stretches;
}

void putInEmojiFont(QTextCharFormat& format) {
    format.setFontFamilies(QStringList(emojiFamily()));
    format.setFontStyleStrategy(QFont::NoFontMerging);
}

} // namespace switchyard
