// Rows of 16-bit floats that the KV cache keeps besides keys and values.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/kv_layout.h"

namespace switchyard::cuda {

/// Where a row lies, by its number, of a sequence with these blocks; aligned to 16 bytes.
__device__ inline std::uint16_t* kv_row(const KvRowsView& rows, const KvBlockRef* blocks, int number) {
    const std::int64_t last = (std::int64_t{number} + 1) * rows.tokens - 1;
    const KvBlockRef& block = blocks[last / kKvTokens];
    return reinterpret_cast<std::uint16_t*>(block.data + rows.at[static_cast<int>(block.type)]) +
           last % kKvTokens / rows.tokens * rows.stride;
}

/// Stores a row of floats by the block's threads; zeros behind its values.
__device__ inline void store_kv_row(const KvRowsView& rows, const float* x, std::uint16_t* to) {
    for (int d = static_cast<int>(threadIdx.x); d < rows.stride; d += static_cast<int>(blockDim.x))
        to[d] = float_to_half(d < rows.dim ? x[d] : 0.0f);
}

} // namespace switchyard::cuda
