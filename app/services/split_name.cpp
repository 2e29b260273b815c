#include "app/services/split_name.h"

#include <QRegularExpression>

namespace switchyard {

QString SplitName::part(int other) const {
    const QString number = QString::number(other).rightJustified(5, QLatin1Char('0'));
    return stem + QLatin1Char('-') + number + QStringLiteral("-of-") + parts +
           ending; // a stem may have a "%1"
}

std::optional<SplitName> splitName(const QString& file) {
    static const QRegularExpression part(QStringLiteral("-(\\d{5})-of-(\\d{5})(\\.gguf)$"),
                                         QRegularExpression::CaseInsensitiveOption);
    const QRegularExpressionMatch match = part.match(file);
    if (!match.hasMatch())
        return std::nullopt;
    return SplitName{file.first(match.capturedStart()), match.captured(1).toInt(), match.captured(2),
                     match.captured(3)};
}

} // namespace switchyard
