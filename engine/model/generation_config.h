// A folder's generation_config.json: the sampling its authors advise.
#pragma once

#include "engine/files/gguf.h"

#include <filesystem>

namespace switchyard {

/// Adds what `folder` advises as general.sampling keys, as a converted file has them. Nothing where it has no
/// generation_config.json or one that cannot be read: a model runs without.
void add_generation_config(const std::filesystem::path& folder, Metadata& metadata);

} // namespace switchyard
