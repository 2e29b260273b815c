#include "ui/theme_colours.h"

namespace switchyard {
namespace {

QColor rgb(quint32 value) { return QColor::fromRgb(value); }

ThemeColours makeLight() {
    ThemeColours c;
    c.dark = false;
    c.window = rgb(0xfbfbfc);
    c.surface = rgb(0xf3f4f7);
    c.base = rgb(0xffffff);
    c.text = rgb(0x1b2130);
    c.muted = rgb(0x5a6376);
    c.faint = rgb(0x7b8393);
    c.border = rgb(0xdcdfe6);
    c.hover = rgb(0xe7eaf0);
    c.accent = rgb(0x2a62c8);
    c.accentText = rgb(0xffffff);
    c.accentSoft = rgb(0xdfe9fb);
    c.warning = rgb(0x905500);
    c.danger = rgb(0xb3261e);
    c.good = rgb(0x18744a);
    c.grid = rgb(0xe6e8ed);
    c.shade = QColor(90, 99, 118, 26);
    c.series = {rgb(0x0072b2), rgb(0xd55e00), rgb(0x009e73), rgb(0xcc79a7), rgb(0xe69f00), rgb(0x56b4e9)};
    return c;
}

ThemeColours makeDark() {
    ThemeColours c;
    c.dark = true;
    c.window = rgb(0x17191e);
    c.surface = rgb(0x1d2026);
    c.base = rgb(0x22262d);
    c.text = rgb(0xe6e9ef);
    c.muted = rgb(0x9ba4b4);
    c.faint = rgb(0x7f8898);
    c.border = rgb(0x31363f);
    c.hover = rgb(0x2a2f38);
    c.accent = rgb(0x7aa7f7);
    c.accentText = rgb(0x0f1b30);
    c.accentSoft = rgb(0x26344f);
    c.warning = rgb(0xf0b455);
    c.danger = rgb(0xf28b82);
    c.good = rgb(0x6fcf97);
    c.grid = rgb(0x2b3038);
    c.shade = QColor(155, 164, 180, 30);
    c.series = {rgb(0x56b4e9), rgb(0xf0803c), rgb(0x2fc79a), rgb(0xe39ac3), rgb(0xf0c04a), rgb(0x8fa8ff)};
    return c;
}

} // namespace

const ThemeColours& lightColours() {
    static const ThemeColours colours = makeLight();
    return colours;
}

const ThemeColours& darkColours() {
    static const ThemeColours colours = makeDark();
    return colours;
}

const ThemeColours& coloursOf(const QPalette& palette) {
    return palette.color(QPalette::Window).lightness() < 128 ? darkColours() : lightColours();
}

} // namespace switchyard
