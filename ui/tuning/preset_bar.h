// Chooses among the named settings of the dials, the model's own first, and keeps new ones.
#pragma once

#include "app/services/presets.h"

#include <QWidget>

class QAction;
class QComboBox;
class QLabel;
class QLineEdit;
class QStackedLayout;
class QToolButton;

namespace switchyard {

class PresetBar : public QWidget {
    Q_OBJECT
  public:
    explicit PresetBar(Presets& presets, QWidget* parent = nullptr);

    QString current() const; ///< empty: the model's own
    void setCurrent(const QString& name);
    /// What "save" keeps.
    void setTuning(const Tuning& tuning) { tuning_ = tuning; }
    /// Takes a preset someone shared, and chooses it.
    void importFile(const QString& file);
    /// Whether dials differ from the chosen preset: offers to put them back or to save them.
    void setChanged(bool changed);

  Q_SIGNALS:
    void chosen(const QString& name, const switchyard::Tuning& tuning);
    /// Put every dial back to the chosen preset.
    void resetRequested();

  private:
    void refresh();
    void choose(int index);
    void askName(const QString& title, const QString& suggestion, bool rename);
    void takeName();
    void askImport();
    void askExport();
    void remove();
    void say(const QString& error);

    Presets& presets_;
    Tuning tuning_;
    bool renaming_ = false, changed_ = false;
    QStackedLayout* stack_;
    QComboBox* box_;
    QLineEdit* name_;
    QToolButton* menu_button_;
    QAction *save_, *save_as_, *rename_, *delete_, *reset_, *export_;
    QLabel* error_;
};

} // namespace switchyard
