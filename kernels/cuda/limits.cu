#include "kernels/cuda/limits_kernels.h"

#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

namespace {

__device__ std::uint32_t mix(std::uint32_t x) {
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

/// Two halves of magnitude below 2, no zeros: multipliers that draw what real ones draw.
__device__ std::uint32_t two_halves(std::uint32_t seed) { return (mix(seed) & 0x83ff83ffu) | 0x38003800u; }

/// Products of drawn tiles, nothing else.
template <typename Sum, typename Draw, typename Multiply>
__device__ void multiply_tiles(const MmaRateParams& p, Draw draw, Multiply multiply) {
    wait_for_previous();
    let_next_start();
    const std::uint32_t own = blockIdx.x * kLimitThreads + threadIdx.x;
    std::uint32_t a[4], b[2];
    for (std::uint32_t i = 0; i < 4; ++i)
        a[i] = draw(own * 8 + i);
    for (std::uint32_t i = 0; i < 2; ++i)
        b[i] = draw(own * 8 + 4 + i);
    Sum c[kMmaChains][4] = {};
    for (int chain = 0; chain < kMmaChains; ++chain)
        c[chain][0] = static_cast<Sum>(chain); // equal chains would become one
    for (int round = 0; round < p.rounds; ++round)
#pragma unroll
        for (int chain = 0; chain < kMmaChains; ++chain)
            multiply(c[chain], a, b);
    float sum = 0;
#pragma unroll
    for (int chain = 0; chain < kMmaChains; ++chain)
#pragma unroll
        for (int i = 0; i < 4; ++i)
            sum += static_cast<float>(c[chain][i]);
    p.out[own] = sum;
}

} // namespace

static __global__ void __launch_bounds__(kLimitThreads, 4)
    read_memory(const __grid_constant__ ReadMemoryParams p) {
    wait_for_previous();
    let_next_start();
    const std::uint64_t threads = std::uint64_t{gridDim.x} * kLimitThreads;
    const std::uint64_t own = std::uint64_t{blockIdx.x} * kLimitThreads + threadIdx.x;
    std::uint32_t sum = 0;
    for (std::uint64_t first = own; first < p.vectors; first += threads * kReadVectors) {
        uint4 read[kReadVectors] = {};
#pragma unroll
        for (int i = 0; i < kReadVectors; ++i) {
            const std::uint64_t at = first + threads * static_cast<std::uint64_t>(i);
            if (at < p.vectors)
                read[i] = load_weights(p.from + 16 * at);
        }
#pragma unroll
        for (int i = 0; i < kReadVectors; ++i)
            sum += read[i].x ^ read[i].y ^ read[i].z ^ read[i].w;
    }
    p.out[own] = sum;
}

static __global__ void __launch_bounds__(kLimitThreads, 4)
    mma_half_rate(const __grid_constant__ MmaRateParams p) {
    multiply_tiles<float>(p, two_halves, [](auto& c, const auto& a, const auto& b) { mma_half(c, a, b); });
}

static __global__ void __launch_bounds__(kLimitThreads, 4)
    mma_bytes_rate(const __grid_constant__ MmaRateParams p) {
    multiply_tiles<std::int32_t>(p, mix,
                                 [](auto& c, const auto& a, const auto& b) { mma_bytes<true>(c, a, b); });
}

static __global__ void __launch_bounds__(kLimitThreads, 4)
    issue_rate(const __grid_constant__ IssueRateParams p) {
    wait_for_previous();
    let_next_start();
    const std::uint32_t own = blockIdx.x * kLimitThreads + threadIdx.x;
    // Sums stay near 1: x = x * b + (1 - b) with b below 1.
    const float b = 0.5f + 0.25f * static_cast<float>(mix(own) >> 8) * 0x1p-24f, rest = 1.0f - b;
    float chain[kIssueChains];
    for (int i = 0; i < kIssueChains; ++i)
        chain[i] = static_cast<float>(i);
    for (int round = 0; round < p.rounds; ++round)
#pragma unroll
        for (int step = 0; step < kIssueSteps; ++step)
#pragma unroll
            for (int i = 0; i < kIssueChains; ++i)
                chain[i] = fmaf(chain[i], b, rest);
    float sum = 0;
    for (int i = 0; i < kIssueChains; ++i)
        sum += chain[i];
    p.out[own] = sum;
}

SWITCHYARD_LIMITS_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
