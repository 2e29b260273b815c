#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/group_norm.cuh"
#include "kernels/cuda/launchers.h"
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
        const float x = p.gate[row * p.gates + i / each];
        const float factor = p.kind == GateKind::Sigmoid ? sigmoid_times(1.0f, x) : softplus(x);
        float& value = p.value[row * p.width + i];
        value = multiply_rounded(value, factor);
    });
}

static __global__ void __launch_bounds__(kValueThreads, 4) scale(const __grid_constant__ ScaleParams p) {
    const float* bias = p.bias ? reinterpret_cast<const float*>(p.bias->data) : nullptr;
    wait_for_previous();
    let_next_start();
    each_value(p.width, [&](std::int64_t row, int i) {
        float& value = p.values[row * p.width + i];
        value = multiply_rounded(value, p.factor);
        if (bias)
            value = add_rounded(value, bias[i]);
    });
}

static __global__ void __launch_bounds__(kInputThreads, 2)
    norm_groups(const __grid_constant__ NormGroupsParams p) {
    InputShared& shared = shared_memory<InputShared>();
    const int first = static_cast<int>(blockIdx.x) * p.size;
    const std::int64_t at = std::int64_t{blockIdx.y} * p.groups * p.size + first;
    const float* gain = reinterpret_cast<const float*>(p.gain->data) + first;
    wait_for_previous();
    let_next_start();
    norm_group(p.in + at, gain, p.epsilon, p.size, p.out + at, p.add != 0, shared);
}

SWITCHYARD_VALUE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
