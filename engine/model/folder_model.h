// Hugging Face folders as ModelFiles: their tensors under GGUF's names and in its layout.
#pragma once

#include "engine/files/gguf.h"

#include <filesystem>
#include <memory>

namespace switchyard {

/// Opens a Hugging Face folder. Tensors stay mapped where the layouts agree; an expert tensor is the pieces
/// that the folder has. Rows that GGUF orders otherwise, FP8 matrices (to F32) and gpt-oss's MXFP4 are copied
/// into memory. The metadata has a
/// chat template but no tokenizer. Throws Error naming the file, key or tensor that is wrong.
std::shared_ptr<const ModelFile> open_model_folder(const std::filesystem::path& path);

/// Opens a GGUF file, the first part of a split one, or a Hugging Face folder. Older forms of GGUF come in
/// today's (see gguf_forms.h).
std::shared_ptr<const ModelFile> open_model(const std::filesystem::path& path);

} // namespace switchyard
