// The rotary part of a config.json, in the words of GGUF metadata.
#pragma once

#include "engine/model/folder_config.h"
#include "engine/model/folder_keys.h"

namespace switchyard {

/// Both styles: `rope_parameters`, or `rope_theta` with `rope_scaling`. Expects "rope.dimension_count" in
/// `metadata`, which `out` writes to. Throws Error naming the key that is wrong or not known.
void read_folder_rope(const Keys& keys, Target& out, Metadata& metadata, FolderShape& shape);

} // namespace switchyard
