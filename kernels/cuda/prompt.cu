#include "kernels/cuda/launchers.h"
#include "kernels/cuda/prompt_tile.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kInputThreads, 2)
    prepare_prompt(const __grid_constant__ PreparePromptParams p) {
    InputShared& shared = shared_memory<InputShared>();
    const float* gain = p.gain ? reinterpret_cast<const float*>(p.gain->data) : nullptr;
    wait_for_previous();
    let_next_start();
    const auto prepared = static_cast<std::int64_t>(blockIdx.x);
    if (p.count && prepared >= *p.count) // the same for all threads of the block
        return;
    const std::int64_t row = p.gather ? p.gather[prepared] : prepared / p.heads;
    RowSource raw(p.in + row * p.in_stride + prepared % p.heads * p.head_stride, gain, p.width);
    if (gain)
        find_rms(raw, p.epsilon, shared);
    const WeighedRow source{raw, p.weights ? p.weights[prepared] : 1.0f};
    std::uint32_t largest = 0;
    const int thread = static_cast<int>(threadIdx.x);
    for (int first = 4 * thread; first < p.width; first += 4 * kInputThreads) {
        float v[4];
        source.read(first, v);
        for (const float x : v)
            largest = max(largest, float_bits(x) & 0x7fffffffu);
    }
    const std::int32_t up = half_exponent(block_max(largest, shared));
    const float factor = power_of_two(up);
    for (int first = 4 * thread; first < p.out.padded; first += 4 * kInputThreads) {
        float v[4];
        source.read(first, v);
        *reinterpret_cast<uint2*>(p.out.values + prepared * p.out.padded + first) = {
            floats_to_halves(multiply_rounded(v[0], factor), multiply_rounded(v[1], factor)),
            floats_to_halves(multiply_rounded(v[2], factor), multiply_rounded(v[3], factor))};
    }
    if (thread == 0)
        p.out.scales[prepared] = power_of_two(254 - up);
}

static __global__ void __launch_bounds__(kRangeThreads, 2)
    find_ranges(const __grid_constant__ FindRangesParams p) {
    InputShared& shared = shared_memory<InputShared>();
    wait_for_previous();
    let_next_start();
    const std::int64_t entry = p.entries[blockIdx.x];
    const MatrixView matrix = p.ranges.table[entry];
    const int blocks = (matrix.cols + 31) / 32;
    const std::int64_t all = std::int64_t{tile_rows(matrix.rows)} * blocks;
    std::uint32_t largest = 0;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.y) * (kRangeThreads / 32) + warp_index();
         i < all; i += kRangeParts * (kRangeThreads / 32)) {
        BlockValues v;
        BlockDecoder({matrix, static_cast<int>(i / blocks), 1.0f}, static_cast<int>(i % blocks)).values(v);
        for (const float(&part)[4] : v)
            for (const float x : part)
                largest = max(largest, float_bits(x) & 0x7fffffffu);
    }
    largest = block_max(largest, shared);
    if (threadIdx.x == 0)
        p.ranges.largest[entry * kRangeParts + blockIdx.y] = largest;
}

static __global__ void __launch_bounds__(kPromptThreads, 2)
    prompt_product(const __grid_constant__ PromptProductParams p) {
    PromptShared& shared = shared_memory<PromptShared>();
    wait_for_previous();
    let_next_start();
    const PromptPlace place(static_cast<int>(blockIdx.x), prompt_items(p), prompt_token_tiles(p.rows));
    int left = place.item, number = 0;
    while (left >= p.targets[number].heads * prompt_row_tiles(p.targets[number].matrix_rows)) {
        left -= p.targets[number].heads * prompt_row_tiles(p.targets[number].matrix_rows);
        ++number;
    }
    const ProductTarget& target = p.targets[number];
    const int row_tiles = prompt_row_tiles(target.matrix_rows), head = left / row_tiles;
    const PromptMatrix matrix(p.ranges, target.matrices + head, left % row_tiles);
    const int first = place.tokens * kPromptTokens, tokens = min(kPromptTokens, p.rows - first);
    const auto prepared_row = [&](int token) {
        return static_cast<std::int64_t>(first + token) * target.heads + head;
    };
    PromptSums sums = {};
    multiply_prompt_tile(sums, matrix.weights, p.in.padded / kPromptStep,
                         copied_rows(p.in, tokens, prepared_row), tokens, matrix.active(), shared);
    const float* bias = target.bias ? reinterpret_cast<const float*>(target.bias->data) : nullptr;
    each_sum(tokens, [&](int token_tile, int e, int token, int g) {
        const std::int64_t row = first + token;
        const float weight = p.row_weights ? p.row_weights[row] : 1.0f;
        float* out = target.out + row * target.out_stride + head * target.out_head_stride;
        matrix.each_row(sums, token_tile, e, g, p.in.scales[prepared_row(token)], [&](int m, float sum) {
            if (bias)
                sum = add_rounded(sum, bias[m]);
            sum = multiply_rounded(sum, weight);
            out[m] = target.add ? add_rounded(out[m], sum) : sum;
        });
    });
}

SWITCHYARD_PROMPT_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
