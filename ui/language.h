// The language of the window.
#pragma once

#include <QCoreApplication>

namespace switchyard {

/// Puts the translations for `language` ("en", "zh_CN"), or for the system's where it is empty, in the place
/// of those that were installed before. English needs none, except for its plural forms. Texts that are shown
/// already stay as they are: WindowHost makes the window anew.
void installLanguage(QCoreApplication& application, const QString& language);

} // namespace switchyard
