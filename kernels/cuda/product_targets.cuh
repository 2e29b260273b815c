// The targets of a product as items of product.cuh, and one row's input that a block prepares for itself.
#pragma once

#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/product.cuh"

namespace switchyard::cuda {

/// The tile rows of all targets in turn, every gridDim.x-th of them; with many rows two at a time, where that
/// leaves blocks enough at work.
template <int kRows>
class TargetWork {
  public:
    static constexpr bool kPairs = kRows > 8;

    __device__ TargetWork(const ProductParams& p, const PreparedRows& in, ProductShared<kRows>& shared)
        : p_(p), in_(in), shared_(shared), first_row_(static_cast<int>(blockIdx.y) * kRows) {
        if constexpr (kPairs) {
            together_ = 2;
            if (8 * items() < 7 * static_cast<int>(gridDim.x))
                together_ = 1;
        }
    }

    __device__ TileItem item(int i) const {
        const Place place = place_of(i);
        if (place.target < 0)
            return {};
        const ProductTarget& target = p_.targets[place.target];
        TileItem item = tile_item(target.matrices[place.head], place.tile);
        if (kPairs && together_ == 2 && place.tile + 1 < tile_rows(target.matrix_rows))
            item.second = place.tile + 1;
        return item;
    }
    __device__ int row_of(int i, int n) const {
        const Place place = place_of(i);
        const int row = first_row_ + n;
        return row < p_.rows ? row * p_.targets[place.target].heads + place.head : -1;
    }
    __device__ const PreparedRows& inputs(int) const { return in_; }

    __device__ void finish(int i, const RowSums<kRows>& sums) {
        auto& parts = shared_.parts[i % 2];
        store_sums<kRows>(parts[warp_index()], sums);
        sync_block();
        write(place_of(i), parts);
    }
    __device__ void finish_pair(int i, const RowSums<kRows>& sums, const RowSums<kRows>& second) {
        store_sums<kRows>(shared_.parts[0][warp_index()], sums);
        store_sums<kRows>(shared_.parts[1][warp_index()], second);
        sync_block();
        Place place = place_of(i);
        write(place, shared_.parts[0]);
        if (++place.tile < tile_rows(p_.targets[place.target].matrix_rows) && together_ == 2)
            write(place, shared_.parts[1]);
        sync_block();
    }

  private:
    struct Place {
        int target, head, tile; ///< target: -1 behind the last
    };
    __device__ void write(const Place& place, const float (&parts)[kProductParts][kTileRows * kRows]) const {
        const ProductTarget& target = p_.targets[place.target];
        for (int e = static_cast<int>(threadIdx.x); e < kTileRows * kRows; e += kProductThreads) {
            const int row = first_row_ + e / kTileRows, m = place.tile * kTileRows + e % kTileRows;
            if (row >= p_.rows || m >= target.matrix_rows)
                continue;
            float sum = merged_sum(parts, e);
            if (target.bias)
                sum = add_rounded(sum, reinterpret_cast<const float*>(target.bias->data)[m]);
            float& out = target.out[row * target.out_stride + place.head * target.out_head_stride + m];
            out = target.add ? add_rounded(out, sum) : sum;
        }
    }
    /// Of one of a target's matrices.
    __device__ int items_of(const ProductTarget& target) const {
        return (tile_rows(target.matrix_rows) + together_ - 1) / together_;
    }
    __device__ int items() const {
        int items = 0;
        for (int k = 0; k < p_.target_count; ++k)
            items += p_.targets[k].heads * items_of(p_.targets[k]);
        return items;
    }
    /// Without branches, so that it is computed once where several ask.
    __device__ Place place_of(int i) const {
        int left = static_cast<int>(blockIdx.x + static_cast<unsigned>(i) * gridDim.x), target = -1,
            in_target = 0;
#pragma unroll
        for (int k = 0; k < kProductTargets; ++k) {
            const int items = k < p_.target_count ? p_.targets[k].heads * items_of(p_.targets[k]) : 0;
            const bool here = target < 0 && left < items;
            target = here ? k : target;
            in_target = here ? left : in_target;
            left -= items;
        }
        const int tiles = items_of(p_.targets[max(target, 0)]), head = in_target / tiles;
        return {target, head, (in_target - head * tiles) * together_};
    }

    const ProductParams& p_;
    const PreparedRows& in_;
    ProductShared<kRows>& shared_;
    int first_row_;
    int together_ = 1; ///< tile rows of an item
};

/// A prepared row in shared memory, in one form at a time.
__device__ inline PreparedRows row_in(std::byte* values, float* half_scales, int width) {
    return {reinterpret_cast<float*>(values),
            reinterpret_cast<ByteBlock*>(values),
            reinterpret_cast<PairBlock*>(values),
            reinterpret_cast<PairBlock*>(values),
            half_scales,
            padded_columns(width)};
}

/// The row in the form that matrices of `type` want, in shared memory. `first`: nothing was read yet.
__device__ inline void prepare_row(const RowProductParams& p, const PreparedRows& out,
                                   RowProductShared& shared, BlockType type, bool first) {
    RowSource source(p.in, p.gain ? reinterpret_cast<const float*>(p.gain->data) : nullptr, p.width);
    if (!first)
        source.factor = shared.factor;
    else if (source.gain)
        find_rms(source, p.epsilon, shared.input);
    sync_block(); // the form before was read
    write_prepared_row(source, out, input_format(type), 0);
    if (threadIdx.x == 0)
        shared.factor = source.factor;
    sync_block();
}

} // namespace switchyard::cuda
