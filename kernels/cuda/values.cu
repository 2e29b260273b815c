#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/plain_floats.cuh"
#include "kernels/cuda/value_kernels.h"

namespace switchyard::cuda {

namespace {

/// each(row, i) for the block's values of its row.
template <class Each>
__device__ void each_value(int width, const Each& each) {
    const std::int64_t row = blockIdx.y;
    const int begin = static_cast<int>(blockIdx.x * kValueThreads * kValuesPerThread + threadIdx.x);
#pragma unroll
    for (int k = 0; k < kValuesPerThread; ++k)
        if (const int i = begin + k * kValueThreads; i < width)
            each(row, i);
}

/// each(i) for the thread's values of `size`, in norm_group()'s order.
template <class Each>
__device__ void each_four(int size, const Each& each) {
    for (int first = 4 * static_cast<int>(threadIdx.x); first < size; first += 4 * kInputThreads)
        for (int i = first; i < min(first + 4, size); ++i)
            each(i);
}

} // namespace

static __global__ void __launch_bounds__(kValueThreads, 4) split(const __grid_constant__ SplitParams p) {
    wait_for_previous();
    let_next_start();
    const int both = p.first + p.second, width = p.groups * both;
    each_value(width, [&](std::int64_t row, int i) {
        const int group = i / both, at = i - group * both;
        const float x = p.in[row * width + i];
        if (at < p.first)
            p.first_out[(row * p.groups + group) * p.first + at] = x;
        else
            p.second_out[(row * p.groups + group) * p.second + at - p.first] = x;
    });
}

static __global__ void __launch_bounds__(kValueThreads, 4) gate(const __grid_constant__ GateParams p) {
    wait_for_previous();
    let_next_start();
    const int each = p.width / p.gates;
    each_value(p.width, [&](std::int64_t row, int i) {
        const float x = p.gate[row * p.gate_stride + i / each];
        float& value = p.value[row * p.width + i];
        if (p.kind == GateKind::Gelu)
            value = multiply_rounded(gelu(value), x);
        else
            value =
                multiply_rounded(value, p.kind == GateKind::Sigmoid ? sigmoid_times(1.0f, x) : softplus(x));
    });
}

static __global__ void __launch_bounds__(kValueThreads, 4) scale(const __grid_constant__ ScaleParams p) {
    const float *bias = plain_floats(p.bias), *scaler = plain_floats(p.scaler);
    const float factor = scaler ? multiply_rounded(p.factor, *scaler) : p.factor;
    wait_for_previous();
    let_next_start();
    each_value(p.width, [&](std::int64_t row, int i) {
        float x = multiply_rounded(p.values[row * p.width + i], factor);
        if (bias)
            x = add_rounded(x, bias[i]);
        p.values[row * p.width + i] = p.cap > 0.0f ? multiply_rounded(p.cap, tanhf(x / p.cap)) : x;
    });
}

static __global__ void __launch_bounds__(kValueThreads, 4) add_rows(const __grid_constant__ AddRowsParams p) {
    wait_for_previous();
    let_next_start();
    each_value(p.width, [&](std::int64_t row, int i) {
        float& out = p.out[row * p.width + i];
        out = fmaf(p.factor, p.in[row * p.width + i], out);
    });
}

static __global__ void __launch_bounds__(kInputThreads, 2)
    norm_groups(const __grid_constant__ NormGroupsParams p) {
    InputShared& shared = shared_memory<InputShared>();
    const int first = static_cast<int>(blockIdx.x) * p.size;
    const std::int64_t at = std::int64_t{blockIdx.y} * p.groups * p.size + first;
    const float *gain = plain_floats(p.gain), *bias = plain_floats(p.bias);
    wait_for_previous();
    let_next_start();
    const float *in = p.in + at, count = static_cast<float>(p.size);
    float mean = 0.0f, squares = 0.0f;
    if (p.centred) {
        each_four(p.size, [&](int i) { mean += in[i]; });
        mean = block_sum(mean, shared) / count;
    }
    each_four(p.size, [&](int i) {
        const float x = add_rounded(in[i], -mean);
        squares = fmaf(x, x, squares);
    });
    const float factor = 1.0f / sqrtf(add_rounded(block_sum(squares, shared) / count, p.epsilon));
    each_four(p.size, [&](int i) {
        const int own = p.apart ? first + i : i;
        float x = multiply_rounded(add_rounded(in[i], -mean), factor);
        x = gain ? multiply_rounded(x, gain[own]) : x;
        x = bias ? add_rounded(x, bias[own]) : x;
        float& out = p.out[at + i];
        out = p.add ? add_rounded(out, x) : x;
    });
}

SWITCHYARD_VALUE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
