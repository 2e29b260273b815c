// Notices of the desktop (org.freedesktop.Notifications), for what ends while its window is not looked at.
#pragma once

#include <QString>

namespace switchyard {

/// Shows a sentence under the program's name, in place of the one shown before. Returns at once: where there
/// is no session bus, or nobody shows notices, nothing happens.
void tellDesktop(const QString& sentence);

} // namespace switchyard
