// How the window looks: two palettes of our own over Fusion, one accent colour, plot colours that stay apart
// for colour-blind eyes, and icons drawn in the colour of the palette in force.
#pragma once

#include "app/services/settings.h"

#include <QApplication>
#include <QColor>
#include <QFont>
#include <QIcon>
#include <QObject>
#include <QPalette>
#include <QString>

#include <array>

namespace switchyard {

/// Makes icons, style sheet and translations known, wherever this library is linked into.
void initialiseUiResources();

/// Every colour of the window. Widgets ask coloursOf(palette()) when they paint, so a change of theme needs
/// no bookkeeping.
struct ThemeColours {
    bool dark = false;
    QColor window;     ///< page background
    QColor surface;    ///< raised areas: side columns, cards
    QColor base;       ///< text fields and lists
    QColor text;       ///< at least 7:1 on window, surface and base
    QColor muted;      ///< secondary text, at least 4.5:1
    QColor border;     ///< hairlines
    QColor hover;      ///< under the pointer
    QColor accent;     ///< the one accent: focus, selection, what is active
    QColor accentText; ///< on accent
    QColor accentSoft; ///< accent as a background of normal text
    QColor warning;    ///< text and icons that warn
    QColor danger;     ///< errors, what destroys
    QColor good;       ///< finished, healthy
    QColor grid;       ///< of plots
    QColor shade;      ///< prefill in plots
    /// Lines and areas of plots, in order of use (after Okabe and Ito, adjusted to each background).
    std::array<QColor, 6> series;
};

const ThemeColours& lightColours();
const ThemeColours& darkColours();
/// The theme a palette belongs to, by the lightness of its window colour.
const ThemeColours& coloursOf(const QPalette& palette);

/// The icon resources/icons/NAME.svg, drawn in the application palette's colours each time it is painted:
/// muted, text when active, accent when on, faint when disabled.
QIcon themedIcon(const QString& name);

/// Sets one of the style sheet's properties ("muted", "error", "warning", "surface", "primary") and restyles.
void setLook(QWidget* widget, const char* property, bool on);

/// Applies style, palette and style sheet to the application.
class ThemeManager : public QObject {
    Q_OBJECT
  public:
    explicit ThemeManager(QApplication& application, QObject* parent = nullptr);

    void setChoice(Theme choice);
    Theme choice() const { return choice_; }
    /// What the desktop prefers; used while the choice is System.
    void setSystemDark(bool dark);
    bool dark() const;
    /// Size of the interface's font in points; 0: the system's.
    void setFontSize(int points);

  Q_SIGNALS:
    void changed(bool dark);

  private:
    void apply();

    QApplication& application_;
    QFont system_font_;
    Theme choice_ = Theme::System;
    bool system_dark_ = false;
    int applied_ = -1; ///< 0 light, 1 dark, -1 nothing yet
};

} // namespace switchyard
