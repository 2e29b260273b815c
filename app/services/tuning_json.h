// Settings of the dials as JSON: one key a dial, as in the controls table.
#pragma once

#include "engine/run/tuning.h"

#include <QByteArray>

namespace switchyard {

QByteArray tuningToJson(const Tuning& tuning);
/// Dials that are missing keep their default; unknown ones are left out. Throws Error where the text is not a
/// JSON object or a value does not fit its dial.
Tuning tuningFromJson(const QByteArray& json);

} // namespace switchyard
