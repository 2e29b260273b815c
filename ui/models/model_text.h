// How models are named and measured on screen.
#pragma once

#include <QLocale>
#include <QString>

namespace switchyard {

/// A model file's name without its ending.
inline QString shownModelName(const QString& file) {
    return file.endsWith(QLatin1String(".gguf"), Qt::CaseInsensitive) ? file.chopped(5) : file;
}

/// "9.3 GiB", "143 MiB"
inline QString sizeText(quint64 bytes) { return QLocale().formattedDataSize(static_cast<qint64>(bytes), 1); }

} // namespace switchyard
