// The language of the window.
#pragma once

#include <QCoreApplication>

namespace switchyard {

/// Installs the translations for `language` ("en", "zh_CN"), or for the system's where it is empty. English
/// needs none, except for its plural forms.
void installLanguage(QCoreApplication& application, const QString& language);

} // namespace switchyard
