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

/// For eyes that need it, after the figures of WCAG 2.1 (AAA): grounds are plain, and every line is to be
/// seen.
ThemeColours makeLightContrast() {
    ThemeColours c;
    c.high_contrast = true;
    c.window = c.surface = c.base = rgb(0xffffff);
    c.text = rgb(0x000000);
    c.muted = rgb(0x2b2b2b);
    c.faint = rgb(0x595959);
    c.border = rgb(0x4d4d4d);
    c.hover = rgb(0xdcecff);
    c.accent = rgb(0x003a9e);
    c.accentText = rgb(0xffffff);
    c.accentSoft = rgb(0xcfe2ff);
    c.warning = rgb(0x5f3500);
    c.danger = rgb(0x8a0000);
    c.good = rgb(0x004d22);
    c.grid = rgb(0xa6a6a6);
    c.shade = QColor(0, 0, 0, 40);
    c.series = {rgb(0x003a9e), rgb(0x8f3200), rgb(0x005a3c), rgb(0x7a1c5c), rgb(0x6b4700), rgb(0x1b4f72)};
    return c;
}

ThemeColours makeDarkContrast() {
    ThemeColours c;
    c.dark = c.high_contrast = true;
    c.window = c.surface = c.base = rgb(0x000000);
    c.text = rgb(0xffffff);
    c.muted = rgb(0xd9d9d9);
    c.faint = rgb(0xa6a6a6);
    c.border = rgb(0xb3b3b3);
    c.hover = rgb(0x1f3a5f);
    c.accent = rgb(0x9ec9ff);
    c.accentText = rgb(0x000000);
    c.accentSoft = rgb(0x123660);
    c.warning = rgb(0xffd37a);
    c.danger = rgb(0xffb3ab);
    c.good = rgb(0x98f0b8);
    c.grid = rgb(0x5c5c5c);
    c.shade = QColor(255, 255, 255, 50);
    c.series = {rgb(0x9ec9ff), rgb(0xffb07a), rgb(0x6ef0c2), rgb(0xffb8e6), rgb(0xffe27a), rgb(0xc9c2ff)};
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

const ThemeColours& lightContrastColours() {
    static const ThemeColours colours = makeLightContrast();
    return colours;
}

const ThemeColours& darkContrastColours() {
    static const ThemeColours colours = makeDarkContrast();
    return colours;
}

const ThemeColours& coloursOf(const QPalette& palette) {
    const QColor window = palette.color(QPalette::Window);
    for (const ThemeColours* theme :
         {&lightColours(), &darkColours(), &lightContrastColours(), &darkContrastColours()}) {
        if (theme->window == window)
            return *theme;
    }
    return palette.color(QPalette::Window).lightness() < 128 ? darkColours() : lightColours();
}

} // namespace switchyard
