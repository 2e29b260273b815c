// How the window looks: two palettes of our own over Fusion, one accent colour, plot colours that stay apart
// for colour-blind eyes, and icons drawn in the colour of the palette in force.
#pragma once

#include "app/services/settings.h"
#include "ui/theme_colours.h"

#include <QApplication>
#include <QFont>
#include <QIcon>
#include <QObject>
#include <QString>

namespace switchyard {

/// Makes icons, style sheet and translations known, wherever this library is linked into.
void initialiseUiResources();

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
    enum class Contrast { System, Normal, High };
    void setContrast(Contrast contrast);
    /// What the desktop prefers; used while the contrast is System.
    void setSystemContrast(bool high);
    /// Size of the interface's font in points; 0: the system's.
    void setFontSize(int points);

  Q_SIGNALS:
    void changed(bool dark);

  private:
    void apply();
    const ThemeColours& wanted() const;

    QApplication& application_;
    QFont system_font_;
    Theme choice_ = Theme::System;
    Contrast contrast_ = Contrast::System;
    bool system_dark_ = false, system_contrast_ = false;
    const ThemeColours* applied_ = nullptr; ///< nullptr: nothing yet
};

/// Of the setting's word.
ThemeManager::Contrast contrastOf(const QString& word);

} // namespace switchyard
