#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"
#include "kernels/cuda/stream_kernels.h"

namespace switchyard::cuda {

namespace {

constexpr int kWarps = kStreamThreads / kWarpLanes;

/// Four values of a row from `first` on, zeros behind its end; `aligned`: they may be read as such.
__device__ float4 four_of(const float* row, int first, int all, bool aligned) {
    if (aligned)
        return *reinterpret_cast<const float4*>(row + first);
    float4 four = {0.0f, 0.0f, 0.0f, 0.0f};
    four.x = row[first];
    four.y = first + 1 < all ? row[first + 1] : 0.0f;
    four.z = first + 2 < all ? row[first + 2] : 0.0f;
    four.w = first + 3 < all ? row[first + 3] : 0.0f;
    return four;
}

} // namespace

static __global__ void __launch_bounds__(kStreamThreads, 4)
    stream_sums(const __grid_constant__ StreamSumsParams p) {
    StreamSumsShared& shared = shared_memory<StreamSumsShared>();
    const int output = static_cast<int>(blockIdx.x), first_row = static_cast<int>(blockIdx.y) * kStreamRows;
    const bool squares = output == p.outputs, aligned = p.all % 4 == 0;
    const float* weights = squares ? nullptr : floats_of(p.fn) + std::int64_t{output} * p.all;
    wait_for_previous();
    let_next_start();
    float sum[kStreamRows] = {};
    for (int i = 4 * static_cast<int>(threadIdx.x); i < p.all; i += 4 * kStreamThreads) {
        float4 w = {0.0f, 0.0f, 0.0f, 0.0f};
        if (weights)
            w = four_of(weights, i, p.all, aligned);
#pragma unroll
        for (int r = 0; r < kStreamRows; ++r) {
            if (first_row + r >= p.row_count)
                continue;
            const float4 x = four_of(p.streams + (std::int64_t{first_row} + r) * p.all, i, p.all, aligned);
            const float4 by = squares ? x : w;
            sum[r] = fmaf(by.x, x.x, sum[r]);
            sum[r] = fmaf(by.y, x.y, sum[r]);
            sum[r] = fmaf(by.z, x.z, sum[r]);
            sum[r] = fmaf(by.w, x.w, sum[r]);
        }
    }
#pragma unroll
    for (int r = 0; r < kStreamRows; ++r) {
        const float own = warp_sum(sum[r]);
        if (lane_index() == 0)
            shared.of_warp[r][warp_index()] = own;
    }
    sync_block();
    const int r = static_cast<int>(threadIdx.x);
    if (r >= kStreamRows || first_row + r >= p.row_count)
        return;
    float total = 0.0f;
    for (int w = 0; w < kWarps; ++w)
        total += shared.of_warp[r][w];
    p.sums[(std::int64_t{first_row} + r) * (p.outputs + 1) + output] = total;
}

namespace {

/// What StreamSums found for a row, divided as a norm in front would have.
struct RowSums {
    const float* sums;
    float factor;

    __device__ RowSums(const MixStreamsParams& p, std::int64_t row)
        : sums(p.sums + row * (p.outputs + 1)),
          factor(1.0f / sqrtf(sums[p.outputs] / static_cast<float>(p.count * p.width) + p.norm_epsilon)) {}
    __device__ float at(int i) const { return sums[i] * factor; }
};

/// Divides entry `thread` of the mix by the sum of its row, or of its column. By the block.
__device__ void normalise_mix(float* mix, int n, bool rows, float epsilon) {
    const int thread = static_cast<int>(threadIdx.x), i = thread / n, j = thread % n;
    float value = 0.0f;
    if (thread < n * n) {
        float sum = epsilon;
        for (int k = 0; k < n; ++k)
            sum += mix[rows ? i * n + k : k * n + j];
        value = mix[thread] / sum;
    }
    sync_block();
    if (thread < n * n)
        mix[thread] = value;
    sync_block();
}

/// Post and mix of a row. By the block.
__device__ void find_weights(const MixStreamsParams& p, const RowSums& found, float* weights,
                             MixStreamsShared& shared) {
    const float *base = floats_of(p.base), *scale = floats_of(p.scale);
    const int n = p.count, thread = static_cast<int>(threadIdx.x);
    if (thread < n)
        weights[thread] = 2.0f * sigmoid_times(1.0f, found.at(n + thread) * scale[1] + base[n + thread]);
    if (thread < n * n)
        shared.mix[thread] = found.at(2 * n + thread) * scale[2] + base[2 * n + thread];
    sync_block();
    float weight = 0.0f; // of a row's softmax
    if (thread < n * n) {
        const float* row = shared.mix + thread / n * n;
        float most = row[0], sum = 0.0f;
        for (int j = 1; j < n; ++j)
            most = fmaxf(most, row[j]);
        for (int j = 0; j < n; ++j)
            sum += expf(row[j] - most);
        weight = expf(shared.mix[thread] - most) / sum + p.epsilon;
    }
    sync_block();
    if (thread < n * n)
        shared.mix[thread] = weight;
    sync_block();
    normalise_mix(shared.mix, n, false, p.epsilon);
    for (int i = 1; i < p.iterations; ++i) {
        normalise_mix(shared.mix, n, true, p.epsilon);
        normalise_mix(shared.mix, n, false, p.epsilon);
    }
    if (thread < n * n)
        weights[n + thread] = shared.mix[thread];
}

} // namespace

static __global__ void __launch_bounds__(kStreamThreads, 4)
    mix_streams(const __grid_constant__ MixStreamsParams p) {
    MixStreamsShared& shared = shared_memory<MixStreamsShared>();
    wait_for_previous();
    let_next_start();
    const std::int64_t row = blockIdx.y;
    const int n = p.count, thread = static_cast<int>(threadIdx.x);
    const RowSums found(p, row);
    if (thread < n)
        shared.pre[thread] =
            sigmoid_times(1.0f, found.at(thread) * floats_of(p.scale)[0] + floats_of(p.base)[thread]) +
            p.epsilon;
    sync_block();
    const int d = static_cast<int>(blockIdx.x) * kStreamThreads + thread;
    if (d < p.width) {
        const float* streams = p.streams + row * n * p.width + d;
        float sum = 0.0f;
        for (int i = 0; i < n; ++i)
            sum = fmaf(shared.pre[i], streams[std::int64_t{i} * p.width], sum);
        p.out[row * p.width + d] = sum;
    }
    if (p.weights && blockIdx.x == 0)
        find_weights(p, found, p.weights + row * (n + n * n), shared);
}

static __global__ void __launch_bounds__(kStreamThreads, 4)
    spread_streams(const __grid_constant__ SpreadStreamsParams p) {
    SpreadStreamsShared& shared = shared_memory<SpreadStreamsShared>();
    wait_for_previous();
    let_next_start();
    const std::int64_t row = blockIdx.y;
    const int n = p.count, thread = static_cast<int>(threadIdx.x);
    const int d = static_cast<int>(blockIdx.x) * kStreamThreads + thread;
    for (int i = thread; p.weights && i < n + n * n; i += kStreamThreads)
        shared.weights[i] = p.weights[row * (n + n * n) + i];
    sync_block();
    if (d >= p.width)
        return;
    float* streams = p.streams + row * n * p.width + d;
    const float in = p.in[row * p.width + d];
    if (!p.weights) {
        for (int j = 0; j < n; ++j)
            streams[std::int64_t{j} * p.width] = in;
        return;
    }
    float before[kMostStreams];
#pragma unroll
    for (int i = 0; i < kMostStreams; ++i)
        before[i] = i < n ? streams[std::int64_t{i} * p.width] : 0.0f;
    for (int j = 0; j < n; ++j) {
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < kMostStreams; ++i)
            if (i < n)
                sum += shared.weights[n + i * n + j] * before[i];
        streams[std::int64_t{j} * p.width] = shared.weights[j] * in + sum;
    }
}

SWITCHYARD_STREAM_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
