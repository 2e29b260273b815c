// Row steps, the append to the cache, and attention.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

std::unique_ptr<Stage> make_attention_stage(const FusedAttention& fused, const StageMaker& maker);
/// `projection`: what makes the queries, just before it; it becomes part of the stage. Null: a stage of its
/// own.
std::unique_ptr<Stage> make_attention_stage(const FusedProjection* projection,
                                            const FusedLatentAttention& fused, const StageMaker& maker);

/// Throws Error where the device's blocks have too little memory for such heads.
void check_heads(const StageMaker& maker, int key_dim, int value_dim, bool latent);

/// How keys and values of all heads lie that rows in the decompressed form attend to, one layer of F16
/// blocks.
KvLayout decompressed_layout(const LatentAttentionStep& step);

} // namespace switchyard::cuda
