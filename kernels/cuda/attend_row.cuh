// Attention of one row (attend_row_kernels.h), as device functions.
#pragma once

#include "kernels/cuda/attend_row_kernels.h"
#include "kernels/cuda/attention_split.cuh"
#include "kernels/cuda/row_units.cuh"
#include "kernels/cuda/stage_order.cuh"

namespace switchyard::cuda {
namespace {

/// Queries and a token as projections left them: the block's warps change them for themselves.
template <int kBlockThreads, class Order>
class ProjectedRow {
  public:
    static constexpr int kThreads = kBlockThreads;
    static constexpr bool kCaps = kThreads == kAttendThreads; // programs have no registers for them

    __device__ ProjectedRow(const AttendRowParams& p, float* memory, const Order& order)
        : p_(p), cache_(p.attention.cache), order_(order), latent_(cache_.value_dim == 0),
          input_(p.attention.rows[0]),
          own_(memory + warp_index() * (cache_.key_dim + (latent_ ? kMostLatentUnit : 0))),
          token_(memory + kThreads / kWarpLanes * (cache_.key_dim + (latent_ ? kMostLatentUnit : 0))) {}

    __device__ void wait() const { order_.wait(); }
    __device__ int cached_until(const AttendWork&) const { return input_.position; }
    __device__ int copied(int block, int last) const {
        return min(last, input_.position - block * kKvTokens); // but for the row's own token
    }
    /// The token's keys and values, where the work's split is that which has them.
    __device__ void begin(const AttendWork& work) {
        has_token_ = work.end == input_.position + 1;
        if (!has_token_)
            return;
        const bool stores = work.first_head == work.kv_head * heads_per_kv(p_.attention);
        for (int v = 0, warp = 0; v < p_.steps.values; ++v) {
            if (v == p_.queries || warp++ != warp_index())
                continue;
            const RowValue& value = p_.steps.value[v];
            float* x = token_ + (value.store == RowStore::Keys ? 0 : cache_.key_dim);
            change(v, work.kv_head, x);
            if (stores)
                store_unit(WarpOfUnit{}, p_.steps, value, x, work.kv_head * value.unit, input_);
        }
    }
    __device__ const float* query(int, std::int64_t head) {
        const RowValue& value = p_.steps.value[p_.queries];
        sync_warp(); // the query before was read
        if (!latent_) {
            change(p_.queries, static_cast<int>(head), own_);
            return own_;
        }
        float* unit = own_ + cache_.key_dim;
        const int made = cache_.key_dim - value.copied;
        const float* from = p_.attention.q + head * cache_.key_dim;
        for (int i = lane_index(); i < made; i += kWarpLanes)
            own_[i] = from[i];
        change(p_.queries, static_cast<int>(head), unit);
        for (int i = lane_index(); i < value.copied; i += kWarpLanes)
            own_[made + i] = unit[value.copy_at + i];
        sync_warp();
        return own_;
    }
    __device__ void complete(int block, const StagedBlock& staged, int thread, int threads) {
        if (!completes(block, 1))
            return;
        const int token = input_.position % kKvTokens, keys = staged.key_groups,
                  groups = keys + (latent_ ? 0 : staged.value_groups);
        for (int i = thread / kWarpLanes; i < groups; i += threads / kWarpLanes) {
            const bool key = i < keys;
            const int group = key ? i : i - keys, dim = group * 32 + lane_index();
            const std::byte* row =
                key ? staged.keys + token * staged.key_row : staged.values + token * staged.value_row;
            const std::uint16_t* scales =
                key ? staged.key_scales + token * keys : staged.value_scales + token * staged.value_groups;
            const float x = dim >= (key ? cache_.key_dim : cache_.value_dim) ? 0.0f
                            : key                                            ? token_[dim]
                                                                             : token_[cache_.key_dim + dim];
            // Staged blocks are this block's own memory.
            store_kv_group(staged.type, x, const_cast<std::byte*>(row), const_cast<std::uint16_t*>(scales),
                           group);
        }
    }
    __device__ bool completes(int first, int count) const {
        const int own = input_.position / kKvTokens;
        return has_token_ && own >= first && own < first + count;
    }

  private:
    /// Unit `unit` of value `v`, after its steps, to `x`, by the warp.
    __device__ void change(int v, int unit, float* x) const {
        const RowValue& value = p_.steps.value[v];
        const int first = unit * value.unit;
        for (int i = lane_index(); i < value.unit; i += kWarpLanes)
            x[i] = value.data[first + i];
        sync_warp();
        change_unit(WarpOfUnit{}, p_.steps, v, x, 0, first);
    }

    const AttendRowParams& p_;
    const KvLayerView& cache_;
    const Order& order_;
    bool latent_, has_token_ = false;
    const RowInput& input_;
    float *own_, *token_; ///< the warp's query (and its unit), and the token's keys and values
};

/// By the block: the results of the work's queries.
template <int kThreads>
__device__ inline void merge_tile(const AttentionParams& p, const AttendWork& work) {
    for (int head = work.first_head + warp_index(); head < work.first_head + work.heads;
         head += kThreads / kWarpLanes) {
        const SplitWeights weights = weigh_splits(p, p.rows[0], 0, head);
        for (int first = 0; first < p.value_dim; first += 4 * kWarpLanes) {
            const MergedValues<4> merged = merge_splits<4>(p, weights, first);
            const int value = first + 4 * lane_index();
            for (int i = 0; i < 4; ++i)
                if (value + i < p.value_dim)
                    p.out[std::int64_t{head} * p.value_dim + value + i] = merged.of[i];
        }
    }
}

/// By blocks of kThreads, kAttendThreads or twice as many; `shared` has the row's own memory behind the
/// buffer of splits.
template <int kThreads, class Order>
__device__ __forceinline__ void attend_projected(const AttendRowParams& p, AttendShared& shared,
                                                 const Order& order) {
    constexpr int kMore = kThreads / kAttendThreads; // warps of a team
    const AttentionParams& a = p.attention;
    order.let_next_start();
    ProjectedRow<kThreads, Order> row(p, reinterpret_cast<float*>(buffer_of(shared) + a.split_buffer), order);
    const int pieces = work_of(a, 0), tiles = a.cache.kv_heads * query_head_tiles(heads_per_kv(a));
    for (int piece = static_cast<int>(blockIdx.x); piece < pieces; piece += static_cast<int>(gridDim.x)) {
        if (threadIdx.x == 0)
            shared.work = work_at(a, 0, piece, 0);
        sync_block();
        if (attention_team(a.value_dim) == 1)
            attend_split<kMore>(a, shared, row);
        else
            attend_split<4 * kMore>(a, shared, row);
        if (!p.arrived)
            continue;
        const int tile = piece % tiles, splits = pieces / tiles;
        if (threadIdx.x == 0)
            shared.last = splits == 1 || arrive_at(p.arrived + tile) + 1 == static_cast<unsigned>(splits);
        sync_block();
        if (shared.last)
            merge_tile<kThreads>(a, shared.work);
        sync_block(); // before the next work is told
    }
}

} // namespace
} // namespace switchyard::cuda
