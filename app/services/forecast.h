// What the machine can do with a loaded model: the figures beside the dials before they are moved.
#pragma once

#include "app/services/generator.h"
#include "engine/run/loaded_model.h"

namespace switchyard {

/// Bytes a second that `threads` threads read from memory together, measured over some tens of milliseconds.
double measureMemoryBandwidth(int threads);

/// Everything the Tune column is built from. `bandwidth` 0: speeds are left unknown.
Capabilities describeModel(LoadedModel& model, double bandwidth);

} // namespace switchyard
