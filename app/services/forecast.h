// What the machine can do with a loaded model: the figures beside the dials before they are moved.
#pragma once

#include "app/services/generator.h"
#include "engine/run/loaded_model.h"

namespace switchyard {

/// Bytes a second that `threads` threads read from memory together, measured over some tens of milliseconds.
double measureMemoryBandwidth(int threads);

/// Everything the Tune column is built from. `bandwidth` 0: speeds are left unknown.
Capabilities describeModel(LoadedModel& model, double bandwidth);

/// Corrects the expected speeds by what an answer measured: all by the same factor. False where the run says
/// nothing about them (too short, dials moved, other experts).
bool learnSpeed(const RunRecord& record, Capabilities& capabilities);

/// SHA-256 of the file's size, first and last MiB: tells model files apart without reading them whole. Empty
/// where the file cannot be read.
QString fingerprintFile(const QString& path);

} // namespace switchyard
