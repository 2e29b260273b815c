// The decompressed form of latent attention (MLA): keys and values of one head, made from the latent cache.
#pragma once

#include "engine/backends/cpu/kv_attention.h"

namespace switchyard::cpu {

/// Makes the blocks as they are asked for; on the exact path all of them at the beginning. A token's key and
/// value are computed by themselves, so they are the same for whoever asks. Uses the worker's `latent`
/// buffer.
class DecompressedKv : public KvSource {
  public:
    /// `blocks`: how many of the sequence's will be asked for.
    DecompressedKv(StepRun& run, ThreadContext& w, int layer, const LatentAttentionStep& step,
                   const BatchSequence& sequence, int head, int blocks, bool exact);
    KvBlockView block(int block) override;
    /// What it needs of a thread's own memory.
    static void hold(const LatentAttentionStep& step, const StepShape& shape, ScratchSizes& sizes);

  private:
    void transpose_key_matrix();
    void read_cache(int block);
    void read_latents(int block);
    void make(int block, float* keys, float* values);

    StepRun& run_;
    ThreadContext& w_;
    int layer_;
    const LatentAttentionStep& step_;
    const BatchSequence& sequence_;
    int head_;
    bool exact_;
    float* key_matrix_; ///< [nope][latent]: k_b transposed
    float* by_dim_;     ///< [latent + rope][tokens] of the block at hand
    float* panels_;     ///< the same latents as panels of 8 tokens
    float* by_token_;   ///< the same latents as [tokens][latent]
    float* made_;       ///< [blocks or 1]: keys [nope + rope][tokens], values [tokens][padded value_dim]
};

} // namespace switchyard::cpu
