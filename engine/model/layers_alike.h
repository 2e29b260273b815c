// Whether the layers of a file have what layers of their kind have.
#pragma once

#include "engine/files/gguf.h"
#include "engine/model/model_config.h"

namespace switchyard {

/// Biases, norms of heads and the like are computed where a file has them, so one that was lost would be
/// missing from the result without a word. Throws Error naming the tensor of a layer that others of its kind
/// have.
void check_layers_alike(const ModelFile& file, const ModelConfig& config);

} // namespace switchyard
