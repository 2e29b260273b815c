#include "kernels/cuda/feed_forward.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/prompt_dense_kernels.h"
#include "kernels/cuda/prompt_tile.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kDenseThreads, 4)
    halve_weights(const __grid_constant__ HalveWeightsParams p) {
    wait_for_previous();
    let_next_start();
    const MatrixView matrix = *p.matrix;
    const TileRowWeights weights(matrix, p.first_tile + static_cast<int>(blockIdx.x),
                                 weight_factor(p.ranges, p.matrix));
    if (p.first_tile + static_cast<int>(blockIdx.x) >= tile_rows(matrix.rows)) // for all threads alike
        return;
    const int g = lane_index() / 4, t = lane_index() % 4, blocks = p.padded / 32;
    std::uint16_t* to = p.to + std::int64_t{kTileRows} * blockIdx.x * p.padded;
    for (int b = static_cast<int>(blockIdx.y) * (kDenseThreads / 32) + warp_index(); b < blocks;
         b += static_cast<int>(gridDim.y) * (kDenseThreads / 32)) {
        BlockValues v;
        BlockDecoder(weights, b).values(v);
        for (int upper = 0; upper < 2; ++upper)
            for (int half = 0; half < 2; ++half) {
                const float(&four)[4] = v[2 * upper + half];
                *reinterpret_cast<uint2*>(to + std::int64_t{g + 8 * upper} * p.padded + 32 * b + 16 * half +
                                          4 * t) = {floats_to_halves(four[0], four[1]),
                                                    floats_to_halves(four[2], four[3])};
            }
    }
}

static __global__ void __launch_bounds__(kDenseThreads, 4)
    finish_product(const __grid_constant__ FinishProductParams p) {
    wait_for_previous();
    let_next_start();
    const auto row = static_cast<std::int64_t>(blockIdx.x);
    const float back = inverse_power(weight_factor(p.ranges, p.target.matrices)), scale = p.in.scales[row],
                weight = p.row_weights ? p.row_weights[row] : 1.0f;
    const float* bias =
        p.target.bias ? reinterpret_cast<const float*>(p.target.bias->data) + p.in.first : nullptr;
    const float* sums = p.in.sums + row * p.in.stride;
    float* out = p.target.out + row * p.target.out_stride + p.in.first;
#pragma unroll 4
    for (int m = static_cast<int>(threadIdx.x); m < p.in.count; m += kDenseThreads) {
        float sum = multiply_rounded(multiply_rounded(sums[m], back), scale);
        if (bias)
            sum = add_rounded(sum, bias[m]);
        sum = multiply_rounded(sum, weight);
        out[m] = p.target.add ? add_rounded(out[m], sum) : sum;
    }
}

static __global__ void __launch_bounds__(kDenseThreads, 4)
    join_gated(const __grid_constant__ JoinGatedParams p) {
    wait_for_previous();
    let_next_start();
    const auto row = static_cast<std::int64_t>(blockIdx.x);
    const float gate_back = inverse_power(weight_factor(p.ranges, p.matrices.gate)),
                up_back = inverse_power(weight_factor(p.ranges, p.matrices.up)), scale = p.in.scales[row];
    const float *const gate_bias = bias_row(p.matrices.gate_bias, 0, p.matrices.width),
                       *const up_bias = bias_row(p.matrices.up_bias, 0, p.matrices.width);
    const float* sums = p.in.sums + row * p.in.stride;
    float* hidden = p.hidden + row * p.hidden_stride;
#pragma unroll 2
    for (int i = static_cast<int>(threadIdx.x); i < p.in.count; i += kDenseThreads) {
        const int neuron = p.in.first + i;
        float gate = multiply_rounded(multiply_rounded(sums[i], gate_back), scale);
        float up = multiply_rounded(multiply_rounded(sums[p.ups + i], up_back), scale);
        if (gate_bias)
            gate = add_rounded(gate, gate_bias[neuron]);
        if (up_bias)
            up = add_rounded(up, up_bias[neuron]);
        hidden[neuron] = join_halves(p.matrices, gate, up);
    }
}

SWITCHYARD_PROMPT_DENSE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
