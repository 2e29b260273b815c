// What is around AttendRow with latent attention (latent_row_kernels.h), as device functions.
#pragma once

#include "kernels/cuda/attention_split.cuh"
#include "kernels/cuda/latent_row_kernels.h"
#include "kernels/cuda/product_targets.cuh"
#include "kernels/cuda/stage_order.cuh"

namespace switchyard::cuda {
namespace {

/// Tile rows of a target with a matrix a head, as items.
struct HeadTiles {
    const ProductTarget& target;

    __device__ int tiles() const { return tile_rows(target.matrix_rows); }
    __device__ int count() const { return target.heads * tiles(); }
    __device__ TileItem item(int number) const {
        return number < count() ? tile_item(target.matrices[number / tiles()], number % tiles()) : TileItem{};
    }
    /// By the block: adds up the warps' sums of an item and sets its results.
    __device__ void finish(int number, float (&parts)[kProductParts][kTileRows],
                           const RowSums<1>& sums) const {
        store_sums<1>(parts[warp_index()], sums);
        sync_block();
        const int e = static_cast<int>(threadIdx.x), head = number / tiles(),
                  m = number % tiles() * kTileRows + e;
        if (e < kTileRows && m < target.matrix_rows)
            target.out[std::int64_t{head} * target.out_head_stride + m] = merged_sum(parts, e);
    }
};

/// The items of LatentQuery: those of the row's own products, then those of its heads.
class LatentQueryWork {
  public:
    __device__ LatentQueryWork(const LatentQueryParams& p, const PreparedRows& in, RowProductShared& shared)
        : p_(p), shared_(shared), row_(p.row.product, in, shared.product), width_(p.row.width) {}

    __device__ TileItem item(int i) const {
        const int head_item = head_item_of(i);
        return head_item < 0 ? row_.item(i) : HeadTiles{p_.target}.item(head_item);
    }
    __device__ int row_of(int, int n) const { return n; }
    __device__ PreparedRows inputs(int) const { return row_in(shared_.values, shared_.half_scales, width_); }
    __device__ void finish(int i, const RowSums<1>& sums) {
        const int head_item = head_item_of(i);
        if (head_item < 0) {
            row_.finish(i, sums);
            if (p_.target.heads > 0 && head_item_of(i + 1) >= 0)
                hand_over();
        } else {
            HeadTiles{p_.target}.finish(head_item, shared_.product.parts[i % 2], sums);
        }
        prepare_head(i + 1);
    }
    /// By the block: the input of item `i`, where it is a head's.
    __device__ void prepare_head(int i) {
        const int head_item = head_item_of(i);
        const HeadTiles heads{p_.target};
        if (head_item < 0 || head_item >= heads.count())
            return;
        if (!at_heads_ && threadIdx.x == 0)
            wait_for_arrivals(p_.arrived, static_cast<std::uint32_t>(min(static_cast<int>(gridDim.x),
                                                                         product_items(p_.row.product))));
        at_heads_ = true;
        width_ = p_.width;
        sync_block();
        const int head = head_item / heads.tiles();
        const RowSource source(p_.q + std::int64_t{head} * p_.head_stride, nullptr, width_);
        write_prepared_row(source, inputs(i), input_format(p_.target.matrices[head].type), 0);
        sync_block();
    }
    /// Whether the items of the row are done.
    __device__ bool at_heads() const { return at_heads_; }

  private:
    /// Below 0: an item of the row.
    __device__ int head_item_of(int i) const {
        return static_cast<int>(blockIdx.x + static_cast<unsigned>(i) * gridDim.x) -
               product_items(p_.row.product);
    }
    /// The block's last product of the row is done.
    __device__ void hand_over() {
        sync_block();
        if (threadIdx.x == 0)
            count_arrival(p_.arrived);
    }

    const LatentQueryParams& p_;
    RowProductShared& shared_;
    TargetWork<1> row_;
    int width_; ///< of what is prepared
    bool at_heads_ = false;
};

/// The row's products, and where there are heads those.
template <class Order>
__device__ __forceinline__ void multiply_queries(const LatentQueryParams& p, RowProductShared& shared,
                                                 const Order& order) {
    const PreparedRows in = row_in(shared.values, shared.half_scales, p.row.width);
    LatentQueryWork work(p, in, shared);
    if constexpr (Order::kRunsAhead)
        ask_for_items([&](int i) { return work.item(i); });
    std::uint32_t form = 0;
    bool begun = false;
    multiply_items<1>(work, [&](BlockType type) {
        const bool first = !begun;
        begun = true;
        if (first) {
            order.let_next_start();
            order.wait();
            work.prepare_head(0);
        }
        if (work.at_heads()) // an item in front has prepared it
            return;
        if (input_format(type) != form)
            prepare_row(p.row, in, shared, type, first);
        form = input_format(type);
    });
}

/// The items of LatentValue: a block's are neighbours, so that it merges few heads.
class LatentValueWork {
  public:
    __device__ LatentValueWork(const LatentValueParams& p, LatentValueShared& shared)
        : p_(p), shared_(shared), heads_{p.target},
          in_(row_in(shared.values, shared.half_scales, p.attention.value_dim)),
          each_((heads_.count() + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x)) {}

    __device__ TileItem item(int i) const { return i < each_ ? heads_.item(number(i)) : TileItem{}; }
    __device__ int row_of(int, int n) const { return n; }
    __device__ const PreparedRows& inputs(int) const { return in_; }
    __device__ void finish(int i, const RowSums<1>& sums) {
        heads_.finish(number(i), shared_.product.parts[i % 2], sums);
        prepare(i + 1);
    }
    /// By the block: the input of item `i`, where it is another than before.
    __device__ void prepare(int i) {
        if (i >= each_ || number(i) >= heads_.count())
            return;
        const int head = number(i) / heads_.tiles();
        const std::uint32_t form = input_format(p_.target.matrices[head].type);
        if (head == head_)
            return; // a matrix has one type
        head_ = head;
        const AttentionParams& a = p_.attention;
        const SplitWeights weights = weigh_splits(a, a.rows[0], 0, head);
        for (int first = warp_index() * 2 * kWarpLanes; first < a.value_dim; first += 2 * kProductThreads) {
            const MergedValues<2> merged = merge_splits<2>(a, weights, first);
            for (int k = 0; k < 2; ++k)
                if (const int value = first + 2 * lane_index() + k; value < a.value_dim)
                    shared_.merged[value] = merged.of[k];
        }
        sync_block();
        write_prepared_row(RowSource(shared_.merged, nullptr, a.value_dim), in_, form, 0);
        sync_block();
    }

  private:
    __device__ int number(int i) const { return static_cast<int>(blockIdx.x) * each_ + i; }

    const LatentValueParams& p_;
    LatentValueShared& shared_;
    HeadTiles heads_;
    PreparedRows in_;
    int each_, head_ = -1;
};

template <class Order>
__device__ __forceinline__ void multiply_values(const LatentValueParams& p, LatentValueShared& shared,
                                                const Order& order) {
    LatentValueWork work(p, shared);
    if constexpr (Order::kRunsAhead)
        ask_for_items([&](int i) { return work.item(i); });
    multiply_items<1>(work, [&] {
        order.let_next_start();
        order.wait();
        work.prepare(0);
    });
}

} // namespace
} // namespace switchyard::cuda
