// Of what kind each layer of a Hugging Face model is: windows, linear attention, state spaces, rotations.
#pragma once

#include "engine/model/folder_config.h"
#include "engine/model/folder_keys.h"

namespace switchyard {

/// The kind of each layer of Nemotron's models: M (state space), * (attention), E (experts), - (dense block), ?
/// (not known). Empty where no key says it.
std::string layer_pattern(const Keys& keys);

/// `shape` has layers and heads. Throws Error naming the key that is missing or not known.
void read_folder_layers(const Keys& keys, const std::string& model_type, Target& out, Metadata& metadata,
                        FolderShape& shape);

} // namespace switchyard
