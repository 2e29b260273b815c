// The launches of a prompt's products by the device's own library.
#pragma once

#include "kernels/cuda/kernel_list.h"

#include <algorithm>

namespace switchyard::cuda {

/// Rows of a matrix that become F16 at a time, whole tile rows; `cols` are padded. All slices of a matrix are
/// of this size, the last one's end being anything. A slice stays in the second-level cache; of the sizes
/// that do, the one that leaves the fewest multiprocessors idle at a chunk of 4096 rows, if a block of the
/// product is 128 x 256.
inline int dense_slice_rows(int rows, int cols, const DeviceInfo& device) {
    constexpr int kBlockRows = 128, kTokenTiles = 4096 / 256;
    const auto slices_of = [&](std::size_t bytes) {
        const std::size_t all = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) * 2;
        return static_cast<int>((all + bytes - 1) / bytes);
    };
    const std::size_t cache = std::max<std::size_t>(device.l2_bytes, 1 << 12);
    const int unit = rows > 2 * kBlockRows ? kBlockRows : kTileRows,
              at_once = std::max(device.multiprocessors, 1);
    int best = 0;
    double best_use = 0;
    for (int slices = slices_of(cache / 2); slices <= slices_of(cache / 4); ++slices) {
        const int slice = std::max(1, (rows + slices * unit - 1) / (slices * unit)) * unit;
        const int blocks = (slice + kBlockRows - 1) / kBlockRows * kTokenTiles;
        const double wanted = static_cast<double>(rows) / slice,
                     computed = (rows + slice - 1) / slice * ((blocks + at_once - 1) / at_once);
        if (const double use = wanted * blocks / computed; use > best_use * 1.02) {
            best_use = use;
            best = slice;
        }
    }
    return best;
}
/// The same of a block's gates and ups, which go together: neurons.
inline int dense_slice_neurons(int width, int cols, const DeviceInfo& device) {
    return (dense_slice_rows(2 * width, cols, device) / 2 + kTileRows - 1) / kTileRows * kTileRows;
}
inline int dense_tokens(int rows) { return (rows + kDenseTokens - 1) / kDenseTokens * kDenseTokens; }

/// Who multiplies, and memory: a slice of weights, and its sums with all rows.
struct DenseRoom {
    DenseProducts* products; ///< null: nobody
    const DeviceInfo* device;
    std::uint16_t* weights; ///< F16, [slice rows][padded columns]; of gates and ups: both slices' rows
    float* sums;            ///< [whole packs of tokens][slice rows]

    /// Whether the library takes the slices of a matrix, or of a block's gates and ups together. The first
    /// asking for a shape may take a while.
    bool takes_matrix(int rows, int cols) const { return takes(dense_slice_rows(rows, cols, *device), cols); }
    bool takes_gated(int width, int cols) const {
        return takes(2 * dense_slice_neurons(width, cols, *device), cols);
    }

  private:
    bool takes(int rows, int cols) const { return products && products->takes(rows, cols); }
};

/// `p` of one target that has one head, rows from `p.in` on: whole kDenseTokens of them can be read.
/// `launches(kernel, grid, params)` and launches.multiply(product): how things are launched.
template <class Launches>
void launch_dense_product(const DenseRoom& room, const PromptProductParams& p, const Launches& launches) {
    const ProductTarget& target = p.targets[0];
    const int slice = dense_slice_rows(target.matrix_rows, p.in.padded, *room.device);
    for (int first = 0; first < target.matrix_rows; first += slice) {
        const HalveWeightsParams halve = {target.matrices,   p.ranges,     first / kTileRows,
                                          slice / kTileRows, room.weights, p.in.padded};
        launches.template operator()<Kernel::HalveWeights>(halve_grid(halve), halve);
        launches.multiply({room.weights, p.in.values, room.sums, slice, p.in.padded, dense_tokens(p.rows)});
        launches.template operator()<Kernel::FinishProduct>(
            {static_cast<unsigned>(p.rows), 1},
            {.in = {room.sums, slice, first, std::min(slice, target.matrix_rows - first), p.in.scales},
             .target = target,
             .row_weights = p.row_weights,
             .ranges = p.ranges});
    }
}

/// Targets of rows on the library's path: what it does not take goes the other way.
template <class Launches>
void launch_dense_products(const DenseRoom& room, const PromptProductParams& p, const Launches& launches) {
    PromptProductParams others = p;
    others.target_count = 0;
    for (int i = 0; i < p.target_count; ++i) {
        const ProductTarget& target = p.targets[i];
        if (target.heads > 1 || !room.takes_matrix(target.matrix_rows, p.in.padded)) {
            others.targets[others.target_count++] = target;
            continue;
        }
        PromptProductParams one = p;
        one.targets[0] = target;
        one.target_count = 1;
        launch_dense_product(room, one, launches);
    }
    if (others.target_count > 0)
        launches.template operator()<Kernel::PromptProduct>(prompt_product_grid(others), others);
}

/// Hidden neurons of `rows` rows; false: the library does not take the block.
template <class Launches>
bool launch_dense_gated(const DenseRoom& room, const HalfRows& in, int rows, const GatedMatrices& matrices,
                        float* hidden, std::int64_t hidden_stride, const WeightRanges& ranges,
                        const Launches& launches) {
    if (!room.takes_gated(matrices.width, in.padded))
        return false;
    const int slice = dense_slice_neurons(matrices.width, in.padded, *room.device);
    for (int first = 0; first < matrices.width; first += slice) {
        for (const bool up : {false, true}) {
            const HalveWeightsParams halve = {up ? matrices.up : matrices.gate,
                                              ranges,
                                              first / kTileRows,
                                              slice / kTileRows,
                                              room.weights + (up ? std::int64_t{slice} * in.padded : 0),
                                              in.padded};
            launches.template operator()<Kernel::HalveWeights>(halve_grid(halve), halve);
        }
        launches.multiply({room.weights, in.values, room.sums, 2 * slice, in.padded, dense_tokens(rows)});
        launches.template operator()<Kernel::JoinGated>(
            {static_cast<unsigned>(rows), 1},
            {.in = {room.sums, 2 * slice, first, std::min(slice, matrices.width - first), in.scales},
             .ups = slice,
             .matrices = matrices,
             .hidden = hidden,
             .hidden_stride = hidden_stride,
             .ranges = ranges});
    }
    return true;
}

} // namespace switchyard::cuda
