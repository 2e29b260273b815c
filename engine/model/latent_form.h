// When latent attention (MLA) is worth its decompressed form.
#pragma once

#include "engine/model/plan.h"

namespace switchyard {

/// Rows of one sequence from which on decompressing the cache for them costs less than the absorbed form,
/// whatever the context: 512 * 256 / (1024 - 256) = 171 at DeepSeek's head shape. 0: never, or no latent
/// attention in the plan.
int decompress_from(const Plan& plan);

/// Prompts in the decompressed form are read at least so many rows at a time: each chunk decompresses the
/// context before it again.
inline constexpr int kDecompressedChunk = 512;

} // namespace switchyard
