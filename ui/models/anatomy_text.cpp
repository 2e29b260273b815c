#include "ui/models/anatomy_text.h"

#include "ui/theme.h"

#include <QLocale>

using namespace Qt::StringLiterals;

namespace switchyard {

QString countText(quint64 count) {
    const QLocale locale;
    const double value = static_cast<double>(count);
    if (count >= 1000000000)
        return locale.toString(value / 1e9, 'f', 1) + u" B"_s;
    if (count >= 1000000)
        return locale.toString(value / 1e6, 'f', 0) + u" M"_s;
    return count < 1000 ? locale.toString(count) : locale.toString(value / 1e3, 'f', 0) + u" K"_s;
}

QString AnatomyText::partName(WeightRole role) {
    switch (role) {
    case WeightRole::Embedding:
        return tr("Embeddings");
    case WeightRole::Attention:
        return tr("Attention");
    case WeightRole::FeedForward:
        return tr("Dense layers");
    case WeightRole::SharedExpert:
        return tr("Shared experts");
    case WeightRole::RoutedExpert:
        return tr("Routed experts");
    case WeightRole::Router:
        return tr("Routers");
    case WeightRole::Norm:
        return tr("Norms");
    case WeightRole::Output:
        return tr("Output");
    }
    return {};
}

QString AnatomyText::routing(const ModelConfig& config) {
    if (config.dense())
        return tr("none: a dense model");
    QStringList parts{tr("%1 of %2 a token").arg(config.experts_active).arg(config.experts)};
    if (config.expert_groups > 1)
        parts << tr("from the best %1 of %2 groups").arg(config.expert_groups_kept).arg(config.expert_groups);
    if (config.shared_width > 0)
        parts << tr("%1 shared").arg(std::max(config.experts_shared, 1));
    parts << (config.expert_gate == 2 ? tr("sigmoid gate") : tr("softmax gate"));
    if (config.expert_normalise)
        parts << tr("normalised");
    return parts.join(u" · "_s);
}

QString AnatomyText::shape(const ModelConfig& config) {
    const QLocale locale;
    QStringList parts{tr("%1 layers of %2").arg(config.layers).arg(locale.toString(config.hidden)),
                      tr("%1 heads of %2").arg(config.heads).arg(config.head_dim)};
    if (config.latent())
        parts << tr("latent of %1 + %2").arg(config.kv_lora_rank).arg(config.rope.dims);
    else
        parts << tr("%1 KV heads").arg(config.kv_heads);
    parts << tr("vocabulary %1").arg(locale.toString(config.vocabulary));
    return parts.join(u" · "_s);
}

QString AnatomyText::flops(double operations) {
    const QLocale locale;
    if (operations >= 1e12)
        return tr("%1 TFLOP").arg(locale.toString(operations / 1e12, 'f', 2));
    if (operations >= 1e9)
        return tr("%1 GFLOP").arg(locale.toString(operations / 1e9, 'f', 2));
    return tr("%1 MFLOP").arg(locale.toString(operations / 1e6, 'f', 1));
}

QColor partColour(WeightRole role, const ThemeColours& colours) {
    switch (role) {
    case WeightRole::Attention:
        return colours.series[0];
    case WeightRole::RoutedExpert:
        return colours.series[1];
    case WeightRole::SharedExpert:
        return colours.series[2];
    case WeightRole::FeedForward:
        return colours.series[3];
    case WeightRole::Embedding:
        return colours.series[4];
    case WeightRole::Output:
        return colours.series[5];
    default:
        return colours.muted;
    }
}

bool partHatched(WeightRole role) {
    return role == WeightRole::SharedExpert || role == WeightRole::Embedding || role == WeightRole::Router;
}

} // namespace switchyard
