// Names and figures of a model's anatomy, as the window writes them.
#pragma once

#include "app/services/anatomy_reader.h"

#include <QColor>
#include <QCoreApplication>

namespace switchyard {

struct ThemeColours;

/// "460 K", "134 M", "15.7 B"
QString countText(quint64 count);

class AnatomyText {
    Q_DECLARE_TR_FUNCTIONS(AnatomyText)
  public:
    static QString partName(WeightRole role);
    /// "8 of 256 chosen from 4 of 8 groups, 1 shared; sigmoid, normalised"; "none: a dense model"
    static QString routing(const ModelConfig& config);
    /// "27 layers of 2,048, 16 heads of 192, latent 512 + 64"
    static QString shape(const ModelConfig& config);
    /// "2.45 GFLOP"
    static QString flops(double operations);
};

/// A part's colour; the small ones share a muted one.
QColor partColour(WeightRole role, const ThemeColours& colours);
/// Whether the part is hatched as well, so that neighbours differ without their colour.
bool partHatched(WeightRole role);

} // namespace switchyard
