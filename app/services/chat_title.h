// The title a chat has until its user gives it another.
#pragma once

#include <QString>

namespace switchyard {

/// A few words from the first thing asked; empty where there are none.
QString titleFrom(const QString& text);

} // namespace switchyard
