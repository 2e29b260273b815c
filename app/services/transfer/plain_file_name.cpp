#include "app/services/transfer/plain_file_name.h"

#include <QStringList>

namespace switchyard {

QString plainFileName(const QString& title, const QString& otherwise) {
    static const QString refused = QStringLiteral("/\\:*?\"<>|");
    constexpr qsizetype kLongest = 80;
    QString name;
    for (const QChar c : title) {
        const bool shown = c.isPrint() || c.isSurrogate();
        name += shown && !refused.contains(c) ? c : QChar(u' ');
    }
    name = name.simplified();
    while (name.startsWith(u'.')) // is hidden, or a folder
        name = name.mid(1).trimmed();
    if (name.size() > kLongest)
        name.truncate(name[kLongest].isLowSurrogate() ? kLongest - 1 : kLongest);
    while (name.endsWith(u'.') || name.endsWith(u' '))
        name.chop(1);
    static const QStringList devices{QStringLiteral("con"), QStringLiteral("prn"), QStringLiteral("aux"),
                                     QStringLiteral("nul")};
    if (devices.contains(name.toLower())) // of Windows
        name += u'_';
    return name.isEmpty() ? otherwise : name;
}

} // namespace switchyard
