// The tokenizer of a Hugging Face folder in GGUF's keys, so that a file made of the folder is complete.
#pragma once

#include "engine/files/gguf.h"

#include <filesystem>
#include <string>

namespace switchyard {

/// Sets tokenizer.ggml.* in `metadata` for a model of `vocabulary` rows. The result is tried: it must give
/// the ids of the folder's own tokenizer on texts of many kinds. Returns why the folder's tokenizer cannot be
/// written, and then sets nothing; an empty string where it can.
std::string add_folder_tokenizer(const std::filesystem::path& folder, std::size_t vocabulary,
                                 Metadata& metadata);

/// For a copy of `file` with `metadata`: as above where the file is a folder. Returns why the copy has no
/// tokenizer; an empty string where it has one.
std::string carry_tokenizer(const ModelFile& file, Metadata& metadata);

} // namespace switchyard
