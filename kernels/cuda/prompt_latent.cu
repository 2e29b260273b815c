#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/kv_cache.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/prompt_latent_kernels.h"
#include "kernels/cuda/prompt_tile.cuh"
#include "kernels/cuda/tile_values.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kTransposeThreads, 4)
    transpose_heads(const __grid_constant__ TransposeHeadsParams p) {
    wait_for_previous();
    let_next_start();
    const int head = static_cast<int>(blockIdx.x), first = static_cast<int>(blockIdx.y) * kTileRows;
    const MatrixView from = p.matrices[head];
    const MatrixView to = {p.data + static_cast<std::size_t>(head) * transposed_bytes(p.nope, p.latent),
                           p.nope, p.latent, BlockType::F32};
    if (blockIdx.y == 0 && threadIdx.x == 0)
        p.made[head] = to;
    const int padded = padded_columns(p.latent);
    for (int i = static_cast<int>(threadIdx.x); i < kTileRows * padded; i += kTransposeThreads) {
        const int row = first + i % kTileRows, col = i / kTileRows;
        const float x = row < p.nope && col < p.latent ? TileRowReader(from, col).value(row) : 0.0f;
        *const_cast<float*>(TileRowReader(to, row).address(col)) = x;
    }
}

static __global__ void __launch_bounds__(kGatherThreads, 4)
    gather_latent(const __grid_constant__ GatherLatentParams p) {
    constexpr int kGroups = kMostKeyDim / 32;
    wait_for_previous();
    let_next_start();
    const int token = static_cast<int>(blockIdx.x) * (kGatherThreads / 32) + warp_index(),
              lane = lane_index();
    const int number = token / kKvTokens, within = token % kKvTokens;
    const KvBlockRef block = p.blocks[number],
                     made = {p.heads.data + number * p.heads.block_bytes, CacheType::F16, 0};
    if (within == 0 && lane == 0)
        p.made[number] = made;
    const KvPlanes &planes = p.cache.planes[static_cast<int>(block.type)],
                   &own = p.heads.layout.planes[static_cast<int>(CacheType::F16)];
    const std::byte* head = kv_head(p.cache, block, 0);
    const std::byte* row = head + within * planes.key_row;
    const auto* scales = reinterpret_cast<const std::uint16_t*>(head + planes.key_scales) +
                         within * kv_groups(p.cache.key_dim);
    float values[kGroups];
    std::uint32_t largest = 0;
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
        const int d = 32 * g + lane;
        values[g] = d < p.cache.key_dim ? kv_value(block.type, row, scales, d) : 0.0f;
        if (d < p.latent)
            largest = max(largest, float_bits(values[g]) & 0x7fffffffu);
    }
    const std::int32_t up = half_exponent(max_of_lanes(largest));
    const float factor = power_of_two(up);
    std::uint16_t* out = p.out.values + std::int64_t{token} * p.out.padded;
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
        const int d = 32 * g + lane;
        if (d < p.out.padded)
            out[d] = float_to_half(d < p.latent ? multiply_rounded(values[g], factor) : 0.0f);
        if (d < p.latent || d >= p.cache.key_dim)
            continue;
        for (int h = 0; h < p.heads.layout.kv_heads; ++h)
            reinterpret_cast<std::uint16_t*>(kv_head(p.heads.layout, made, h) +
                                             within * own.key_row)[p.nope + d - p.latent] =
                float_to_half(values[g]);
    }
    const int end = p.nope + p.rope; // what is behind it, queries multiply with zeros
    for (int d = end + lane; d < 32 * kv_groups(end); d += kWarpLanes)
        for (int h = 0; h < p.heads.layout.kv_heads; ++h)
            reinterpret_cast<std::uint16_t*>(kv_head(p.heads.layout, made, h) + within * own.key_row)[d] = 0;
    if (lane == 0)
        p.out.scales[token] = power_of_two(254 - up);
}

static __global__ void __launch_bounds__(kPromptThreads, 2)
    decompress_latent(const __grid_constant__ DecompressLatentParams p) {
    PromptShared& shared = shared_memory<PromptShared>();
    wait_for_previous();
    let_next_start();
    const PromptPlace place(static_cast<int>(blockIdx.x), decompress_items(p), prompt_token_tiles(p.tokens));
    const KvLayerView& layout = p.heads.layout;
    const int key_tiles = prompt_row_tiles(p.nope), tiles = key_tiles + prompt_row_tiles(layout.value_dim);
    const int head = place.item / tiles, tile = place.item % tiles;
    const bool keys = tile < key_tiles;
    const PromptMatrix matrix(keys ? p.key_ranges : p.value_ranges, (keys ? p.keys : p.values) + head,
                              keys ? tile : tile - key_tiles);
    const int first = place.tokens * kPromptTokens, tokens = min(kPromptTokens, p.tokens - first);
    PromptSums sums = {};
    multiply_prompt_tile(sums, matrix.weights, p.in.padded / kPromptStep,
                         copied_rows(p.in, tokens, [&](int token) { return first + token; }), tokens,
                         matrix.active(), shared);
    const KvPlanes& planes = layout.planes[static_cast<int>(CacheType::F16)];
    each_sum(tokens, [&](int token_tile, int e, int token, int g) {
        const int at = first + token;
        const KvBlockRef block = {p.heads.data + at / kKvTokens * p.heads.block_bytes, CacheType::F16, 0};
        std::byte* row =
            kv_head(layout, block, head) +
            (keys ? at % kKvTokens * planes.key_row : planes.values + at % kKvTokens * planes.value_row);
        matrix.each_row(sums, token_tile, e, g, p.in.scales[at], [&](int m, float sum) {
            reinterpret_cast<std::uint16_t*>(row)[m] = float_to_half(sum);
        });
    });
}

SWITCHYARD_PROMPT_LATENT_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
