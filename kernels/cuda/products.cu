#include "kernels/cuda/launchers.h"
#include "kernels/cuda/tile_values.cuh"

namespace switchyard::cuda {
namespace {

/// Value `c` of a prepared row, in the form that a matrix of `type` is multiplied with.
__device__ float prepared_value(const PreparedRows& in, BlockType type, std::int64_t row, int c) {
    const int i = c % 32, t = i % 16 / 4, half = i / 16;
    const std::int64_t block = row * (in.padded / 32) + c / 32, pairs = 2 * block + half;
    const int at = c % 8 / 2 * 8 + c % 16 / 8 * 2 + c % 2;
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

__device__ void multiply(const ProductParams& p) {
    wait_for_previous();
    let_next_start();
    for (int item = static_cast<int>(blockIdx.x); item < product_items(p);
         item += static_cast<int>(gridDim.x)) {
        int left = item, i = 0;
        while (left >= p.targets[i].heads * tile_rows(p.targets[i].matrix_rows))
            left -= p.targets[i].heads * tile_rows(p.targets[i].matrix_rows), ++i;
        const ProductTarget& target = p.targets[i];
        const int head = left / tile_rows(target.matrix_rows), tile = left % tile_rows(target.matrix_rows);
        const MatrixView matrix = target.matrices[head];
        const int m = tile * kTileRows + static_cast<int>(threadIdx.x) % kTileRows;
        for (int row = static_cast<int>(threadIdx.x) / kTileRows; row < p.rows && m < target.matrix_rows;
             row += 16) {
            const TileRowReader reader(matrix, m);
            float sum = 0;
            for (int c = 0; c < matrix.cols; ++c)
                sum = fmaf(reader.value(c),
                           prepared_value(p.in, matrix.type,
                                          static_cast<std::int64_t>(row) * target.heads + head, c),
                           sum);
            if (target.bias)
                sum += reinterpret_cast<const float*>(target.bias->data)[m];
            float& out = target.out[row * target.out_stride + head * target.out_head_stride + m];
            out = target.add ? out + sum : sum;
        }
    }
}

} // namespace

static __global__ void __launch_bounds__(kProductThreads, 2)
    product_one(const __grid_constant__ ProductParams p) {
    multiply(p);
}
static __global__ void __launch_bounds__(kProductThreads, 2)
    product_few(const __grid_constant__ ProductParams p) {
    multiply(p);
}
static __global__ void __launch_bounds__(kProductThreads, 2)
    product_many(const __grid_constant__ ProductParams p) {
    if (blockIdx.y == 0)
        multiply(p);
    else
        wait_for_previous();
}

SWITCHYARD_PRODUCT_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
