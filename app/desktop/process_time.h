// How long this process has been running, from the moment the system started it.
#pragma once

namespace switchyard {

/// Milliseconds since the process was started, to within 10 ms; negative where the system does not tell.
double processMilliseconds();

} // namespace switchyard
