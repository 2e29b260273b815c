// GateUp: hidden neurons of all units, behind the routing of few rows. A file for each number of rows, so
// that they are compiled side by side.
#pragma once

#include "kernels/cuda/feed_forward.cuh"
#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/routing.cuh"

namespace switchyard::cuda {
namespace {

/// By the block: routes the rows of `p` and lists the experts that they chose. `writes`: for others too.
template <int kRows>
class RoutePrologue {
  public:
    /// `in`: rows that output gates of dense blocks read.
    __device__ RoutePrologue(const RouteFewParams& p, GateUpShared<kRows>& shared, const float* in)
        : p_(p), shared_(shared), in_(in) {}

    __device__ void run(bool writes) {
        const int row = warp_index(); // there are no more rows than warps
        if (row < p_.route.row_count)
            route(row);
        sync_block();
        // A thread two experts, so that all are in order.
        std::uint32_t rows[2];
        PairCounts own = {0, 0}, all;
        for (int k = 0; k < 2; ++k) {
            rows[k] = rows_of(2 * static_cast<int>(threadIdx.x) + k);
            own.pairs += count_bits(rows[k]);
            own.units += rows[k] != 0 ? 1 : 0;
        }
        PairCounts before = counts_before(shared_.of_warp, own, all);
        for (int k = 0; k < 2; ++k) {
            const int expert = 2 * static_cast<int>(threadIdx.x) + k, count = count_bits(rows[k]);
            if (count == 0)
                continue;
            list(expert, rows[k], before, writes);
            before = {before.pairs + count, before.units + 1};
        }
        if (threadIdx.x == 0) {
            shared_.unit_count = all.units;
            if (writes)
                *p_.units.list = {all.units, all.pairs};
        }
        sync_block();
        if (writes && row < p_.route.row_count)
            write_row(row);
    }

  private:
    __device__ void route(int row) {
        const int count = route_row(p_.route, row, shared_.choices[row]);
        sync_warp();
        if (lane_index() < kMostExperts / 32) {
            std::uint32_t word = 0;
            for (int i = 0; i < count; ++i) {
                const int expert = shared_.choices[row][i].expert;
                word |= expert / 32 == lane_index() ? 1u << expert % 32 : 0u;
            }
            shared_.chosen[row][lane_index()] = word;
        }
        if (lane_index() == 0)
            shared_.counts[row] = count;
    }
    /// Bits of the rows that chose an expert.
    __device__ std::uint32_t rows_of(int expert) const {
        std::uint32_t rows = 0;
        for (int row = 0; row < p_.route.row_count; ++row)
            rows |= (shared_.chosen[row][expert / 32] >> expert % 32 & 1u) << row;
        return rows;
    }
    __device__ void list(int expert, std::uint32_t rows, PairCounts before, bool writes) {
        const GatedMatrices& m = p_.units.expert;
        const MatrixView gate = m.gate[expert], up = m.up[expert], down = m.down[expert];
        const int count = count_bits(rows);
        shared_.starts[expert] = before.pairs;
        shared_.units[before.units] = {gate.data,
                                       up.data,
                                       before.pairs,
                                       rows,
                                       static_cast<std::uint16_t>(expert),
                                       static_cast<std::uint16_t>(count),
                                       gate.type,
                                       up.type,
                                       down.type};
        if (writes)
            p_.units.units[before.units] = {gate, up, down, expert, before.pairs, count, rows};
    }
    __device__ void write_row(int row) {
        const int count = shared_.counts[row];
        for (int i = lane_index(); i < p_.route.most; i += kWarpLanes) {
            const ExpertChoice choice = shared_.choices[row][i];
            p_.route.choices[std::int64_t{row} * p_.route.most + i] = choice;
            if (i >= count)
                continue;
            const int place =
                shared_.starts[choice.expert] + count_bits(rows_of(choice.expert) & ((1u << row) - 1u));
            p_.units.pair_rows[place] = row;
            p_.units.pair_weights[place] = choice.weight;
            if (p_.units.row_pairs)
                p_.units.row_pairs[std::int64_t{row} * p_.route.most + i] = place;
        }
        if (lane_index() == 0)
            p_.route.counts[row] = count;
        gate_row(p_.route, row, in_);
    }

    const RouteFewParams& p_;
    GateUpShared<kRows>& shared_;
    const float* in_;
};

/// Where a block is: its chunks of neurons one after another, of each the rows in tiles, of these a tile row
/// of gate, of up, and the same for the other 16 neurons; or both tile rows of gate, then of up.
struct UpPlace {
    int chunk;        ///< of all units' chunks
    int unit, within; ///< place in shared memory, -1: there are no more; the chunk's number there
    int first;        ///< row of the unit
    int part;
};

/// Items of product.cuh. `Inputs`: what gives the prepared rows, when it is called.
template <int kRows, class Inputs>
class GateUpWork {
  public:
    static constexpr bool kPairs = kRows > 1;

    /// No unit is known yet but the dense blocks, which come first: begin() or restart() says where to begin.
    __device__ GateUpWork(const GateUpParams& p, const Inputs& in, GateUpShared<kRows>& shared)
        : p_(p.layer), params_(p), in_(in), shared_(shared) {
        if (threadIdx.x == 0)
            shared.unit_count = 0;
        int dense_chunks = 0;
        for (int b = 0; b < p_.block_count; ++b)
            dense_chunks += gate_up_chunks(p_.blocks[b].matrices.width);
        if (const auto b = static_cast<int>(threadIdx.x); b < p_.block_count) {
            const GatedMatrices& m = p_.blocks[b].matrices;
            shared.units[kMostExperts + b] = {
                m.gate->data, m.up->data, 0,           0, 0, static_cast<std::uint16_t>(p_.row_count),
                m.gate->type, m.up->type, m.down->type};
        }
        sync_block();
        const auto chunk = static_cast<int>(blockIdx.x);
        const bool dense = chunk < dense_chunks;
        // Else without a look at the count of units, which a thread ahead may write already.
        place_ = dense ? place_of_chunk(chunk) : UpPlace{chunk, -1, 0, 0, 0};
        if (dense)
            prefetch(place_);
    }

    /// Waits for earlier launches; then the units are known.
    __device__ void begin() {
        wait_for_previous();
        let_next_start();
        if constexpr (kRows <= kRoutedRows)
            if (params_.routes) {
                RoutePrologue<kRows>(params_.route, shared_, params_.route.route.in)
                    .run(blockIdx.x == gridDim.x - 1);
                restart();
                return;
            }
        read_units();
        restart();
    }
    /// Goes on where it is, with all units that are known by now.
    __device__ void restart() {
        item_ = 0;
        place_ = place_of_chunk(place_.chunk);
    }

    __device__ TileItem item(int i) {
        UpPlace at = place_;
        if (i != item_)
            at = place_after(place_);
        if (at.unit < 0)
            return {};
        const UpUnit& u = shared_.units[at.unit];
        const bool gate = at.part % 2 == 0;
        const BlockType type = gate ? u.gate_type : u.up_type;
        // Behind a matrix' end its last rows, which nobody looks at.
        const int last = tile_rows(matrices(at.unit).width) - 1, first = at.within * 2 + at.part / 2;
        return {gate ? u.gate : u.up, min(first, last), p_.in_width, type,
                kPairs ? min(first + 1, last) : -1};
    }
    __device__ int row_of(int, int n) const {
        const UpUnit& u = shared_.units[place_.unit];
        const int slot = place_.first + n;
        if (slot >= u.count)
            return -1;
        if (place_.unit >= kMostExperts)
            return slot;
        if (!params_.routes)
            return p_.pair_rows[u.first_pair + slot];
        std::uint32_t rows = u.rows;
        for (int k = 0; k < slot; ++k)
            rows &= rows - 1u;
        return lowest_bit(rows);
    }
    __device__ PreparedRows inputs(int) const { return in_(); }

    __device__ void finish(int i, const RowSums<kRows>& sums) {
        auto& parts = shared_.parts[i % 2];
        store_sums<kRows>(parts[warp_index()], sums);
        sync_block();
#pragma unroll
        for (int k = 0; k < kOwn; ++k)
            if (k * kProductThreads + warp_index() * kWarpLanes < kTileRows * kRows)
                join(parts, k, place_.part / 2);
        place_ = place_after(place_); // once more: kept through the products it would take registers
        ++item_;
    }
    __device__ void finish_pair(int, const RowSums<kRows>& sums, const RowSums<kRows>& second) {
        store_sums<kRows>(shared_.parts[0][warp_index()], sums);
        store_sums<kRows>(shared_.parts[1][warp_index()], second);
        sync_block();
#pragma unroll
        for (int k = 0; k < kOwn; ++k)
            if (k * kProductThreads + warp_index() * kWarpLanes < kTileRows * kRows)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    join(shared_.parts[half], k, half);
        sync_block();
        place_ = place_after(place_);
        ++item_;
    }

  private:
    static constexpr int kOwn = (kTileRows * kRows + kProductThreads - 1) / kProductThreads;
    using Parts = float[kProductParts][kTileRows * kRows];

    /// Asks for the first that a chunk of a dense block reads, while all else waits.
    __device__ void prefetch(const UpPlace& at) const {
        if (threadIdx.x >= 2)
            return;
        const UpUnit& u = shared_.units[at.unit];
        const bool gate = threadIdx.x == 0;
        const int first = 2 * at.within, count = min(tile_rows(matrices(at.unit).width) - first, 2);
        if (count > 0)
            ask_for_tiles(gate ? u.gate : u.up, gate ? u.gate_type : u.up_type, p_.in_width, first, count,
                          kMostAhead);
    }
    __device__ void read_units() {
        for (int u = static_cast<int>(threadIdx.x); u < p_.most_units; u += kProductThreads) {
            const FeedForwardUnit unit = p_.units[u]; // behind the list's end anything
            shared_.units[u] = {unit.gate.data,
                                unit.up.data,
                                unit.first_pair,
                                0,
                                static_cast<std::uint16_t>(unit.expert),
                                static_cast<std::uint16_t>(unit.count),
                                unit.gate.type,
                                unit.up.type,
                                unit.down.type};
        }
        if (threadIdx.x == 0)
            shared_.unit_count = p_.list ? p_.list->units : 0;
        sync_block();
    }

    __device__ const GatedMatrices& matrices(int unit) const {
        return unit < kMostExperts ? p_.expert : p_.blocks[unit - kMostExperts].matrices;
    }
    __device__ UpPlace place_of_chunk(int chunk) const {
        int within = chunk;
        for (int b = 0; b < p_.block_count; ++b) {
            const int chunks = gate_up_chunks(p_.blocks[b].matrices.width);
            if (within < chunks)
                return {chunk, kMostExperts + b, within, 0, 0};
            within -= chunks;
        }
        const int chunks = max(gate_up_chunks(p_.expert.width), 1), unit = within / chunks;
        return {chunk, unit < shared_.unit_count ? unit : -1, within % chunks, 0, 0};
    }
    __device__ UpPlace place_after(UpPlace at) const {
        if (++at.part < (kPairs ? 2 : 4))
            return at;
        at.part = 0;
        if constexpr (kRows > 1) { // else a unit has no more rows
            at.first += kRows;
            if (at.first < shared_.units[at.unit].count)
                return at;
        }
        return place_of_chunk(at.chunk + static_cast<int>(gridDim.x));
    }

    /// By a warp: neurons of two rows, lane 16 h + l has neuron l of row h.
    /// `half`: which 16 of the chunk's neurons.
    __device__ void join(const Parts& parts, int k, int half) {
        const int e = k * kProductThreads + static_cast<int>(threadIdx.x), own_row = e / kTileRows;
        const UpUnit& u = shared_.units[place_.unit];
        const GatedMatrices& m = matrices(place_.unit);
        const int neuron = place_.within * kGateUpNeurons + half * kTileRows + e % kTileRows;
        const bool exists = own_row < kRows && neuron < m.width;
        float sum = exists ? merged_sum(parts, e) : 0.0f;
        if (const float* bias = bias_row(place_.part % 2 == 0 ? m.gate_bias : m.up_bias, u.expert, m.width);
            bias && exists)
            sum = add_rounded(sum, bias[neuron]);
        float& gate = gate_[kPairs ? half : 0][k];
        if (place_.part % 2 == 0) {
            gate = sum;
            return;
        }
        const float joined = exists ? join_halves(m, gate, sum) : 0.0f;
        if (half == 0)
            first_[k] = joined;
        else
            write(u, m, k, own_row, joined);
    }
    /// The 32 neurons of each of the two rows, which 8 lanes take in fours.
    __device__ void write(const UpUnit& u, const GatedMatrices& m, int k, int row, float second) {
        const int j = lane_index() % 8;
        float v[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int lane = lane_index() / 16 * 16 + (4 * j + i) % 16;
            const float low = shuffle(first_[k], lane), high = shuffle(second, lane);
            v[i] = j < 4 ? low : high;
        }
        std::int64_t column = 0;
        if (place_.unit < kMostExperts)
            column = dense_column(p_, p_.block_count) + std::int64_t{u.first_pair} * padded_columns(m.width);
        else
            column = dense_column(p_, place_.unit - kMostExperts);
        const int slot = place_.first + row;
        write_prepared(hidden_rows(p_.hidden, column, m.width), input_format(u.down_type), slot,
                       place_.within, v, lane_index() % 16 < 8 && row < kRows && slot < u.count);
    }

    const FeedForwardParams& p_;
    const GateUpParams& params_;
    Inputs in_;
    GateUpShared<kRows>& shared_;
    int item_ = 0;
    UpPlace place_;
    float gate_[kPairs ? 2 : 1][kOwn], first_[kOwn];
};

template <int kRows>
__device__ void gate_up(const GateUpParams& p) {
    const auto inputs = [&] { return p.layer.in; };
    GateUpWork<kRows, decltype(inputs)> work(p, inputs, shared_memory<GateUpShared<kRows>>());
    work.begin();
    multiply_items<kRows>(work, [] {});
}

} // namespace
} // namespace switchyard::cuda
