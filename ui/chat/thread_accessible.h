// The thread for screen readers: a list whose items are the messages, laid out or not.
#pragma once

namespace switchyard {

/// Makes Qt's accessibility know ThreadView; does nothing after the first call.
void installThreadAccessibility();

} // namespace switchyard
