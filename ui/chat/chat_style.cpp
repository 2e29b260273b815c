#include "ui/chat/chat_style.h"

#include "ui/emoji_font.h"
#include "ui/math/math_formula.h"
#include "ui/theme_colours.h"

#include <QFontDatabase>
#include <QFontInfo>
#include <QFontMetrics>
#include <QGuiApplication>

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

QColor mixed(const QColor& under, const QColor& over, qreal share) {
    return QColor::fromRgbF(static_cast<float>(under.redF() + (over.redF() - under.redF()) * share),
                            static_cast<float>(under.greenF() + (over.greenF() - under.greenF()) * share),
                            static_cast<float>(under.blueF() + (over.blueF() - under.blueF()) * share));
}

} // namespace

ChatStyle ChatStyle::make(const QPalette& palette, const QFont& font, qreal points) {
    const ThemeColours& c = coloursOf(palette);
    ChatStyle s;
    s.text = withEmoji(font);
    s.text.setPointSizeF(points);
    s.math = std::make_shared<MathSetter>(s.text);
    s.mono = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    s.mono.setStyleHint(QFont::Monospace);
    s.mono = withEmoji(s.mono);
    s.mono.setPointSizeF(points * 0.92);
    s.ink = c.text;
    s.muted = c.muted;
    s.link = s.accent = c.accent;
    s.danger = c.danger;
    s.border = c.border;
    s.code = c.surface;
    s.inline_code = mixed(c.window, c.text, c.dark ? 0.10 : 0.06);
    s.bubble = c.dark ? c.hover : mixed(c.window, c.accent, 0.09);
    s.selection = c.accent;
    s.selection_ink = c.accentText;
    s.light_up = c.dark ? QColor(0x6b, 0x55, 0x14) : QColor(0xff, 0xe0, 0x82);
    if (c.dark) {
        s.keyword = QColor(0xc7, 0x9b, 0xf2);
        s.string = QColor(0x8f, 0xd1, 0x9e);
        s.number = QColor(0xf0, 0xb4, 0x78);
        s.comment = QColor(0x8d, 0x97, 0xa8);
        s.type = QColor(0x6f, 0xc3, 0xdf);
        s.function = QColor(0x8c, 0xb4, 0xff);
    } else {
        s.keyword = QColor(0x7a, 0x2e, 0xb8);
        s.string = QColor(0x1c, 0x6e, 0x3c);
        s.number = QColor(0x9a, 0x4b, 0x00);
        s.comment = QColor(0x60, 0x69, 0x7a);
        s.type = QColor(0x0b, 0x65, 0x80);
        s.function = QColor(0x1f, 0x56, 0xb8);
    }
    return s;
}

qreal ChatStyle::em() const { return QFontInfo(text).pixelSize(); }

QFont ChatStyle::caption() const {
    QFont font = text;
    font.setPointSizeF(text.pointSizeF() * 0.86);
    font.setWeight(QFont::DemiBold);
    return font;
}

qreal ChatStyle::codeHeader() const { return std::round(em() * 2.1); }

const QColor& ChatStyle::colour(CodeKind kind) const {
    switch (kind) {
    case CodeKind::Keyword:
        return keyword;
    case CodeKind::Type:
        return type;
    case CodeKind::String:
        return string;
    case CodeKind::Number:
        return number;
    case CodeKind::Comment:
        return comment;
    case CodeKind::Function:
        return function;
    }
    return ink;
}

int ChatStyle::toolsHeight() { return std::max(28, QFontMetrics(QGuiApplication::font()).height() + 8); }

} // namespace switchyard
