#include "kernels/cuda/feed_forward.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/prompt_feed_forward_kernels.h"
#include "kernels/cuda/prompt_tile.cuh"

namespace switchyard::cuda {
namespace {

/// A tile of a unit's rows.
struct UnitTile {
    std::int32_t expert; ///< 0 for a block of all rows
    /// Pairs, or rows of the batch where these are all.
    std::int64_t first;
    int tokens; ///< 0: there is no such tile
};

/// Tile `tile` of all units' tiles, one unit after another. By all lanes of a warp.
__device__ UnitTile unit_tile(const PromptUnits& units, int tile) {
    if (!units.list)
        return {0, std::int64_t{tile} * kPromptTokens, min(kPromptTokens, units.rows - tile * kPromptTokens)};
    const int count = units.list->units;
    for (int base = 0; base < count; base += kWarpLanes) {
        const int unit = base + lane_index();
        const int tiles = unit < count ? prompt_token_tiles(units.units[unit].count) : 0;
        int before = tiles; // with the unit's own
        for (int distance = 1; distance < kWarpLanes; distance *= 2) {
            const int others = shuffle_up(before, distance);
            before += lane_index() >= distance ? others : 0;
        }
        const std::uint32_t beyond = ballot(before > tile);
        if (beyond != 0) {
            const int lane = lowest_bit(beyond);
            const FeedForwardUnit& found = units.units[base + lane];
            const int slot = (tile - shuffle(before - tiles, lane)) * kPromptTokens;
            return {found.expert, std::int64_t{found.first_pair} + slot,
                    min(kPromptTokens, found.count - slot)};
        }
        tile -= shuffle(before, kWarpLanes - 1);
    }
    return {0, 0, 0};
}

} // namespace

static __global__ void __launch_bounds__(kPromptThreads, 2)
    prompt_up(const __grid_constant__ PromptUpParams p) {
    PromptShared& shared = shared_memory<PromptShared>();
    wait_for_previous();
    let_next_start();
    const PromptPlace place(static_cast<int>(blockIdx.x), prompt_up_items(p), prompt_unit_tiles(p.units));
    const UnitTile unit = unit_tile(p.units, place.tokens);
    if (unit.tokens == 0) // the same for all threads of the block
        return;
    const MatrixView *const gate_view = p.matrices.gate + unit.expert, *const up_view =
                                                                           p.matrices.up + unit.expert;
    const MatrixView gate = *gate_view, up = *up_view;
    const float gate_factor = weight_factor(p.ranges, gate_view),
                up_factor = weight_factor(p.ranges, up_view);
    const float gate_back = inverse_power(gate_factor), up_back = inverse_power(up_factor);
    const int last_tile = tile_rows(p.matrices.width) - 1;
    const int tile = place.item * (kPromptTileRows / 2) + warp_index();
    const TileRowWeights weights[2] = {{gate, min(tile, last_tile), gate_factor},
                                       {up, min(tile, last_tile), up_factor}};
    const auto row_of = [&](int token) -> std::int64_t {
        return p.units.list ? p.units.pair_rows[unit.first + token] : unit.first + token;
    };
    PromptSums sums = {};
    multiply_prompt_tile(sums, weights, p.in.padded / kPromptStep, copied_rows(p.in, unit.tokens, row_of),
                         unit.tokens, tile <= last_tile, shared);
    const float* gate_bias = bias_row(p.matrices.gate_bias, unit.expert, p.matrices.width);
    const float* up_bias = bias_row(p.matrices.up_bias, unit.expert, p.matrices.width);
    each_sum(unit.tokens, [&](int token_tile, int e, int token, int g) {
        const float scale = p.in.scales[row_of(token)];
        float* hidden = p.hidden + (unit.first + token) * p.hidden_stride;
#pragma unroll
        for (int h = 0; h < 2; ++h) {
            const int neuron = kTileRows * tile + 8 * h + g;
            if (neuron >= p.matrices.width)
                continue;
            float gates =
                multiply_rounded(multiply_rounded(sums[0][token_tile][2 * h + e], gate_back), scale);
            float ups = multiply_rounded(multiply_rounded(sums[1][token_tile][2 * h + e], up_back), scale);
            if (gate_bias)
                gates = add_rounded(gates, gate_bias[neuron]);
            if (up_bias)
                ups = add_rounded(ups, up_bias[neuron]);
            hidden[neuron] = join_halves(p.matrices, gates, ups);
        }
    });
}

static __global__ void __launch_bounds__(kPromptThreads, 2)
    prompt_down(const __grid_constant__ PromptDownParams p) {
    PromptShared& shared = shared_memory<PromptShared>();
    wait_for_previous();
    let_next_start();
    const PromptPlace place(static_cast<int>(blockIdx.x), prompt_row_tiles(p.out_width),
                            prompt_unit_tiles(p.units));
    const UnitTile unit = unit_tile(p.units, place.tokens);
    if (unit.tokens == 0) // the same for all threads of the block
        return;
    const PromptMatrix matrix(p.ranges, p.matrices.down + unit.expert, place.item);
    PromptSums sums = {};
    multiply_prompt_tile(sums, matrix.weights, p.hidden.padded / kPromptStep,
                         copied_rows(p.hidden, unit.tokens, [&](int token) { return unit.first + token; }),
                         unit.tokens, matrix.active(), shared);
    const float* bias = bias_row(p.matrices.down_bias, unit.expert, p.out_width);
    each_sum(unit.tokens, [&](int token_tile, int e, int token, int g) {
        const std::int64_t pair = unit.first + token;
        matrix.each_row(sums, token_tile, e, g, p.hidden.scales[pair], [&](int m, float sum) {
            p.results[pair * p.out_width + m] = bias ? add_rounded(sum, bias[m]) : sum;
        });
    });
}

static __global__ void __launch_bounds__(kCombineThreads, 8)
    prompt_combine(const __grid_constant__ PromptCombineParams p) {
    PromptCombineShared& shared = shared_memory<PromptCombineShared>();
    wait_for_previous();
    let_next_start();
    const auto row = static_cast<std::int64_t>(blockIdx.x);
    const int count = p.counts[row], thread = static_cast<int>(threadIdx.x);
    const std::int32_t* pairs = p.row_pairs + row * p.most;
    for (int i = thread; i < count; i += kCombineThreads) {
        int before = 0; // pairs are numbered as experts are
        for (int other = 0; other < count; ++other)
            before += pairs[other] < pairs[i] ? 1 : 0;
        shared.pairs[before] = pairs[i];
    }
    sync_block();
    float* out = p.out + row * p.out_stride;
    for (int m = thread; m < p.out_width; m += kCombineThreads) {
        float sum = p.add ? out[m] : 0.0f;
        for (int i = 0; i < count; ++i) {
            const std::int64_t pair = shared.pairs[i];
            sum = add_rounded(sum, multiply_rounded(p.pair_weights[pair], p.results[pair * p.out_width + m]));
        }
        out[m] = sum;
    }
}

SWITCHYARD_PROMPT_FEED_FORWARD_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
