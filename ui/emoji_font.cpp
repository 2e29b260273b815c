#include "ui/emoji_font.h"

#include <QFontDatabase>
#include <QFontInfo>
#include <QStringList>

using namespace Qt::StringLiterals;

namespace switchyard {

QFont withEmoji(QFont font) {
    // Without it each character of an emoji comes from whichever font has it, and is drawn by itself.
    const QString emoji = u"Noto Color Emoji"_s;
    // It has digits and spaces, too: what stands before it must be a font that is really there.
    const QString family = QFontInfo(font).family();
    if (QFontDatabase::hasFamily(family) && QFontDatabase::hasFamily(emoji))
        font.setFamilies({family, emoji});
    return font;
}

} // namespace switchyard
