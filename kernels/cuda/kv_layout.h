// How a block of the KV cache lies in device memory: the keys and values of 32 tokens, of every layer.
//
// A KV head of a layer is four planes: keys [token][key_dim], scales of the keys [token][key_dim / 32],
// values [token][value_dim], scales of the values. Dimensions are padded to 32, and each row of 32 values is
// 64 bytes of F16, 32 of Q8_0 and FP8 (E4M3, no scale), 16 of Q4_0 (8 values = scale * (q - 8) in 4 bytes,
// whose low halves are values 0 4 1 5 and whose high halves are 2 6 3 7). Scales are F16 numbers and are
// there with Q8_0 and Q4_0 alone. So a lane of a warp finds in one load what it needs of a key (8 of 32
// dimensions) or of a value (4 of 32), for products by mma straight from memory.
//
// Behind the layers are rows in 16-bit floats, whatever the block's type: keys of indexers, and what is made
// of several tokens. A row lies in the block of its last token.
#pragma once

#include "kernels/anywhere.h"
#include "kernels/cuda/step_data.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace switchyard::cuda {

inline constexpr int kKvTokens = 32; ///< of a block

/// What a layer keeps of a token; or rows that are kept besides.
struct KvShape {
    int kv_heads = 0, key_dim = 0, value_dim = 0; ///< value_dim 0: the values are part of the keys
    int row_dim = 0, row_tokens = 1;              ///< row_dim 0: no rows
};

/// Bytes from a block's beginning, and between rows, for one layer and type.
struct KvPlanes {
    std::int64_t layer;      ///< where the layer's first KV head begins
    std::int32_t head;       ///< bytes of a KV head
    std::int32_t key_scales; ///< from a head's beginning, where its keys are; so are the next two
    std::int32_t values, value_scales;
    std::int32_t key_row, value_row; ///< bytes of a token
};

/// A layer of the cache, as kernels know it.
struct KvLayerView {
    KvPlanes planes[kCacheTypes]; ///< by CacheType
    std::int32_t kv_heads, key_dim, value_dim;
};

/// Rows of the cache, as kernels know them.
struct KvRowsView {
    std::int64_t at[kCacheTypes];     ///< bytes from a block's beginning, by CacheType
    std::int32_t dim, tokens, stride; ///< values; tokens that share a row; values from row to row
};

/// Groups of 32 dimensions, each with a scale of its own where the type has some.
SWITCHYARD_ANYWHERE constexpr std::int32_t kv_groups(std::int32_t dims) { return (dims + 31) / 32; }
/// Bytes that 32 values take.
SWITCHYARD_ANYWHERE constexpr std::int32_t kv_group_bytes(CacheType type) {
    return type == CacheType::F16 ? 64 : type == CacheType::Q4_0 ? 16 : 32;
}
SWITCHYARD_ANYWHERE constexpr bool kv_has_scales(CacheType type) {
    return type == CacheType::Q8_0 || type == CacheType::Q4_0;
}

class KvLayout {
  public:
    /// One shape a layer; those without KV heads take nothing.
    explicit KvLayout(std::span<const KvShape> layers);

    /// Of one block; a multiple of 256.
    std::size_t block_bytes(CacheType type) const { return bytes_[static_cast<std::size_t>(type)]; }
    const KvLayerView& layer(std::size_t layer) const { return layers_[layer]; }
    const KvRowsView& rows(std::size_t layer) const { return rows_[layer]; }

  private:
    std::vector<KvLayerView> layers_;
    std::vector<KvRowsView> rows_;
    std::size_t bytes_[kCacheTypes] = {};
};

} // namespace switchyard::cuda
