// The Tune column: every dial of the loaded model, built from the table of controls and from what the model
// allows. It knows no engine: moves go out by signal.
#pragma once

#include "app/services/dial_state.h"
#include "app/services/job_queue.h"
#include "app/services/presets.h"
#include "app/services/settings.h"

#include <QWidget>

#include <map>
#include <span>

class QFormLayout;
class QLabel;
class QScrollArea;
class QToolButton;
class QVBoxLayout;

namespace switchyard {

class CarvePanel;
class ControlRow;
class DevicePicker;
class PresetBar;
class Section;

class TuneColumn : public QWidget {
    Q_OBJECT
  public:
    TuneColumn(std::span<const ControlSpec> specs, Presets& presets, Settings& settings,
               QWidget* parent = nullptr);

    void setCapabilities(const Capabilities& capabilities);
    /// Of the same model, after an answer was measured; nothing else of `capabilities` has changed.
    void setExpectedSpeeds(const Capabilities& capabilities);
    /// The dials of the chat now shown; emits nothing.
    void setTuning(const Tuning& tuning);
    const Tuning& tuning() const { return tuning_; }
    ControlRow* row(std::string_view name) const; ///< nullptr: no such dial here
    void setRecodeProgress(quint32 done, quint32 total);
    /// How far the carving that was asked for is, or how it ended.
    void showCarving(const Job& job);
    DevicePicker& device() const { return *device_; }  ///< in the Base section
    QToolButton& foldButton() const { return *fold_; } ///< for the action that folds the column

  Q_SIGNALS:
    /// A dial moved, or a preset was chosen: in force from the next token on.
    void tuningMoved(const switchyard::Tuning& tuning);
    void carveRequested();
    void carveCancelled();
    void openModelRequested(const QString& path);

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void keepReadable();
    void buildHeader(QVBoxLayout* layout);
    void buildRows(std::span<const ControlSpec> specs);
    Section* addGroup(const QString& name, const QString& title, Setting folded);
    void addScope(const QString& title, const QString& name);
    void buildFacts();
    void showFacts();
    void moved(const ControlSpec& spec, const ControlValue& value);
    void applyPreset(const QString& name, const Tuning& preset);
    void showStates();
    void showTuning();
    void showPreset();
    ControlValue shownValue(const Tuning& tuning, const ControlRow& row) const;

    Presets& presets_;
    Settings& settings_;
    Capabilities capabilities_;
    Tuning tuning_, preset_;
    std::map<std::string, ControlRow*, std::less<>> rows_;
    QToolButton* fold_;
    PresetBar* preset_bar_;
    QScrollArea* scroll_;
    QVBoxLayout* list_;
    std::vector<Section*> sections_;
    CarvePanel* carve_ = nullptr;
    DevicePicker* device_ = nullptr;
    QFormLayout* facts_ = nullptr;
    std::map<QString, QLabel*> fact_labels_;
};

} // namespace switchyard
