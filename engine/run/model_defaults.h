// The dials a model begins with.
#pragma once

#include "engine/model/model_config.h"
#include "engine/run/tuning.h"

namespace switchyard {

/// What the model's authors advise: the general.sampling keys of its file (a folder's
/// generation_config.json), else what they publish of a model of this name; where neither says anything, the
/// program's own. Values out of a dial's range are passed over.
Tuning default_tuning(const ModelFile& file, const ModelConfig& config);

/// Whether a model's default of this dial may differ from the program's.
bool model_decides(std::string_view dial);

} // namespace switchyard
