// What a loaded model makes of a dial: the Tune column is built from controls() and this.
#pragma once

#include "app/services/capabilities.h"
#include "engine/run/controls.h"

#include <optional>

namespace switchyard {

/// What can be done where a dial is off.
enum class DialOffer { None, Carve };

struct DialState {
    bool shown = true; ///< the model has what the dial moves, or it is said why not
    bool enabled = true;
    QString why; ///< not enabled: a sentence that says why; else what to know of it here, "": nothing
    DialOffer offer = DialOffer::None;
    double minimum = 0, maximum = 0; ///< numbers
    std::optional<double> own;       ///< what the control's default stands for: the model's own number
    /// Of choices: what stands in for one that the device does not have; "": all are there.
    QString instead{};
    std::vector<ChoiceForecast> stops; ///< choices, the smallest first; empty: as the control lists them
    ControlActs acts = ControlActs::Now;
};

/// Without a model every dial is off.
DialState dialState(const Capabilities& model, const ControlSpec& spec);

} // namespace switchyard
