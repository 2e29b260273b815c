// Down: outputs of all units' hidden neurons. A file for each number of rows, so that they are compiled side
// by side.
#pragma once

#include "kernels/cuda/feed_forward.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/stage_order.cuh"

namespace switchyard::cuda {
namespace {

/// Where a block is: its tile rows one after another, over all units, and of a unit the rows in tiles.
struct DownPlace {
    int tile_row, unit, first;
};

/// Items of product.cuh: a team's own among those of the block, which its teams take in turns. An output is
/// added up by one thread, in the order of the units, however many teams there are.
template <int kRows, int kTeams>
class DownWork {
  public:
    __device__ DownWork(const FeedForwardParams& p, DownShared<kRows, kTeams>& shared)
        : p_(p), shared_(shared) {
        const int routed = p.list ? p.list->units : 0, all = routed + p.block_count;
        for (int u = static_cast<int>(threadIdx.x); u < all; u += kThreads)
            shared.units[u] = u < routed ? routed_unit(p.units[u]) : dense_unit(u - routed);
        if (threadIdx.x == 0) { // not in registers, which are short
            shared.routed = routed;
            shared.all = all;
        }
        sync_block();
        begin_tile_row();
        load_weights_of(place_);
    }

    __device__ TileItem item(int i) {
        DownPlace at = place_;
        if (i != item_)
            at = next_ = place_after(place_);
        if (at.tile_row >= tile_rows(p_.out_width) || shared_.all == 0)
            return {};
        const DownUnit* u = &shared_.units[at.unit];
        const int own = unit_of(at, team());
        if (own >= shared_.all) // the other team's is the last: this one only meets it
            return {u->data, 0, 0, u->type};
        u = &shared_.units[own];
        return {u->data, at.tile_row, u->width, u->type};
    }
    __device__ int row_of(int, int n) const {
        const int own = unit_of(place_, team()), slot = place_.first + n;
        return own < shared_.all && slot < shared_.units[own].count ? slot : -1;
    }
    __device__ PreparedRows inputs(int) const {
        const DownUnit& u = shared_.units[min(unit_of(place_, team()), shared_.all - 1)];
        return hidden_rows(p_.hidden, u.column, u.width);
    }

    __device__ void finish(int i, const RowSums<kRows>& sums) {
        auto& parts = shared_.parts[i % 2];
        store_sums<kRows>(parts[team()][warp_index() % kProductParts], sums);
        sync_block();
        if (many())
            add_to_memory(parts[0]);
        else
            add_owned(parts);
        const bool ends = next_.tile_row != place_.tile_row;
        if (ends)
            end_tile_row();
        place_ = next_;
        ++item_;
        if (ends && place_.tile_row < tile_rows(p_.out_width))
            begin_tile_row();
        load_weights_of(place_);
    }

    /// Where there is no unit at all.
    __device__ void finish_empty() {
        for (; shared_.all == 0 && place_.tile_row < tile_rows(p_.out_width);
             place_.tile_row += static_cast<int>(gridDim.x)) {
            begin_tile_row();
            end_tile_row();
        }
    }

  private:
    static constexpr int kThreads = kTeams * kProductThreads;
    static constexpr int kOwn = (kTileRows * kRows + kThreads - 1) / kThreads;
    using Parts = float[kTeams][kProductParts][kTileRows * kRows];

    /// More rows than threads have outputs of in registers: only the kernel for most rows is given so many.
    __device__ bool many() const { return kTeams == 1 && p_.row_count > kRows; }
    __device__ static int team() { return kTeams == 1 ? 0 : warp_index() / kProductParts; }
    __device__ DownUnit routed_unit(const FeedForwardUnit& u) const {
        const std::int32_t width = p_.expert.width;
        return {u.down.data,
                dense_column(p_, p_.block_count) + std::int64_t{u.first_pair} * padded_columns(width),
                width,
                u.first_pair,
                u.rows,
                static_cast<std::uint16_t>(u.expert),
                static_cast<std::uint16_t>(u.count),
                u.down.type};
    }
    __device__ DownUnit dense_unit(int block) const {
        const GatedMatrices& m = p_.blocks[block].matrices;
        const std::uint32_t all = p_.row_count >= 32 ? 0xffffffffu : (1u << p_.row_count) - 1u;
        return {m.down->data,
                dense_column(p_, block),
                m.width,
                -1,
                all,
                0,
                static_cast<std::uint16_t>(p_.row_count),
                m.down->type};
    }
    __device__ const GatedMatrices& matrices(int unit) const {
        return unit < shared_.routed ? p_.expert : p_.blocks[unit - shared_.routed].matrices;
    }

    /// Teams take neighbouring units; with one team a unit's rows may be more than one tile.
    __device__ int unit_of(const DownPlace& at, int team) const { return at.unit + team; }
    __device__ DownPlace place_after(DownPlace at) const {
        at.first += kRows;
        if (kTeams > 1 || at.first >= shared_.units[at.unit].count) {
            at.first = 0;
            at.unit += kTeams;
        }
        return at.unit < shared_.all ? at : DownPlace{at.tile_row + static_cast<int>(gridDim.x), 0, 0};
    }

    // The outputs that a thread has: number k * kThreads + its own is row / 16 of the batch, m % 16.
    struct Output {
        int row, m;
        bool exists;
    };
    __device__ Output output(int k) const {
        const int number = k * kThreads + static_cast<int>(threadIdx.x);
        const Output o = {number / kTileRows, place_.tile_row * kTileRows + number % kTileRows, false};
        return {o.row, o.m, number < kTileRows * kRows && o.row < p_.row_count && o.m < p_.out_width};
    }
    __device__ void begin_tile_row() {
        if (many()) { // the first unit adds to what is there
            for (int n = static_cast<int>(threadIdx.x); !p_.add && n < p_.row_count * kTileRows;
                 n += kThreads)
                if (const int m = place_.tile_row * kTileRows + n % kTileRows; m < p_.out_width)
                    p_.out[n / kTileRows * p_.out_stride + m] = 0.0f;
            return; // whoever adds has met the others in between
        }
#pragma unroll
        for (int k = 0; k < kOwn; ++k) {
            const Output o = output(k);
            sums_[k] = p_.add && o.exists ? p_.out[o.row * p_.out_stride + o.m] : 0.0f;
        }
    }
    __device__ void end_tile_row() {
#pragma unroll
        for (int k = 0; k < kOwn; ++k)
            if (const Output o = output(k); !many() && o.exists)
                p_.out[o.row * p_.out_stride + o.m] = sums_[k];
    }
    /// Of the units whose sums come next, for the thread's own rows.
    __device__ void load_weights_of(const DownPlace& at) {
#pragma unroll
        for (int t = 0; t < kTeams; ++t)
#pragma unroll
            for (int k = 0; k < kOwn; ++k) {
                weights_[t][k] = 0.0f;
                const int unit = unit_of(at, t);
                if (const Output o = output(k); !many() && unit < shared_.all && o.exists)
                    if (const int slot = slot_of(unit, o.row); slot >= 0)
                        weights_[t][k] = weight(unit, slot);
            }
    }
    /// A row's place among those of a unit, -1: it is not there.
    __device__ int slot_of(int unit, int row) const {
        const std::uint32_t rows = shared_.units[unit].rows;
        return rows >> row & 1u ? count_bits(rows & ((1u << row) - 1u)) : -1;
    }
    __device__ float weight(int unit, int slot) const {
        if (unit < shared_.routed)
            return p_.pair_weights[shared_.units[unit].first_pair + slot];
        const DenseBlock& block = p_.blocks[unit - shared_.routed];
        return block.output_gate ? block.output_weights[slot] : 1.0f;
    }
    __device__ float biased(int unit, int m, float sum) const {
        const float* bias = bias_row(matrices(unit).down_bias, shared_.units[unit].expert, p_.out_width);
        return bias ? add_rounded(sum, bias[m]) : sum;
    }

    __device__ void add_owned(const Parts& parts) {
#pragma unroll
        for (int t = 0; t < kTeams; ++t) {
            const int unit = unit_of(place_, t);
#pragma unroll
            for (int k = 0; k < kOwn; ++k) {
                const Output o = output(k);
                if (unit >= shared_.all || !o.exists)
                    continue;
                const int slot = slot_of(unit, o.row);
                if (slot < 0)
                    continue;
                const float sum = merged_sum(parts[t], slot * kTileRows + o.m % kTileRows);
                sums_[k] = fmaf(weights_[t][k], biased(unit, o.m, sum), sums_[k]);
            }
        }
    }
    /// With more rows than a tile's a thread has a place in the unit's tile instead, and adds to memory: all
    /// threads meet between one unit and the next.
    __device__ void add_to_memory(const float (&parts)[kProductParts][kTileRows * kRows]) {
        const DownUnit& u = shared_.units[place_.unit];
        for (int e = static_cast<int>(threadIdx.x); e < kTileRows * kRows; e += kThreads) {
            const int slot = place_.first + e / kTileRows, m = place_.tile_row * kTileRows + e % kTileRows;
            if (slot >= u.count || m >= p_.out_width)
                continue;
            const int row = place_.unit < shared_.routed ? p_.pair_rows[u.first_pair + slot] : slot;
            float& out = p_.out[row * p_.out_stride + m];
            out = fmaf(weight(place_.unit, slot), biased(place_.unit, m, merged_sum(parts, e)), out);
        }
    }

    const FeedForwardParams& p_;
    DownShared<kRows, kTeams>& shared_;
    int item_ = 0;
    DownPlace place_ = {static_cast<int>(blockIdx.x), 0, 0}, next_ = {};
    float sums_[kOwn], weights_[kTeams][kOwn];
};

template <int kRows, int kTeams, class Order>
__device__ __forceinline__ void down(const FeedForwardParams& p, DownShared<kRows, kTeams>& shared,
                                     const Order& order) {
    order.wait();
    order.let_next_start();
    DownWork<kRows, kTeams> work(p, shared);
    multiply_items<kRows>(work, [] {});
    work.finish_empty();
}

} // namespace
} // namespace switchyard::cuda
