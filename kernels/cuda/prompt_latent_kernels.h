// Latent attention (MLA) decompressed: keys and values of every head, made for the context of one sequence's
// rows from the latent cache, as blocks of a cache of their own, in F16, that AttendPrompt reads like any
// other. k = [k_b^T latent | rope], v = v_b latent, by the products of prompt_kernels.h: a token's keys and
// values depend on its own entry of the cache and the matrices alone.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/prompt_kernels.h"

namespace switchyard::cuda {

/// Blocks of keys and values of all heads that are made: number i is that of the context's i-th.
struct HeadBlocks {
    KvLayerView layout; ///< kv_heads: all heads; key_dim: nope + rope; its layer is the only one
    std::byte* data;
    std::int64_t block_bytes;
};

/// k_b, a matrix [latent][nope] a head, as F32 matrices [nope][latent]; exactly. Grid: transpose_grid().
struct TransposeHeadsParams {
    const MatrixView* matrices; ///< [heads]
    MatrixView* made;           ///< [heads]
    std::byte* data;            ///< [heads][transposed_bytes(nope, latent)]
    std::int32_t heads, latent, nope;
};
inline constexpr int kTransposeThreads = 256;
SWITCHYARD_ANYWHERE constexpr std::size_t transposed_bytes(int nope, int latent) {
    return static_cast<std::size_t>(tile_rows(nope)) * tile_row_bytes(BlockType::F32, latent);
}
constexpr GridSize transpose_grid(const TransposeHeadsParams& p) {
    return {static_cast<unsigned>(p.heads), static_cast<unsigned>(tile_rows(p.nope))};
}

/// The context's latent entries as a prompt's rows, and their rotated parts as the ends of all heads' keys. A
/// warp a token; tokens of the last block that nobody wrote become anything.
struct GatherLatentParams {
    const KvBlockRef* blocks; ///< [block_count]: the context's
    KvLayerView cache;        ///< their layer: key_dim is latent + rope
    HeadBlocks heads;
    KvBlockRef* made; ///< [block_count]: the table of the blocks that are made
    HalfRows out;     ///< [32 * block_count], of `latent` values
    std::int32_t block_count, latent, nope, rope;
};
inline constexpr int kGatherThreads = 128;
constexpr GridSize gather_grid(const GatherLatentParams& p) {
    return {static_cast<unsigned>(p.block_count * kKvTokens / (kGatherThreads / 32)), 1};
}

/// The rest of the keys, and the values. A block takes 128 rows of a head's matrix and 128 tokens.
struct DecompressLatentParams {
    HalfRows in;               ///< [tokens]
    const MatrixView* keys;    ///< [heads], transposed
    const MatrixView* values;  ///< [heads]: v_b, [value_dim][latent]
    WeightRanges key_ranges;   ///< of `keys` as a table, with k_b's own
    WeightRanges value_ranges; ///< of the table that v_b stands in
    HeadBlocks heads;
    std::int32_t tokens, nope;
};
SWITCHYARD_ANYWHERE constexpr int decompress_items(const DecompressLatentParams& p) {
    return p.heads.layout.kv_heads * (prompt_row_tiles(p.nope) + prompt_row_tiles(p.heads.layout.value_dim));
}
constexpr GridSize decompress_grid(const DecompressLatentParams& p) {
    return {static_cast<unsigned>(decompress_items(p) * prompt_token_tiles(p.tokens)), 1};
}

#define SWITCHYARD_PROMPT_LATENT_KERNELS(X)                                                                  \
    X(TransposeHeads, transpose_heads, TransposeHeadsParams, NoShared, kTransposeThreads, 4)                 \
    X(GatherLatent, gather_latent, GatherLatentParams, NoShared, kGatherThreads, 4)                          \
    X(DecompressLatent, decompress_latent, DecompressLatentParams, PromptShared, kPromptThreads, 2)

} // namespace switchyard::cuda
