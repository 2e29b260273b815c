// A file's name made of a title.
#pragma once

#include <QString>

namespace switchyard {

/// What can be a file's name on any system, without a folder in it and of moderate length; `otherwise` where
/// nothing is left. Without a suffix.
QString plainFileName(const QString& title, const QString& otherwise);

} // namespace switchyard
