// One dial in the Tune column: its name, when it acts, a number box or the chosen stop, and its slider.
#pragma once

#include "app/services/dial_effects.h"
#include "app/services/dial_state.h"

#include <QWidget>

class QLabel;
class QProgressBar;

namespace switchyard {

class DialSlider;
class NumberBox;

/// "now", "next message" or "reload", in the language of the window.
QString actsWord(ControlActs acts);

class ControlRow : public QWidget {
    Q_OBJECT
  public:
    explicit ControlRow(const ControlSpec& spec, QWidget* parent = nullptr);

    const ControlSpec& spec() const { return spec_; }
    ControlValue value() const { return value_; }
    void setValue(const ControlValue& value); ///< emits nothing
    void setPresetValue(const ControlValue& value);
    bool differsFromPreset() const;
    /// What the loaded model makes of the dial. Stops that were known stay where it names none.
    void setState(const DialState& state);
    const DialState& state() const { return state_; }
    /// Shows a sentence under the control, in place of what the state says. Empty: none.
    void setNote(const QString& sentence, bool is_error = false);
    /// Progress of a change that takes time; equal numbers hide the bar.
    void setProgress(quint32 done, quint32 total);
    /// Says beside the name what the last move did to the speed of an answer. nullopt: nothing.
    void setEffect(const std::optional<DialEffect>& effect);
    /// Choices in the order of the stops.
    QStringList stopNames() const;

  Q_SIGNALS:
    void moved(const switchyard::ControlValue& value);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void buildNumber();
    void buildChoice();
    void buildLayout();
    void setRange(double minimum, double maximum);
    void setStops(const std::vector<ChoiceForecast>& stops);
    QString hint() const;
    void userMoved(const ControlValue& value);
    void showValue();
    void showForecast(int stop);
    QString forecastText(int stop, bool full) const;
    QString choiceLabel(int stop) const;
    int sliderPosition(double number) const;
    double sliderNumber(int position) const;
    void updateAccessibility();
    void showAside();
    QString valueText(const ControlValue& value) const;
    void showLimit(double typed);
    void reserveForecast();

    const ControlSpec& spec_;
    ControlValue value_, preset_;
    double minimum_ = 0, maximum_ = 1;
    QString recoding_; ///< how far a change of precision is; empty: none is under way
    std::optional<DialEffect> effect_;
    QString missing_; ///< of a value that the device does not have
    DialState state_;
    std::vector<ChoiceForecast> stops_; ///< choices: one a stop, `name` as the control's choice
    bool showing_ = false;              ///< widgets follow the value: their signals are not the user's

    QLabel* dot_;
    QLabel* name_;
    QLabel* acts_;
    QLabel* chosen_ = nullptr;
    QLabel* forecast_ = nullptr;
    QLabel* note_;
    NumberBox* box_ = nullptr;
    DialSlider* slider_ = nullptr;
    QProgressBar* progress_;
};

} // namespace switchyard
