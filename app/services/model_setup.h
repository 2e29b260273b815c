// How a model is to be loaded, where the user has said so for it: kept in the settings, by its path.
#pragma once

#include "app/services/settings.h"

namespace switchyard {

struct ModelSetup {
    int context = 0;      ///< tokens of a conversation at most; 0: as the model says
    int threads = 0;      ///< that compute it on the processor; 0: one a core
    int idle_minutes = 0; ///< without an answer, after which its memory is given back; 0: never
    bool lock = false;    ///< in RAM, where the system allows it
    bool operator==(const ModelSetup&) const = default;
};

inline constexpr int kLeastContext = 256, kMostContext = 10'000'000, kMostThreads = 512, kMostIdle = 24 * 60;

/// "context=4096 threads=2 idle=10 lock=1 /model.gguf", as the settings have it; "" where nothing was said.
QString setupText(const ModelSetup& setup, const QString& model);
/// What makes no sense counts as not said. `model`: the path in it.
ModelSetup readSetup(const QString& text, QString* model = nullptr);

ModelSetup setupOf(const Settings& settings, const QString& model);
void keepSetup(Settings& settings, const QString& model, const ModelSetup& setup);

} // namespace switchyard
