// Fonts that have emoji, too.
#pragma once

#include <QFont>

namespace switchyard {

/// The same font, with one behind it that has emoji in colours.
QFont withEmoji(QFont font);

} // namespace switchyard
