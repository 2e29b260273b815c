#include "ui/expert_text.h"

#include "ui/models/model_text.h"

#include <QCoreApplication>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

struct ExpertText {
    Q_DECLARE_TR_FUNCTIONS(ExpertText)
};

QString percentOf(double share) { return QLocale().toString(100 * share, 'f', 0); }

} // namespace

QString expertsFoundText(const ExpertTraffic& traffic) {
    if (traffic.hits + traffic.misses == 0)
        return {};
    return ExpertText::tr("%1 % of experts found").arg(percentOf(traffic.hit_rate()));
}

QString expertsTip(const ExpertCacheUse& use) {
    const QLocale locale;
    QString tip = ExpertText::tr("The experts lie in RAM, %1; of %2 the card holds %3 at a time, %4.")
                      .arg(sizeText(use.pinned_bytes), locale.toString(use.experts),
                           locale.toString(use.slots), sizeText(use.cache_bytes));
    const ExpertTraffic& traffic = use.traffic;
    if (traffic.hits + traffic.misses > 0)
        tip += u'\n' + ExpertText::tr("Of those that layers needed %1 % were there; %2 were fetched, %3.")
                           .arg(percentOf(traffic.hit_rate()), locale.toString(traffic.misses),
                                sizeText(traffic.bytes));
    return tip;
}

} // namespace switchyard
