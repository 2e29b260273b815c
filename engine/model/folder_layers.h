// Of what kind each layer of a Hugging Face model is: windows, linear attention, state spaces, rotations.
#pragma once

#include "engine/model/folder_config.h"
#include "engine/model/folder_keys.h"

namespace switchyard {

/// `shape` has layers and heads. Throws Error naming the key that is missing or not known.
void read_folder_layers(const Keys& keys, const std::string& model_type, Target& out, Metadata& metadata,
                        FolderShape& shape);

} // namespace switchyard
