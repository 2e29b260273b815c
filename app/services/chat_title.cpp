#include "app/services/chat_title.h"

namespace switchyard {

QString titleFrom(const QString& text) {
    constexpr qsizetype kLongest = 48;
    QString title = text.section(QLatin1Char('\n'), 0, 0, QString::SectionSkipEmpty).simplified();
    while (title.startsWith(QLatin1Char('#')))
        title = title.mid(1).trimmed();
    if (title.size() <= kLongest)
        return title;
    qsizetype cut = title.lastIndexOf(QLatin1Char(' '), kLongest);
    if (cut < kLongest / 2)
        cut = title[kLongest].isLowSurrogate() ? kLongest - 1 : kLongest;
    return title.left(cut) + QChar(0x2026);
}

} // namespace switchyard
