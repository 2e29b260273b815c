// What is said of a model whose experts do not all fit its card.
#pragma once

#include "engine/run/backend.h"

#include <QString>

namespace switchyard {

/// "87 % of experts found"; "" before any was needed.
QString expertsFoundText(const ExpertTraffic& traffic);
/// How many there are and lie on the card, how many of those needed were there, and what fetching cost.
QString expertsTip(const ExpertCacheUse& use);

} // namespace switchyard
