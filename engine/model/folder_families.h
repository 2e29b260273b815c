// Keys of a config.json that single families have: heads that differ by layer, limits, temperatures, factors.
#pragma once

#include "engine/model/folder_config.h"
#include "engine/model/folder_keys.h"

namespace switchyard {

/// A list that says something of each layer; nullptr where it is absent.
const nlohmann::json* list_of_layers(const Keys& keys, const char* key, std::uint64_t layers);

/// Which layers slide by `types`, a list_of_layers(), of which all others see everything.
std::vector<bool> sliding_types(const Keys& keys, const nlohmann::json& types, std::uint64_t layers);

/// Which layers have a window, by `layer_types`, the family's own list or its rule; empty for families whose
/// code has no windows.
std::vector<bool> window_layers(const Keys& keys, const std::string& model_type, std::uint64_t layers);

/// Heads and widths that differ by layer. After the keys that all families have, and before rotations.
void read_folder_heads(const Keys& keys, const std::string& model_type, Target& out, FolderShape& shape);

/// What else a family has, after the keys that all have: it may say otherwise.
void read_folder_family(const Keys& keys, const std::string& model_type, Target& out, Metadata& metadata,
                        FolderShape& shape);

} // namespace switchyard
