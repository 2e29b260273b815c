// The words of the table of dials in the language of the window.
#pragma once

#include <QCoreApplication>
#include <QString>

#include <string_view>

namespace switchyard {

/// A dial's label or help.
inline QString controlText(std::string_view english) {
    const QByteArray text(english.data(), static_cast<qsizetype>(english.size()));
    return QCoreApplication::translate("Controls", text.constData());
}

} // namespace switchyard
