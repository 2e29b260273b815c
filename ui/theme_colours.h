// The colours of the two palettes, for what paints without a window too.
#pragma once

#include <QColor>
#include <QPalette>

#include <array>

namespace switchyard {

/// Every colour of the window. Widgets ask coloursOf(palette()) when they paint, so a change of theme needs
/// no bookkeeping.
struct ThemeColours {
    bool dark = false;
    bool high_contrast = false; ///< text at least 15:1, muted 10:1, lines 4.5:1
    QColor window;              ///< page background
    QColor surface;             ///< raised areas: side columns, cards
    QColor base;                ///< text fields and lists
    QColor text;                ///< at least 7:1 on window, surface and base
    QColor muted;               ///< secondary text, at least 4.5:1
    QColor faint;               ///< text of what is off, at least 3:1: it is still to be read
    QColor border;              ///< hairlines
    QColor hover;               ///< under the pointer
    QColor accent;              ///< the one accent: focus, selection, what is active
    QColor accentText;          ///< on accent
    QColor accentSoft;          ///< accent as a background of normal text
    QColor warning;             ///< text and icons that warn
    QColor danger;              ///< errors, what destroys
    QColor good;                ///< finished, healthy
    QColor grid;                ///< of plots
    QColor shade;               ///< prefill in plots
    /// Lines and areas of plots, in order of use (after Okabe and Ito, adjusted to each background).
    std::array<QColor, 6> series;
};

const ThemeColours& lightColours();
const ThemeColours& darkColours();
const ThemeColours& lightContrastColours();
const ThemeColours& darkContrastColours();
/// The theme a palette belongs to, by its window colour; a strange one by how light it is.
const ThemeColours& coloursOf(const QPalette& palette);

} // namespace switchyard
