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

/// "491 MB", "2.10 GB": of what is fetched, counted in powers of ten as servers and lines are.
inline QString downloadSize(quint64 bytes) {
    return QLocale().formattedDataSize(static_cast<qint64>(bytes), bytes < 1'000'000'000 ? 0 : 2,
                                       QLocale::DataSizeSIFormat);
}

} // namespace switchyard
