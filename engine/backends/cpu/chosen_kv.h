// The keys and values that a row chose of its context, as if they were all of it.
#pragma once

#include "engine/backends/cpu/kv_attention.h"

namespace switchyard::cpu {

/// Blocks of floats in the kernels' layout, filled token by token. `values_in_keys`: see KvBlockView.
class ChosenKv : public KvSource {
  public:
    /// Floats that so many tokens take. value_dim 0: the values are part of the keys.
    static std::size_t floats(int tokens, int key_dim, int value_dim);

    ChosenKv(float* memory, int key_dim, int value_dim);
    /// A key, and its value where there are any.
    void add(const float* key, const float* value);
    int tokens() const { return tokens_; }
    KvBlockView block(int block) override;

  private:
    std::size_t block_floats() const { return floats(kKvTokens, key_dim_, value_dim_); }
    float* keys(int block) const { return memory_ + static_cast<std::size_t>(block) * block_floats(); }
    float* values(int block) const { return keys(block) + key_dim_ * kKvTokens; }

    float* memory_;
    int key_dim_, value_dim_, tokens_ = 0;
};

/// A row's tokens by its choice, of those up to its own position.
struct ChosenTokens {
    std::span<const std::int32_t> chosen;
    int block, end; ///< tokens that are chosen together; behind the last that is seen

    template <typename Each>
    void each(const Each& use) const {
        for (const std::int32_t c : chosen)
            for (int token = c * block; token < std::min((c + 1) * block, end); ++token)
                use(token);
    }
};

} // namespace switchyard::cpu
