// The session's bus (D-Bus), before Qt asks it anything.
#pragma once

#include <chrono>

namespace switchyard {

/// Qt's first question to the bus waits half a minute for an answer, in the window's thread. So the bus is
/// asked for a name first, for as long as `limit`; one that does not answer is left alone by this process,
/// which is told on stderr. To be called before there is a QApplication.
void leaveSilentBus(std::chrono::milliseconds limit = std::chrono::milliseconds(1000));

} // namespace switchyard
