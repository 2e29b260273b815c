// What the machine can do with a loaded model: the figures beside the dials before they are moved.
#pragma once

#include "app/services/capabilities.h"
#include "engine/backends/choose_backend.h"
#include "engine/run/forecast.h"
#include "engine/run/loaded_model.h"
#include "engine/run/record.h"

namespace switchyard {

/// Bytes a second that `threads` threads read from memory together, measured over some tens of milliseconds.
double measureMemoryBandwidth(int threads);

/// Everything the Tune column is built from; speeds are left to expectSpeeds(). `bandwidth`: of RAM; 0: not
/// measured.
Capabilities describeModel(LoadedModel& model, const ChosenBackend& device, double bandwidth);

/// Why the model cannot be loaded beside others while `free` bytes are (0: not known): a sentence with cause
/// and way on; "" where it can. Throws Error where the model cannot be read.
QString shortageBeside(const QString& path, Backend& backend, quint64 free);

/// What to expect of each precision, by the answers so far.
void expectSpeeds(const SpeedHistory& history, Capabilities& capabilities);

/// Adds what an answer measured. False where the run says nothing about speeds (too short, dials moved, other
/// experts).
bool learnSpeed(const RunRecord& record, const Capabilities& capabilities, SpeedHistory& history);

/// SHA-256 of the file's size, first and last MiB: tells model files apart without reading them whole. Empty
/// where the file cannot be read.
QString fingerprintFile(const QString& path);

} // namespace switchyard
