#include "kernels/cuda/feed_forward.cuh"
#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/tile_values.cuh"

namespace switchyard::cuda {
namespace {

constexpr int kDownWarps = kDownThreads / kWarpLanes;

template <int kColumns>
inline constexpr int token_tiles = (kColumns + kTokenTile - 1) / kTokenTile;

/// Sums of a warp: the C fragments of mma_bytes for each 8 tokens.
template <int kColumns>
using Fragments = float[token_tiles<kColumns>][4];

/// Value `c` of a prepared row, in the form that a matrix of `type` is multiplied with.
__device__ float prepared_value(const PreparedRows& in, BlockType type, std::int64_t row, int c) {
    const int i = c % 32, t = i % 16 / 4, half = i / 16;
    const std::int64_t block = row * (in.padded / 32) + c / 32, pairs = 2 * block + half;
    const int at = pair_place(c % 16);
    switch (input_format(type)) {
    case kInputF32:
        return in.floats[row * in.padded + c];
    case kInputBfloat:
        return bfloat_to_float(in.bfloats[pairs].values[at]) +
               bfloat_to_float(in.bfloats[pairs].values[at + 4]);
    case kInputHalf:
        return (half_to_float(in.halves[pairs].values[at]) + half_to_float(in.halves[pairs].values[at + 4])) *
               in.half_scales[block];
    default: {
        const ByteBlock& b = in.bytes[block];
        const int high = static_cast<std::int8_t>(b.bytes[16 * t + 4 * half + i % 4]);
        return b.scale * static_cast<float>(256 * high + b.bytes[16 * t + 8 + 4 * half + i % 4]);
    }
    }
}

/// By a warp: a tile row's products with columns [first, last) of `live` prepared rows; rows[t] is the one of
/// token 8 t + lane / 4.
template <int kColumns>
__device__ void multiply_columns(const MatrixView& matrix, int tile_row, int first, int last,
                                 const PreparedRows& in, const std::int64_t (&rows)[token_tiles<kColumns>],
                                 int live, Fragments<kColumns>& c) {
#pragma unroll
    for (int t = 0; t < token_tiles<kColumns>; ++t)
        for (int i = 0; i < 4; ++i) {
            const int token = t * kTokenTile + lane_index() % 4 * 2 + i % 2,
                      m = tile_row * kTileRows + lane_index() / 4 + i / 2 * 8;
            const auto row = shuffle(rows[t], (lane_index() % 4 * 2 + i % 2) * 4);
            if (token >= live || m >= matrix.rows)
                continue;
            const TileRowReader reader(matrix, m);
            for (int k = first; k < last; ++k)
                c[t][i] = fmaf(reader.value(k), prepared_value(in, matrix.type, row, k), c[t][i]);
        }
}

/// A warp's sums of 8 tokens (or of one, where a row has no more) to [16 rows][kColumns].
template <int kColumns>
__device__ void store_tile(float* sums, const float (&c)[4]) {
    const int g = lane_index() / 4, t = lane_index() % 4;
    if constexpr (kColumns == 1) {
        if (t == 0) {
            sums[g] = c[0];
            sums[g + 8] = c[2];
        }
    } else {
        float* at = sums + g * kColumns + 2 * t;
        *reinterpret_cast<float2*>(at) = {c[0], c[1]};
        *reinterpret_cast<float2*>(at + 8 * kColumns) = {c[2], c[3]};
    }
}
/// The columns of the tokens that there are.
template <int kColumns>
__device__ void store_fragments(float* sums, const Fragments<kColumns>& c, int live) {
#pragma unroll
    for (int t = 0; t < token_tiles<kColumns>; ++t)
        if (t * kTokenTile < live)
            store_tile<kColumns>(sums + t * kTokenTile, c[t]);
}

/// Columns that the halves of a GateUp block begin at.
__device__ int half_column(std::int32_t cols, int half) {
    return min(half * ((cols + 511) / 512 * 256), static_cast<int>(cols));
}

// ---- GateUp

/// A chunk of neurons: which unit's, and its number there.
struct UpItem {
    UpUnit unit;
    const GatedMatrices* matrices;
    int chunk;
};

__device__ int dense_items(const FeedForwardParams& p) {
    int items = 0;
    for (int b = 0; b < p.block_count; ++b)
        items += gate_up_chunks(p.blocks[b].matrices.width);
    return items;
}

/// Dense blocks first: where they are is known before routing is.
__device__ UpItem up_item(const FeedForwardParams& p, int item) {
    for (int b = 0; b < p.block_count; ++b) {
        const int chunks = gate_up_chunks(p.blocks[b].matrices.width);
        if (item < chunks)
            return {dense_up_unit(p, b), &p.blocks[b].matrices, item};
        item -= chunks;
    }
    const int chunks = gate_up_chunks(p.expert.width);
    return {routed_up_unit(p, p.units[item / chunks]), &p.expert, item % chunks};
}

/// The tokens [first, first + kColumns) of an item: 4 tile rows of products by the block's warps, joined and
/// prepared for the down matrix. `turn`: which of the shared buffers.
template <int kColumns>
__device__ void gate_up_tile(const FeedForwardParams& p, const UpItem& item, int first,
                             GateUpShared<kColumns>& shared, int turn) {
    const UpUnit& u = item.unit;
    const int half = warp_index() / 4, part = warp_index() % 4;
    const MatrixView& matrix = part < 2 ? u.gate : u.up;
    const int tile_row = item.chunk * (kGateUpNeurons / kTileRows) + part % 2;
    const int live = min(u.count - first, kColumns);
    Fragments<kColumns> c = {};
    if (tile_row < tile_rows(matrix.rows)) {
        std::int64_t rows[token_tiles<kColumns>];
#pragma unroll
        for (int t = 0; t < token_tiles<kColumns>; ++t) {
            const int slot = first + min(t * kTokenTile + lane_index() / 4, live - 1);
            rows[t] = u.rows ? u.rows[slot] : slot;
        }
        multiply_columns<kColumns>(matrix, tile_row, half_column(matrix.cols, half),
                                   half_column(matrix.cols, half + 1), p.in, rows, live, c);
    }
    float* sums = shared.parts[turn][half][part];
    store_fragments<kColumns>(sums, c, live);
    sync_block();

    const int j = lane_index() % 8, token = warp_index() * 4 + lane_index() / 8;
    if (warp_index() * 4 >= live)
        return; // no meeting is left
    float v[4];
    for (int i = 0; i < 4; ++i) {
        const int within = 4 * j + i, neuron = item.chunk * kGateUpNeurons + within;
        v[i] = 0.0f;
        if (token >= live || neuron >= item.matrices->width)
            continue;
        const int at = within % kTileRows * kColumns + token;
        const auto& halves = shared.parts[turn];
        float gate = add_rounded(halves[0][within / kTileRows][at], halves[1][within / kTileRows][at]);
        float up = add_rounded(halves[0][2 + within / kTileRows][at], halves[1][2 + within / kTileRows][at]);
        if (u.gate_bias)
            gate = add_rounded(gate, u.gate_bias[neuron]);
        if (u.up_bias)
            up = add_rounded(up, u.up_bias[neuron]);
        v[i] = join_halves(*item.matrices, gate, up);
    }
    const PreparedRows hidden = hidden_rows(p.hidden, u.hidden, item.matrices->width);
    write_prepared(hidden, input_format(u.down_type), first + token, item.chunk, v, token < live);
}

template <int kColumns>
__device__ void gate_up(const FeedForwardParams& p) {
    GateUpShared<kColumns>& shared = shared_memory<GateUpShared<kColumns>>();
    wait_for_previous();
    let_next_start();
    const int items = dense_items(p) + (p.list ? p.list->units * gate_up_chunks(p.expert.width) : 0);
    int turn = 0;
    for (int i = static_cast<int>(blockIdx.x); i < items; i += static_cast<int>(gridDim.x)) {
        const UpItem item = up_item(p, i);
        for (int first = 0; first < item.unit.count; first += kColumns)
            gate_up_tile<kColumns>(p, item, first, shared, turn ^= 1);
    }
}

// ---- Down

/// Unit `number` of a layer as Down wants it; its place among slots and items is still open.
__device__ DownUnit down_unit(const FeedForwardParams& p, int number, int routed) {
    if (number < routed) {
        const FeedForwardUnit& u = p.units[number];
        return {u.down.data,
                dense_column(p, p.block_count) + std::int64_t{u.first_pair} * padded_columns(p.expert.width),
                u.down.cols,
                u.count,
                u.down.type,
                u.first_pair,
                u.expert,
                0,
                0};
    }
    const int block = number - routed;
    const MatrixView down = *p.blocks[block].matrices.down;
    return {down.data, dense_column(p, block), down.cols, p.row_count, down.type, -1 - block, 0, 0, 0};
}
__device__ MatrixView down_matrix(const FeedForwardParams& p, const DownUnit& u) {
    return {u.data, p.out_width, u.cols, u.type};
}
__device__ const float* down_bias(const FeedForwardParams& p, const DownUnit& u) {
    const GatedMatrices& m = u.first_pair < 0 ? p.blocks[-1 - u.first_pair].matrices : p.expert;
    return bias_row(m.down_bias, u.bias_row, p.out_width);
}

/// By a warp: units [first, ..) of a layer that fit the slots together.
template <int kRows>
__device__ void gather_units(const FeedForwardParams& p, int first, int routed, int all,
                             DownShared<kRows>& shared) {
    DownGroup group = {0, 0};
    int slots_before = 0;
    for (int base = 0; base < kDownUnits; base += kWarpLanes) {
        const int number = first + base + lane_index();
        DownUnit unit = {};
        int slots = 0, items = 0;
        if (number < all) {
            unit = down_unit(p, number, routed);
            items = down_parts(unit.cols);
            slots = items * ((unit.count + kTokenTile - 1) / kTokenTile);
        }
        int slots_to = slots, items_to = items; // with those of the lanes before
        for (int distance = 1; distance < kWarpLanes; distance *= 2) {
            const int more_slots = shuffle_up(slots_to, distance),
                      more_items = shuffle_up(items_to, distance);
            slots_to += lane_index() >= distance ? more_slots : 0;
            items_to += lane_index() >= distance ? more_items : 0;
        }
        unit.first_slot = slots_before + slots_to - slots;
        unit.first_item = group.items + items_to - items;
        const bool fits = number < all && slots_before + slots_to <= kDownSlots;
        const int fitting = count_bits(ballot(fits));
        if (fits)
            shared.units[base + lane_index()] = unit;
        group.units += fitting;
        if (fitting > 0)
            group.items += shuffle(items_to, fitting - 1);
        if (fitting < kWarpLanes)
            break; // the same for all lanes
        slots_before += shuffle(slots_to, kWarpLanes - 1);
    }
    if (lane_index() == 0)
        shared.group = group;
}

/// By the block's warps: which rows the units have, and with which weight.
template <int kRows>
__device__ void place_rows(const FeedForwardParams& p, int units, DownShared<kRows>& shared) {
    for (int u = warp_index(); u < units; u += kDownWarps) {
        const DownUnit& unit = shared.units[u];
        const bool routed = unit.first_pair >= 0;
        for (int row = lane_index(); row < kRows; row += kWarpLanes)
            shared.places[u][row] = 0;
        sync_warp();
        if (lane_index() < unit.count) {
            const int row = routed ? p.pair_rows[unit.first_pair + lane_index()] : lane_index();
            const float* weights =
                routed ? p.pair_weights + unit.first_pair : p.blocks[-1 - unit.first_pair].output_weights;
            if (!routed && !p.blocks[-1 - unit.first_pair].output_gate)
                weights = nullptr;
            shared.places[u][row] = static_cast<std::uint8_t>(1 + lane_index());
            shared.weights[u][row] = weights ? weights[lane_index()] : 1.0f;
        }
    }
}

/// By a warp: which unit of the group an item is of.
template <int kRows>
__device__ int unit_of_item(const DownShared<kRows>& shared, int units, int item) {
    int before = 0; // units that begin at or before the item
    for (int base = 0; base < units; base += kWarpLanes) {
        const int u = base + lane_index();
        before += count_bits(ballot(u < units && shared.units[u].first_item <= item));
    }
    return before - 1;
}

/// By a warp: the sums of one unit's part.
template <int kRows>
__device__ void down_item(const FeedForwardParams& p, int tile_row, int units, int item,
                          DownShared<kRows>& shared) {
    const DownUnit unit = shared.units[unit_of_item(shared, units, item)];
    const int part = item - unit.first_item, tiles = (unit.count + kTokenTile - 1) / kTokenTile;
    const int first = part * down_part_columns(unit.cols),
              last = min(first + down_part_columns(unit.cols), unit.cols);
    std::int64_t rows[token_tiles<kRows>];
#pragma unroll
    for (int t = 0; t < token_tiles<kRows>; ++t)
        rows[t] = min(t * kTokenTile + lane_index() / 4, unit.count - 1);
    Fragments<kRows> c = {};
    multiply_columns<kRows>(down_matrix(p, unit), tile_row, first, last,
                            hidden_rows(p.hidden, unit.hidden, unit.cols), rows, unit.count, c);
    constexpr int kColumns = kRows < kTokenTile ? kRows : kTokenTile;
#pragma unroll
    for (int t = 0; t < token_tiles<kRows>; ++t)
        if (t < tiles)
            store_tile<kColumns>(shared.slots[unit.first_slot + part * tiles + t], c[t]);
}

/// One output of one row: what the group's units add to `sum`, in order.
template <int kRows>
__device__ float add_units(const FeedForwardParams& p, int m, int row, int units,
                           const DownShared<kRows>& shared, float sum) {
    constexpr int kColumns = kRows < kTokenTile ? kRows : kTokenTile;
    for (int u = 0; u < units; ++u) {
        const int place = shared.places[u][row] - 1;
        if (place < 0)
            continue;
        const DownUnit& unit = shared.units[u];
        const int tiles = (unit.count + kTokenTile - 1) / kTokenTile,
                  at = m % kTileRows * kColumns + place % kTokenTile;
        float y = 0.0f;
        for (int part = 0; part < down_parts(unit.cols); ++part)
            y = add_rounded(y, shared.slots[unit.first_slot + part * tiles + place / kTokenTile][at]);
        if (const float* bias = down_bias(p, unit))
            y = add_rounded(y, bias[m]);
        sum = fmaf(shared.weights[u][row], y, sum);
    }
    return sum;
}

template <int kRows>
__device__ void down(const FeedForwardParams& p) {
    DownShared<kRows>& shared = shared_memory<DownShared<kRows>>();
    constexpr int kOutputs = kRows * kTileRows, kOwn = (kOutputs + kDownThreads - 1) / kDownThreads;
    wait_for_previous();
    let_next_start();
    const int routed = p.list ? p.list->units : 0, all = routed + p.block_count;
    for (int tile_row = static_cast<int>(blockIdx.x); tile_row < tile_rows(p.out_width);
         tile_row += static_cast<int>(gridDim.x)) {
        float sums[kOwn];
        for (int k = 0; k < kOwn; ++k) {
            const int output = k * kDownThreads + static_cast<int>(threadIdx.x), row = output / kTileRows,
                      m = tile_row * kTileRows + output % kTileRows;
            const bool used = p.add && output < kOutputs && row < p.row_count && m < p.out_width;
            sums[k] = used ? p.out[row * p.out_stride + m] : 0.0f;
        }
        for (int first = 0; first < all;) {
            if (warp_index() == 0)
                gather_units(p, first, routed, all, shared);
            sync_block();
            const DownGroup group = shared.group;
            place_rows(p, group.units, shared);
            for (int item = warp_index(); item < group.items; item += kDownWarps)
                down_item(p, tile_row, group.units, item, shared);
            sync_block();
            for (int k = 0; k < kOwn; ++k) {
                const int output = k * kDownThreads + static_cast<int>(threadIdx.x), row = output / kTileRows,
                          m = tile_row * kTileRows + output % kTileRows;
                if (output < kOutputs && row < p.row_count && m < p.out_width)
                    sums[k] = add_units(p, m, row, group.units, shared, sums[k]);
            }
            sync_block();
            first += group.units;
        }
        for (int k = 0; k < kOwn; ++k) {
            const int output = k * kDownThreads + static_cast<int>(threadIdx.x), row = output / kTileRows,
                      m = tile_row * kTileRows + output % kTileRows;
            if (output < kOutputs && row < p.row_count && m < p.out_width)
                p.out[row * p.out_stride + m] = sums[k];
        }
    }
}

/// 32 tokens of a unit, added to the outputs that the block owns.
__device__ void down_tile(const FeedForwardParams& p, const DownUnit& unit, int tile_row, int first,
                          DownAllShared& shared) {
    constexpr int kColumns = 32;
    const int live = min(unit.count - first, kColumns), parts = down_parts(unit.cols);
    std::int64_t rows[token_tiles<kColumns>];
#pragma unroll
    for (int t = 0; t < token_tiles<kColumns>; ++t)
        rows[t] = first + min(t * kTokenTile + lane_index() / 4, live - 1);
    for (int part = warp_index(); part < parts; part += kDownWarps) {
        const int from = part * down_part_columns(unit.cols);
        Fragments<kColumns> c = {};
        multiply_columns<kColumns>(down_matrix(p, unit), tile_row, from,
                                   min(from + down_part_columns(unit.cols), unit.cols),
                                   hidden_rows(p.hidden, unit.hidden, unit.cols), rows, live, c);
        store_fragments<kColumns>(shared.slots[part], c, live);
    }
    sync_block();
    const bool routed = unit.first_pair >= 0;
    const float* weights = nullptr;
    if (routed)
        weights = p.pair_weights + unit.first_pair;
    else if (p.blocks[-1 - unit.first_pair].output_gate)
        weights = p.blocks[-1 - unit.first_pair].output_weights;
    const float* bias = down_bias(p, unit);
    for (int output = static_cast<int>(threadIdx.x); output < live * kTileRows; output += kDownThreads) {
        const int m = tile_row * kTileRows + output % kTileRows, token = output / kTileRows;
        if (m >= p.out_width)
            continue;
        float y = 0.0f;
        for (int part = 0; part < parts; ++part)
            y = add_rounded(y, shared.slots[part][output % kTileRows * kColumns + token]);
        if (bias)
            y = add_rounded(y, bias[m]);
        const int row = routed ? p.pair_rows[unit.first_pair + first + token] : first + token;
        float& out = p.out[row * p.out_stride + m];
        out = fmaf(weights ? weights[first + token] : 1.0f, y, out);
    }
    sync_block();
}

} // namespace

static __global__ void __launch_bounds__(kGateUpThreads, 2)
    gate_up_one(const __grid_constant__ FeedForwardParams p) {
    gate_up<1>(p);
}
static __global__ void __launch_bounds__(kGateUpThreads, 2)
    gate_up_few(const __grid_constant__ FeedForwardParams p) {
    gate_up<8>(p);
}
static __global__ void __launch_bounds__(kGateUpThreads, 2)
    gate_up_many(const __grid_constant__ FeedForwardParams p) {
    gate_up<32>(p);
}
static __global__ void __launch_bounds__(kDownThreads, 2)
    down_one(const __grid_constant__ FeedForwardParams p) {
    down<1>(p);
}
static __global__ void __launch_bounds__(kDownThreads, 2)
    down_few(const __grid_constant__ FeedForwardParams p) {
    down<8>(p);
}
static __global__ void __launch_bounds__(kDownThreads, 2)
    down_some(const __grid_constant__ FeedForwardParams p) {
    down<32>(p);
}
static __global__ void __launch_bounds__(kDownThreads, 2)
    down_all(const __grid_constant__ FeedForwardParams p) {
    DownAllShared& shared = shared_memory<DownAllShared>();
    wait_for_previous();
    let_next_start();
    const int routed = p.list ? p.list->units : 0, all = routed + p.block_count;
    for (int tile_row = static_cast<int>(blockIdx.x); tile_row < tile_rows(p.out_width);
         tile_row += static_cast<int>(gridDim.x)) {
        for (int output = static_cast<int>(threadIdx.x); !p.add && output < p.row_count * kTileRows;
             output += kDownThreads)
            if (const int m = tile_row * kTileRows + output % kTileRows; m < p.out_width)
                p.out[output / kTileRows * p.out_stride + m] = 0.0f;
        sync_block();
        for (int number = 0; number < all; ++number) {
            const DownUnit unit = down_unit(p, number, routed);
            for (int first = 0; first < unit.count; first += 32)
                down_tile(p, unit, tile_row, first, shared);
        }
    }
}

SWITCHYARD_FEED_FORWARD_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
