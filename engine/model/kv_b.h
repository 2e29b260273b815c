// MLA's matrix from the latent to keys and values, as files store it, split as the engine wants it.
#pragma once

#include "engine/files/gguf.h"

#include <memory>
#include <string>
#include <utility>

namespace switchyard {

/// attn_k_b [heads, latent, nope], transposed, in memory of its own; attn_v_b [heads, value, latent], pieces
/// of the file's. Row-major, as folders count.
struct SplitKvB {
    TensorView k, v;
    std::unique_ptr<std::byte[]> memory; ///< k's
};

/// `kv_b` has heads * (nope + value) rows of the latent's width; `prefix` is the layer's, "blk.N.". Types of
/// blocks become F32, whose values are the same; others are kept. PRECOND: the shape fits.
SplitKvB split_kv_b(const TensorView& kv_b, const std::string& prefix, std::int64_t heads, std::int64_t nope,
                    std::int64_t value);

} // namespace switchyard
