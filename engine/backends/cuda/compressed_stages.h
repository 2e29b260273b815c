// Rows that are made of several tokens, and attention to them behind a window of tokens.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

/// Throw Error where the kernels do not take a shape.
std::unique_ptr<Stage> make_compress_stage(const CompressStep& step, const StageMaker& maker);
std::unique_ptr<Stage> make_compressed_stage(const FusedCompressedAttention& fused, const StageMaker& maker);

} // namespace switchyard::cuda
