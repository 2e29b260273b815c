// Row steps, the append to the cache, and attention.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

std::unique_ptr<Stage> make_attention_stage(const FusedAttention& fused, const StageMaker& maker);
std::unique_ptr<Stage> make_attention_stage(const FusedLatentAttention& fused, const StageMaker& maker);

} // namespace switchyard::cuda
